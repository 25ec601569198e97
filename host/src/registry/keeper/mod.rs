//! The one loop that owns what runs: it looks at the plugin folder, loads what is new, and replaces the lineup.
//!
//! Everything slow (compiling, starting, trying out) happens on its thread, so that lanes never wait for it.

mod entry;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use wattdog_plugin_runtime::Runtime;

use super::audit::Last;
use super::folder::Scan;
use super::lineup::Candidate;
use super::{Audit, AuditLine, Lineup, Lineups, PluginInfo, Role, Trust, trust};
use crate::clock;
use entry::{Entry, Look};
use watch::Wakeups;

/// How often lanes and health are looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long two looks at a file must agree before it counts as whole.
const SETTLE: Duration = Duration::from_millis(300);
/// At a start, files that are just being written are waited for so long.
const FIRST_PATIENCE: Duration = Duration::from_secs(3);
/// So long a stop waits for a look that has begun.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// How plugins are found and kept.
#[derive(Clone, Debug)]
pub struct KeeperConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Longest time between two looks, for folders that give no events.
    pub poll: Duration,
    /// The audit record.
    pub audit: PathBuf,
    /// Whose components run.
    pub trust: Trust,
    /// Measures as (name, unit), in the order of the columns.
    pub measures: Vec<(String, String)>,
}

/// Handle of the loop; dropping it ends the loop.
pub struct Keeper {
    lineups: Arc<Lineups>,
    shown: Arc<Shown>,
    audit: Last,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Shown = Mutex<Vec<PluginInfo>>;

impl Keeper {
    /// Loads what is there, then goes on watching.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(config: KeeperConfig, runtime: Runtime) -> std::io::Result<Self> {
        let (lineups, shown, stop) = (Arc::new(Lineups::default()), Arc::new(Shown::default()), Arc::new(AtomicBool::new(false)));
        let audit = Audit::new(config.audit.clone());
        let last = audit.last();
        let mut keeping = Keeping {
            entries: BTreeMap::new(),
            scan: None,
            gone: None,
            judged: true,
            audit,
            lineups: Arc::clone(&lineups),
            shown: Arc::clone(&shown),
            config,
            runtime,
        };
        let wakeups = Wakeups::of(&keeping.config.dir);
        keeping.first_look();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("plugins".into()).spawn(move || {
            give_way();
            keeping.run(&wakeups, &stopped);
        })?;
        Ok(Self { lineups, shown, audit: last, stop, thread: Some(thread) })
    }

    /// What lanes follow.
    #[must_use]
    pub fn lineups(&self) -> &Arc<Lineups> {
        &self.lineups
    }

    /// Every file of the folder and where it is in its life.
    #[must_use]
    pub fn plugins(&self) -> Vec<PluginInfo> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of the audit record, the newest line last.
    #[must_use]
    pub fn audit(&self) -> Vec<AuditLine> {
        self.audit.lines()
    }
}

impl Keeper {
    /// Looks at the folder no more. A component that is being compiled is not waited for.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        let begun = clock::monotonic();
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && begun.elapsed() < LAST_LOOK {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the keeper of plugins ended in a panic");
        }
    }
}

/// Lanes come first: this thread, and the compiler that it starts, take what processor time they leave.
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        const NICE: libc::c_int = 10;
        // SAFETY: sets a number of the calling thread, which children inherit; a refusal changes nothing.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    }
}

struct Keeping {
    config: KeeperConfig,
    runtime: Runtime,
    entries: BTreeMap<PathBuf, Entry>,
    /// The last look.
    scan: Option<Scan>,
    /// Why the folder cannot be read; said once.
    gone: Option<String>,
    /// A detector runs, as was logged last.
    judged: bool,
    audit: Audit,
    lineups: Arc<Lineups>,
    shown: Arc<Shown>,
}

impl Keeping {
    fn first_look(&mut self) {
        trust::warn_of_strangers(&self.config.dir);
        // Looking may take long, where a component is compiled that is exchanged meanwhile: only waiting counts.
        let mut waited = Duration::ZERO;
        while self.look(true) && waited < FIRST_PATIENCE {
            std::thread::sleep(TICK);
            waited += TICK;
        }
        for (file, entry) in &mut self.entries {
            entry.go_on(file, &self.runtime, &self.config.trust, &mut self.audit);
        }
        self.publish();
    }

    fn run(mut self, wakeups: &Wakeups, stop: &AtomicBool) {
        let mut last_look = clock::monotonic();
        let mut unsettled = false;
        while !stop.load(Ordering::Relaxed) {
            let woken = wakeups.wait(TICK);
            if woken || unsettled || last_look.elapsed() >= self.config.poll {
                last_look = clock::monotonic();
                unsettled = self.look(false);
                self.publish();
            }
            self.follow_lanes();
            self.show();
        }
    }

    /// Compares the folder with what is known of it, and takes what is whole. True: something is still changing.
    fn look(&mut self, first: bool) -> bool {
        let Some(scan) = self.scan() else { return false };
        let mut unsettled = false;
        for file in scan.components.keys() {
            self.entries.entry(file.clone()).or_insert_with(|| Entry::new(file));
        }
        for (file, entry) in &mut self.entries {
            match entry.look(scan.components.get(file), clock::monotonic()) {
                Look::Settled => {}
                Look::Unsettled => unsettled = true,
                Look::Changed => unsettled |= entry.take(file, &self.runtime, &self.config.trust, &mut self.audit, first),
                Look::Removed => entry.remove(&mut self.audit),
            }
        }
        self.scan = Some(scan);
        unsettled
    }

    /// None: the folder is not there, and what runs goes on.
    fn scan(&mut self) -> Option<Scan> {
        let dir = self.config.dir.display().to_string();
        let found = match Scan::of(&self.config.dir) {
            Ok(scan) if self.scan.as_ref().is_some_and(|before| scan.is_empty_mount_point_of(before)) => {
                Err("another, empty folder is in its place; is a volume unmounted?".to_owned())
            }
            Ok(scan) => Ok(scan),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok(scan) => {
                if self.gone.take().is_some() {
                    tracing::info!(dir, "the plugin folder is back");
                }
                Some(scan)
            }
            Err(reason) => {
                if self.gone.as_ref() != Some(&reason) {
                    tracing::error!(dir, reason, "cannot read the plugin folder; what runs goes on; set `plugins.dir`");
                    self.gone = Some(reason);
                }
                None
            }
        }
    }

    /// Makes the lineup of what may run, and hands it to the lanes where it differs.
    fn publish(&mut self) {
        let before = self.lineups.current();
        let candidates: Vec<_> = self.entries.values().flat_map(Entry::candidates).collect();
        let candidates = candidates.iter().map(|(loaded, role)| Candidate { loaded, role: *role }).collect();
        let (lineup, refused) = Lineup::of(&before, &self.config.measures, candidates);
        for entry in self.entries.values_mut() {
            let reason = refused.iter().find(|(loaded, _)| entry.is_of(loaded)).map(|(_, reason)| reason.clone());
            entry.misfit(reason, &mut self.audit);
        }
        if !lineup.is_like(&before) {
            let lanes = self.lineups.lanes().len();
            for plugin in lineup.all().filter(|plugin| !before.all().any(|other| Arc::ptr_eq(other.loaded(), plugin.loaded()))) {
                plugin.start_spares(lanes);
            }
            self.lineups.publish(lineup);
        }
        for entry in self.entries.values_mut() {
            entry.keep(&mut self.audit);
        }
        self.tell_unjudged();
        self.show();
    }

    /// At the start, and whenever the last active detector is gone.
    fn tell_unjudged(&mut self) {
        let judged = self.lineups.current().detectors.iter().any(|plugin| plugin.role == Role::Active);
        if std::mem::replace(&mut self.judged, judged) && !judged {
            tracing::warn!(dir = %self.config.dir.display(), "no detector runs: readings are aggregated, none is judged");
        }
    }

    /// What lanes say: swaps, warm-ups that are done, plugins that have failed too often.
    fn follow_lanes(&mut self) {
        for swap in self.lineups.take_swaps() {
            let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            let (pause_us, busy_us) = (micros(swap.pause), micros(swap.busy));
            tracing::info!(
                plugin = swap.plugin,
                version = swap.version,
                partition = swap.partition,
                meters = swap.meters,
                pause_us,
                "swapped"
            );
            self.audit.write(AuditLine {
                event: "swapped".into(),
                plugin: swap.plugin,
                version: swap.version,
                digest: swap.digest,
                replaced: swap.replaced,
                partition: Some(swap.partition),
                offset: swap.offset,
                meters: Some(swap.meters),
                pause_us: Some(pause_us),
                busy_us: Some(busy_us),
                ..AuditLine::default()
            });
        }
        let lanes = self.lineups.lanes();
        let generation = self.lineups.generation();
        let all_follow = lanes.values().all(|lane| lane.generation == generation);
        let mut changed = false;
        for entry in self.entries.values_mut() {
            if all_follow {
                entry.drained(&mut self.audit);
            }
            changed |= entry.follow_warm_up(&lanes, &mut self.audit);
            changed |= entry.follow_health(&mut self.audit);
        }
        if changed {
            self.publish();
        }
    }

    fn show(&mut self) {
        let lanes = self.lineups.lanes();
        let plugins = self.entries.values().flat_map(|entry| entry.infos(&lanes)).collect();
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = plugins;
    }
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
