//! One file of the folder through its life.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wattdog_plugin_runtime::{Kind, Runtime};

use super::super::folder::Stamps;
use super::super::load::{Refusal, load_bytes, read_component};
use super::super::{Audit, AuditLine, Condition, LaneReport, Loaded, Mode, PluginInfo, Role, Sidecar, State, Trust};
use super::{SETTLE, stem};
use crate::clock;

/// A file that is no component, and was written to so lately, may not be whole yet.
const INCOMPLETE: Duration = Duration::from_secs(5);

/// What one look at a file says.
pub(super) enum Look {
    Settled,
    Unsettled,
    Changed,
    Removed,
}

#[derive(Default)]
pub(super) struct Entry {
    file: String,
    /// What was taken last.
    taken: Option<Stamps>,
    /// What was seen since, and when first. `None` inside: the file is not there.
    seen: Option<(Option<Stamps>, Instant)>,
    /// In the lineup, unless it does not fit in.
    running: Option<Arc<Loaded>>,
    /// What ran before, to go back to.
    previous: Option<Arc<Loaded>>,
    /// To take over when it knows the meters.
    warming: Option<Arc<Loaded>>,
    /// Removed or turned off, and perhaps still called by some lane.
    draining: Option<Arc<Loaded>>,
    /// What another life of the host would find of it.
    kept: Option<Arc<Loaded>>,
    /// What was rolled back, in whose place something else runs.
    rolled_back: Option<[u8; 32]>,
    /// Why what lies in the folder does not run.
    refusal: Option<String>,
    /// Why what may run does not fit in with the others.
    misfit: Option<String>,
    off: bool,
    quarantined: bool,
    since: String,
}

impl Entry {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: stem(file), since: clock::now().to_string(), ..Self::default() }
    }

    /// Compares what is there with what was taken: changed only when two looks with some time between them agree.
    pub(super) fn look(&mut self, stamps: Option<&Stamps>, now: Instant) -> Look {
        if self.taken.as_ref() == stamps {
            self.seen = None;
            return Look::Settled;
        }
        match &self.seen {
            Some((seen, since)) if seen.as_ref() == stamps => {
                if now.duration_since(*since) < SETTLE {
                    return Look::Unsettled;
                }
                if stamps.is_some() { Look::Changed } else { Look::Removed }
            }
            _ => {
                // A file that nobody has written to for a while, such as one that was renamed into the folder, needs no second look.
                let is_old = stamps.is_some_and(|stamps| age(stamps) > SETTLE);
                self.seen = Some((stamps.cloned(), now));
                if is_old { Look::Changed } else { Look::Unsettled }
            }
        }
    }

    /// Loads what is there now. True: it may not be whole yet.
    pub(super) fn take(&mut self, path: &Path, runtime: &Runtime, trust: &Trust, audit: &mut Audit, first: bool) -> bool {
        let Some((Some(stamps), _)) = self.seen.clone() else { return false };
        let loaded = Sidecar::beside(path).map_err(Refusal::Unfit).and_then(|sidecar| {
            if sidecar.mode == Mode::Off {
                return Ok(None);
            }
            let bytes = read_component(path, &sidecar).map_err(Refusal::Unfit)?;
            trust.check(path, &bytes).map_err(Refusal::Unfit)?;
            let loaded = load_bytes(path, &bytes, &sidecar, runtime)?;
            Ok(Some((loaded, bytes)))
        });
        if Stamps::of(path) != stamps {
            // Written to while it was read.
            self.seen = None;
            return true;
        }
        if matches!(loaded, Err(Refusal::Broken(_))) && age(&stamps) < INCOMPLETE && !first {
            // Looked at again after another while.
            self.seen = Some((Some(stamps), clock::monotonic()));
            return true;
        }
        self.taken = Some(stamps);
        self.seen = None;
        self.since = clock::now().to_string();
        match loaded {
            Ok(None) => self.turn_off(audit),
            Ok(Some((loaded, bytes))) => {
                audit.keep(&loaded.digest, &bytes);
                self.adopt(Arc::new(loaded), audit, first);
            }
            Err(refusal) => self.refuse(refusal.to_string(), audit),
        }
        false
    }

    fn turn_off(&mut self, audit: &mut Audit) {
        (self.off, self.refusal, self.misfit) = (true, None, None);
        audit.versions().forget_last_run(&self.file);
        if let Some(loaded) = self.running.take() {
            audit.write(line("off", &loaded, "its sidecar says so"));
            self.draining = Some(loaded);
        }
        (self.warming, self.previous) = (None, None);
    }

    fn refuse(&mut self, reason: String, audit: &mut Audit) {
        let runs_on = self.running.as_ref().map(|loaded| loaded.version.clone()).unwrap_or_default();
        tracing::error!(file = self.file, reason, runs_on, "plugin refused");
        audit.write(AuditLine {
            event: "refused".into(),
            file: self.file.clone(),
            reason: reason.clone(),
            ..AuditLine::default()
        });
        self.refusal = Some(reason);
    }

    fn adopt(&mut self, loaded: Arc<Loaded>, audit: &mut Audit, first: bool) {
        (self.off, self.refusal, self.rolled_back) = (false, None, None);
        if self.running.as_ref().is_some_and(|running| running.is_same(&loaded)) {
            // Written again with the same content, or back to what runs.
            self.warming = None;
            return;
        }
        let before = self.running.as_ref().filter(|running| running.name == loaded.name);
        let promoted = before.is_some_and(|running| running.sidecar.mode == Mode::Shadow && loaded.sidecar.mode == Mode::Active);
        let event = if promoted { "promoted" } else { "loaded" };
        tracing::info!(
            plugin = loaded.name,
            version = loaded.version,
            digest = &loaded.digest[..12],
            file = self.file,
            "plugin {event}"
        );
        let mut said = line(event, &loaded, "");
        said.replaced = before.map(|running| running.digest.clone());
        audit.write(said);
        let warms_up = !first && loaded.warms_up() && !before.is_some_and(|running| running.hands_state_to(&loaded));
        if warms_up {
            audit.write(line("warming", &loaded, "it cannot read the state of the version before, or there was none"));
            self.warming = Some(loaded);
        } else {
            self.previous = self.running.replace(loaded);
            self.warming = None;
        }
        self.quarantined = false;
    }

    /// The file is gone.
    pub(super) fn remove(&mut self, audit: &mut Audit) {
        if let Some(loaded) = &self.running {
            tracing::info!(plugin = loaded.name, version = loaded.version, file = self.file, "plugin removed");
            audit.write(line("removed", loaded, "its file is gone"));
        }
        audit.versions().forget_last_run(&self.file);
        let draining = self.running.take();
        *self = Self { file: std::mem::take(&mut self.file), since: clock::now().to_string(), draining, ..Self::default() };
    }

    /// Every lane runs the lineup of now, so none calls it any more.
    pub(super) fn drained(&mut self, audit: &mut Audit) {
        if let Some(loaded) = self.draining.take() {
            audit.write(line("gone", &loaded, ""));
        }
    }

    /// After the first look: what ran when the host was last alive goes on, where what lies in the folder does not run or was
    /// rolled back. Not where signatures are asked for, since it has none any more.
    pub(super) fn go_on(&mut self, path: &Path, runtime: &Runtime, trust: &Trust, audit: &mut Audit) {
        let Some(last) = audit.versions().last_run(&self.file) else { return };
        let rolled_back = self.running.as_ref().map(|running| running.identity());
        if self.off || !trust.is_of_anybody() || (rolled_back.is_some() && rolled_back != last.instead_of) {
            return;
        }
        let loaded = match last.load(path, runtime) {
            Ok(loaded) => Arc::new(loaded),
            Err(refusal) => {
                tracing::error!(file = self.file, reason = %refusal, "what ran before does not run any more");
                return;
            }
        };
        let (event, reason) = match &self.running {
            Some(running) => ("rolled-back", format!("version {} was rolled back in an earlier life", running.version)),
            None => ("loaded", "it ran in an earlier life, and what lies in the folder does not run".to_owned()),
        };
        tracing::warn!(plugin = loaded.name, version = loaded.version, file = self.file, reason, "plugin goes on as before");
        let mut said = line(event, &loaded, &reason);
        said.replaced = self.running.as_ref().map(|running| running.digest.clone());
        audit.write(said);
        if rolled_back.is_some() {
            self.refusal = Some(format!("{reason}; drop another file"));
        }
        (self.running, self.rolled_back) = (Some(loaded), rolled_back);
    }

    /// Keeps what runs for another life of the host.
    pub(super) fn keep(&mut self, audit: &mut Audit) {
        if let Some(running) = &self.running
            && !self.kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, running))
        {
            audit.keep_last_run(running, self.rolled_back);
            self.kept = Some(Arc::clone(running));
        }
    }

    /// What it gives to the lineup.
    pub(super) fn candidates(&self) -> Vec<(Arc<Loaded>, Role)> {
        let role = |loaded: &Loaded| match loaded.sidecar.mode {
            Mode::Shadow => Role::Shadow,
            Mode::Active | Mode::Off => Role::Active,
        };
        let running = self.running.iter().map(|loaded| (Arc::clone(loaded), role(loaded)));
        running.chain(self.warming.iter().map(|loaded| (Arc::clone(loaded), Role::Warming))).collect()
    }

    pub(super) fn is_of(&self, loaded: &Arc<Loaded>) -> bool {
        [&self.running, &self.warming].into_iter().flatten().any(|own| Arc::ptr_eq(own, loaded))
    }

    /// Whether it fits in with the others.
    pub(super) fn misfit(&mut self, reason: Option<String>, audit: &mut Audit) {
        if let (Some(reason), Some(loaded)) = (&reason, self.running.as_ref().or(self.warming.as_ref()))
            && self.misfit.as_ref() != Some(reason)
        {
            tracing::error!(file = self.file, reason, "plugin refused");
            audit.write(line("refused", loaded, reason));
        }
        self.misfit = reason;
    }

    /// Takes over when every lane has warmed it up. True: the lineup changes.
    pub(super) fn follow_warm_up(&mut self, lanes: &BTreeMap<i32, LaneReport>, audit: &mut Audit) -> bool {
        let Some(warming) = &self.warming else { return false };
        if self.misfit.is_some() || !lanes.values().all(|lane| lane.warm_ups.get(&self.file).is_some_and(|warm_up| warm_up.done))
        {
            return false;
        }
        audit.write(line("warm", warming, ""));
        self.previous = self.running.take();
        self.running = self.warming.take();
        self.since = clock::now().to_string();
        true
    }

    /// Goes back, or waits, when it has failed too often. True: the lineup changes.
    pub(super) fn follow_health(&mut self, audit: &mut Audit) -> bool {
        if let Some(warming) = self.warming.take_if(|warming| warming.health.condition() != Condition::Well) {
            let (scored, failed) = warming.health.counts();
            self.refuse(format!("version {} failed on {failed} of {} earlier readings", warming.version, scored + failed), audit);
            return true;
        }
        let Some(running) = &self.running else { return false };
        let condition = running.health.condition();
        if condition == Condition::Well {
            if std::mem::take(&mut self.quarantined) {
                tracing::info!(plugin = running.name, version = running.version, "plugin works again");
                audit.write(line("released", running, "it took readings again"));
            }
            return false;
        }
        if condition != Condition::Exhausted {
            return false;
        }
        let (scored, failed) = running.health.counts();
        let why = format!("failed on {failed} of {} readings, or took too long doing so", scored + failed);
        if running.health.is_on_probation()
            && let Some(previous) = self.previous.take()
        {
            tracing::error!(
                plugin = running.name,
                version = running.version,
                back_to = previous.version,
                why,
                "plugin rolled back"
            );
            let mut said = line("rolled-back", &previous, &why);
            said.replaced = Some(running.digest.clone());
            audit.write(said);
            self.refusal = Some(format!("version {} was rolled back: it {why}; drop another file", running.version));
            self.rolled_back = Some(running.identity());
            self.running = Some(previous);
            return true;
        }
        tracing::error!(
            plugin = running.name,
            version = running.version,
            why,
            "plugin quarantined; it is tried again after a while"
        );
        audit.write(line("quarantined", running, &why));
        running.health.quarantine();
        self.quarantined = true;
        false
    }

    /// What is shown: what runs, what warms up, and what was refused.
    pub(super) fn infos(&self, lanes: &BTreeMap<i32, LaneReport>) -> Vec<PluginInfo> {
        let mut infos = Vec::new();
        if let Some(loaded) = &self.running {
            let state = match (self.quarantined, loaded.sidecar.mode, &self.misfit) {
                (_, _, Some(_)) => State::Refused,
                (true, ..) => State::Quarantined,
                (_, Mode::Shadow, _) => State::Shadow,
                (_, Mode::Active | Mode::Off, _) => State::Active,
            };
            let quarantine = "failed too often; it is tried again after a while".to_owned();
            let reason = self.misfit.clone().or_else(|| self.quarantined.then_some(quarantine));
            infos.push(self.info(loaded, state, reason));
        }
        if let Some(loaded) = &self.warming {
            let mut info = self.info(loaded, State::Warming, None);
            let warm_up =
                |(partition, lane): (&i32, &LaneReport)| lane.warm_ups.get(&self.file).map(|warm_up| (*partition, *warm_up));
            info.warm_up = lanes.iter().filter_map(warm_up).collect();
            let left: u64 = info.warm_up.iter().map(|(_, warm_up)| warm_up.total.saturating_sub(warm_up.read)).sum();
            info.reason = Some(format!("{left} earlier readings to go through before it takes over"));
            infos.push(info);
        }
        infos.extend(self.draining.iter().map(|loaded| self.info(loaded, State::Draining, None)));
        let state = match (&self.refusal, self.off, self.seen.is_some()) {
            (Some(_), ..) => State::Refused,
            (None, true, _) => State::Off,
            (None, false, true) if infos.is_empty() => State::Found,
            _ => return infos,
        };
        let still = infos.first().map(|info| format!("; version {} runs on", info.version)).unwrap_or_default();
        let reason = self.refusal.as_ref().map(|reason| format!("{reason}{still}"));
        infos.push(PluginInfo { file: self.file.clone(), state, reason, since: self.since.clone(), ..PluginInfo::default() });
        infos
    }

    fn info(&self, loaded: &Loaded, state: State, reason: Option<String>) -> PluginInfo {
        let (scored, failed) = loaded.health.counts();
        PluginInfo {
            file: self.file.clone(),
            name: loaded.name.clone(),
            version: loaded.version.clone(),
            digest: loaded.digest.clone(),
            kind: match loaded.kind() {
                Kind::Detector => "detector".into(),
                Kind::Enricher => "enricher".into(),
            },
            state,
            reason,
            since: self.since.clone(),
            scored,
            failed,
            states_lost: loaded.health.states_lost(),
            ns_per_reading: loaded.health.ns_per_reading(),
            scores: (loaded.kind() == Kind::Detector).then(|| loaded.scores.spread()),
            warm_up: Vec::new(),
        }
    }
}

fn age(stamps: &Stamps) -> Duration {
    stamps.modified().map_or(Duration::MAX, clock::since)
}

fn line(event: &str, loaded: &Loaded, reason: &str) -> AuditLine {
    AuditLine {
        event: event.into(),
        file: loaded.file_stem.clone(),
        plugin: loaded.name.clone(),
        version: loaded.version.clone(),
        digest: loaded.digest.clone(),
        reason: reason.into(),
        ..AuditLine::default()
    }
}
