//! A running plugin: one store, one lane's thread, one call for each batch.

use std::time::Duration;

use wasmtime::Store;

use crate::bindings::v1::exports::wattdog::plugin::{detection, enrichment, lifecycle};
use crate::bindings::v1::wattdog::plugin::types::{Batch, Config, Description, Error as GuestError, Meter, MeterStateParam};
use crate::compiled::first_line;
use crate::engine::TICK;
use crate::fault::{Fault, Trap};
use crate::guest::Guest;
use crate::limits::Limits;
use crate::{Enriched, Scored, description, output};

/// What the calls of start-up may carry in either direction: a large model.
const START_TRANSFER_BYTES: usize = 256 << 20;

pub(crate) enum Interface {
    Detection(detection::Guest),
    Enrichment(enrichment::Guest),
}

/// Third stage: lives on one thread. After a trap it is dead and a new one takes its place.
pub struct Instance {
    store: Store<Guest>,
    lifecycle: lifecycle::Guest,
    interface: Interface,
    limits: Limits,
    description: Option<Description>,
    dead: bool,
}

impl Instance {
    pub(crate) fn new(store: Store<Guest>, lifecycle: lifecycle::Guest, interface: Interface, limits: Limits) -> Self {
        Self { store, lifecycle, interface, limits, description: None, dead: false }
    }

    /// Arms the deadline; without this a store stops at once.
    pub(crate) fn enter_store(store: &mut Store<Guest>, time: Duration, limits: &Limits) {
        let ticks = time.as_nanos().div_ceil(TICK.as_nanos()) + 1;
        store.set_epoch_deadline(u64::try_from(ticks).unwrap_or(u64::MAX / 2));
        store.data_mut().begin_call(limits);
    }

    pub(crate) fn describe(&mut self) -> Result<Description, Fault> {
        let lifecycle = self.lifecycle.clone();
        let described = self.call_at_start(|store| lifecycle.call_describe(store))?;
        description::check(&described)?;
        Ok(described)
    }

    pub(crate) fn configure(&mut self, config: &Config<'_>) -> Result<(), Fault> {
        let lifecycle = self.lifecycle.clone();
        let answer = self.call_at_start(|store| lifecycle.call_configure(store, config.clone()))?;
        answer.map_err(refused)?;
        self.description = Some(self.describe()?);
        Ok(())
    }

    /// What the configured plugin says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        self.description.as_ref().expect("instances are handed out after `configure` only")
    }

    /// Scores a batch with a detector.
    ///
    /// # Errors
    /// With the reason why there is no result; what came back is checked before it is returned.
    pub fn score(&mut self, batch: &Batch<'_>) -> Result<Scored, Fault> {
        let Interface::Detection(guest) = &self.interface else {
            return Err(Fault::Link("an enricher cannot score".into()));
        };
        let guest = guest.clone();
        let scored = self.call_with_batch(batch, |store| guest.call_score(store, batch.clone()))?;
        output::check_scored(&scored, batch, self.description(), self.limits.output)?;
        Ok(scored)
    }

    /// Adds columns to a batch with an enricher.
    ///
    /// # Errors
    /// As [`Instance::score`].
    pub fn enrich(&mut self, batch: &Batch<'_>) -> Result<Enriched, Fault> {
        let Interface::Enrichment(guest) = &self.interface else {
            return Err(Fault::Link("a detector cannot enrich".into()));
        };
        let guest = guest.clone();
        let enriched = self.call_with_batch(batch, |store| guest.call_enrich(store, batch.clone()))?;
        output::check_enriched(&enriched, batch, self.description())?;
        Ok(enriched)
    }

    /// The state of these meters, as (code, bytes).
    ///
    /// # Errors
    /// When the plugin refuses or fails.
    pub fn export_state(&mut self, meters: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
        let lifecycle = self.lifecycle.clone();
        let states = self.call_at_start(|store| lifecycle.call_export_state(store, meters))?.map_err(refused)?;
        Ok(states.into_iter().map(|state| (state.meter, state.bytes)).collect())
    }

    /// Replaces the state of these meters.
    ///
    /// # Errors
    /// When the plugin cannot read that version, or fails.
    pub fn import_state(&mut self, version: u32, meters: &[Meter<'_>], states: &[(u32, &[u8])]) -> Result<(), Fault> {
        let lifecycle = self.lifecycle.clone();
        let states: Vec<_> = states.iter().map(|&(meter, bytes)| MeterStateParam { meter, bytes }).collect();
        self.call_at_start(|store| lifecycle.call_import_state(store, version, meters, &states))?.map_err(refused)
    }

    /// Drops all that the plugin keeps about these meters.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn forget(&mut self, meters: &[u32]) -> Result<(), Fault> {
        let lifecycle = self.lifecycle.clone();
        self.call_at_start(|store| lifecycle.call_forget(store, meters))
    }

    /// Linear memory in bytes; it never shrinks.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    fn call_with_batch<T>(
        &mut self,
        batch: &Batch<'_>,
        call: impl FnOnce(&mut Store<Guest>) -> wasmtime::Result<Result<T, GuestError>>,
    ) -> Result<T, Fault> {
        // Dense columns out, everything in; what is beyond them is what `output` bounds.
        let columns = batch.columns.len() + self.description().outputs.len() + 4;
        let dense = batch.rows as usize * 8 * columns;
        let time = self.limits.batch_time;
        self.call(time, "batch_time", dense + 2 * self.limits.output, call)?.map_err(refused)
    }

    fn call_at_start<T>(&mut self, call: impl FnOnce(&mut Store<Guest>) -> wasmtime::Result<T>) -> Result<T, Fault> {
        let time = self.limits.start_time;
        self.call(time, "start_time", START_TRANSFER_BYTES, call)
    }

    fn call<T>(
        &mut self,
        time: Duration,
        key: &'static str,
        transfer_bytes: usize,
        call: impl FnOnce(&mut Store<Guest>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        if self.dead {
            return Err(Fault::Dead);
        }
        Self::enter_store(&mut self.store, time, &self.limits);
        self.store.set_hostcall_fuel(transfer_bytes);
        call(&mut self.store).map_err(|error| {
            self.dead = true;
            fault_of(&error, self.store.data(), &self.limits, time, key)
        })
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("dead", &self.dead).finish_non_exhaustive()
    }
}

fn refused(error: GuestError) -> Fault {
    Fault::Refused(match error {
        GuestError::InvalidConfig(text)
        | GuestError::InvalidInput(text)
        | GuestError::IncompatibleState(text)
        | GuestError::Internal(text) => text,
    })
}

/// What the engine's error means for the plugin.
pub(crate) fn fault_of(error: &wasmtime::Error, guest: &Guest, limits: &Limits, time: Duration, key: &'static str) -> Fault {
    let text = first_line(error);
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) => Fault::Deadline { limit: time, key },
        _ if guest.memory_denied => Fault::Memory { limit: limits.memory },
        _ if text.contains("hostcalls has been exhausted") => Fault::OutputSize { limit: limits.output },
        trap => Fault::Trap {
            kind: match trap {
                Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
                Some(wasmtime::Trap::StackOverflow) => Trap::StackOverflow,
                _ => Trap::Other,
            },
            message: guest.last_error.clone().unwrap_or(text),
        },
    }
}
