//! State in and out of an instance.

use std::collections::HashMap;

use wattdog_plugin_runtime::Fault;

use super::told::meter_params;
use super::{Duty, LanePlugin, Names};
use crate::clock;
use crate::domain::MeterId;

/// Rows of one call when they are gone through again: as many as a batch has.
const REPEATED_ROWS: usize = 4_096;

impl LanePlugin {
    /// Brings those of the meters that the instance has not met to where they were. Returns the ones that it must be told yet.
    pub(super) fn restore<D: Duty>(&mut self, meters: &[MeterId], names: Names<'_>, duty: &mut D) -> Result<Vec<MeterId>, Fault> {
        let strangers = self.told.strangers(meters, names);
        if strangers.is_empty() || self.states.is_none() {
            return Ok(strangers);
        }
        let (started, cpu_before) = (clock::monotonic(), clock::thread_cpu());
        let untold = self.restore_strangers(strangers, meters, names, duty);
        self.restoring.elapsed += started.elapsed();
        self.restoring.cpu += clock::thread_cpu().saturating_sub(cpu_before);
        untold
    }

    fn restore_strangers<D: Duty>(
        &mut self,
        strangers: Vec<MeterId>,
        meters: &[MeterId],
        names: Names<'_>,
        duty: &mut D,
    ) -> Result<Vec<MeterId>, Fault> {
        // A plugin that does not start says nothing about the states.
        self.on_instance(|_| Ok(()))?;
        let untold = match self.import(&strangers, names) {
            Ok(untold) => untold,
            Err(_) => {
                self.give_up_unreadable(&strangers, names)?;
                let strangers = self.told.strangers(meters, names);
                self.import(&strangers, names)?
            }
        };
        self.repeat(&strangers, untold, names, duty).inspect_err(|fault| {
            tracing::warn!(plugin = self.plugin.name, %fault, "cannot go through earlier rows again; meters lack their last rows");
            self.plugin.health.lost_states(strangers.len());
            self.decided = true;
            if let Some(states) = &mut self.states {
                states.forget_rows(&strangers);
            }
        })
    }

    /// Gives the instance the stored states of these meters; returns those that have none.
    fn import(&mut self, meters: &[MeterId], names: Names<'_>) -> Result<Vec<MeterId>, Fault> {
        let Some(states) = self.states.take() else { return Ok(meters.to_vec()) };
        let (with, without): (Vec<_>, Vec<_>) = meters.iter().partition(|meter| states.stored(**meter).is_some());
        let mut version = None;
        let mut result = Ok(without);
        // One call for each format; all but always there is one.
        while let Some(next) = with
            .iter()
            .filter_map(|meter| states.stored(*meter))
            .map(|(of, _)| of)
            .filter(|of| version.is_none_or(|done| *of > done))
            .min()
        {
            version = Some(next);
            let of_version =
                |meter: &MeterId| states.stored(*meter).filter(|(of, _)| *of == next).map(|(_, bytes)| (meter.0, bytes));
            let given: Vec<_> = with.iter().filter_map(of_version).collect();
            let told: Vec<_> = given.iter().map(|(meter, _)| MeterId(*meter)).collect();
            let params = meter_params(&told, names);
            if let Err(fault) = self.on_instance(|instance| instance.import_state(next, &params, &given)) {
                result = Err(fault);
                break;
            }
        }
        self.states = Some(states);
        result
    }

    /// Goes once more through what these meters have taken since they were stored.
    fn repeat<D: Duty>(
        &mut self,
        meters: &[MeterId],
        mut untold: Vec<MeterId>,
        names: Names<'_>,
        duty: &mut D,
    ) -> Result<Vec<MeterId>, Fault> {
        let Some(states) = &self.states else { return Ok(untold) };
        let rows = states.since_stored(meters);
        for start in (0..rows.len()).step_by(REPEATED_ROWS) {
            let view = rows.view(start..rows.len().min(start + REPEATED_ROWS));
            let answer = self.call_instance::<D>(&view, &untold, names)?;
            duty.repeated(answer);
            untold.clear();
        }
        Ok(untold)
    }

    /// Finds the meters whose stored state the plugin cannot read; they begin anew.
    fn give_up_unreadable(&mut self, meters: &[MeterId], names: Names<'_>) -> Result<(), Fault> {
        let mut parts = vec![meters.to_vec()];
        let mut unreadable = 0;
        while let Some(part) = parts.pop() {
            self.put_instance_away();
            self.on_instance(|_| Ok(()))?;
            let Err(fault) = self.import(&part, names) else { continue };
            if let [meter] = part[..] {
                let name = &names.meters.meter(meter).name;
                tracing::warn!(plugin = self.plugin.name, meter = name, %fault, "a meter's state cannot be read; it begins anew");
                self.keep_nothing_of(meter);
                unreadable += 1;
            } else {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([first.to_vec(), second.to_vec()]);
            }
        }
        self.put_instance_away();
        self.plugin.health.lost_states(unreadable);
        Ok(())
    }

    fn keep_nothing_of(&mut self, meter: MeterId) {
        let version = self.plugin.description.state_version;
        self.decided = true;
        if let Some(states) = &mut self.states {
            states.store(meter, version, None);
        }
    }

    /// Writes the state of these meters as it is now. A plugin that does not start writes nothing and loses nothing: what it has
    /// written before and the rows since stay.
    pub(super) fn store<D: Duty>(&mut self, meters: &[MeterId], names: Names<'_>, duty: &mut D) {
        if meters.is_empty() || self.on_instance(|_| Ok(())).is_err() {
            return;
        }
        for meters in meters.chunks(super::CHUNK) {
            let mut parts = vec![meters.to_vec()];
            while let Some(part) = parts.pop() {
                let Err(fault) = self.store_part(&part, names, duty) else { continue };
                if let [meter] = part[..] {
                    let name = &names.meters.meter(meter).name;
                    tracing::warn!(plugin = self.plugin.name, meter = name, %fault, "a meter's state cannot be written; it begins anew");
                    self.keep_nothing_of(meter);
                    // The instance may have more of it than it could say.
                    self.put_instance_away();
                    self.plugin.health.lost_states(1);
                } else {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second.to_vec(), first.to_vec()]);
                }
            }
        }
    }

    fn store_part<D: Duty>(&mut self, meters: &[MeterId], names: Names<'_>, duty: &mut D) -> Result<(), Fault> {
        let untold = self.restore(meters, names, duty)?;
        // A meter that the instance has never met has no state to be written; it is told with its first row.
        self.told.untell(&untold);
        let codes: Vec<u32> = meters.iter().map(|meter| meter.0).collect();
        let written = self.on_instance(|instance| instance.export_state(&codes))?;
        let version = self.plugin.description.state_version;
        if let Some(states) = &mut self.states {
            let mut written: HashMap<_, _, ahash::RandomState> = written.into_iter().collect();
            for &meter in meters {
                states.store(meter, version, written.remove(&meter.0));
            }
        }
        Ok(())
    }
}
