//! A running plugin: one store, one lane's thread, one call for each batch.

use std::time::Duration;

use wasmtime::Store;

use crate::compiled::Kind;
use crate::contract::Calls;
use crate::contract::v1_bindings::wattdog::plugin::types::{
    Batch, Config, Description, Error as GuestError, Meter, MeterStateParam,
};
use crate::fault::{Fault, Trap};
use crate::guest::Guest;
use crate::limits::Limits;
use crate::output::{self, Dictionaries};
use crate::text::one_line;
use crate::{Enriched, Scored, description};

/// What a description or a refusal may take; a long one has ten kilobytes.
const MAX_WORDS_BYTES: usize = 1 << 20;

/// Third stage: lives on one thread. After a fault other than a refusal it is dead and a new one takes its place.
pub struct Instance {
    store: Store<Guest>,
    calls: Box<dyn Calls>,
    kind: Kind,
    limits: Limits,
    description: Option<Description>,
    dictionaries: Dictionaries,
    dead: bool,
}

/// What one call may take.
struct Budget {
    time: Duration,
    /// The limit's key in the sidecar.
    key: &'static str,
    /// What it may bring over to the host, in bytes of the host's types.
    transfer_bytes: usize,
}

impl Instance {
    pub(crate) fn new(store: Store<Guest>, calls: Box<dyn Calls>, kind: Kind, limits: Limits) -> Self {
        Self { store, calls, kind, limits, description: None, dictionaries: Dictionaries::default(), dead: false }
    }

    /// Arms the deadline; without this a store stops at once.
    pub(crate) fn enter_store(store: &mut Store<Guest>, time: Duration) {
        let ticks = store.data().deadline.arm(time);
        store.set_epoch_deadline(ticks);
        store.data_mut().begin_call();
    }

    pub(crate) fn describe(&mut self) -> Result<Description, Fault> {
        let described = self.call_at_start(MAX_WORDS_BYTES, |calls, store| calls.describe(store))?;
        description::check(&described, self.kind)?;
        Ok(described)
    }

    /// As the contract says: `describe`, `configure`, `describe`.
    pub(crate) fn configure(&mut self, config: &Config<'_>) -> Result<(), Fault> {
        let before = self.describe()?;
        self.call_at_start(MAX_WORDS_BYTES, |calls, store| calls.configure(store, config))?.map_err(refused)?;
        let after = self.describe()?;
        if (&before.name, &before.version) != (&after.name, &after.version) {
            let message = format!(
                "it was {} {} before it was configured and is {} {} now",
                before.name, before.version, after.name, after.version
            );
            return Err(Fault::Output(message));
        }
        self.dictionaries = Dictionaries::new(after.outputs.len());
        self.description = Some(after);
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
        if self.kind != Kind::Detector {
            return Err(Fault::Link("an enricher cannot score".into()));
        }
        let mut scored = self.call_with_batch(batch, |calls, store| calls.score(store, batch))?;
        let checked = output::check_scored(&mut scored, batch.rows, self.description(), self.limits.output);
        self.die_of(checked)?;
        Ok(scored)
    }

    /// Adds columns to a batch with an enricher.
    ///
    /// # Errors
    /// As [`Instance::score`].
    pub fn enrich(&mut self, batch: &Batch<'_>) -> Result<Enriched, Fault> {
        if self.kind != Kind::Enricher {
            return Err(Fault::Link("a detector cannot enrich".into()));
        }
        let enriched = self.call_with_batch(batch, |calls, store| calls.enrich(store, batch))?;
        let description = self.description.as_ref().expect("instances are handed out after `configure` only");
        let checked = output::check_enriched(&enriched, batch.rows, description, &self.limits, &mut self.dictionaries);
        self.die_of(checked)?;
        Ok(enriched)
    }

    /// The state of these meters, as (code, bytes); a meter without state is left out.
    ///
    /// # Errors
    /// When the plugin refuses or fails.
    pub fn export_state(&mut self, meters: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, Fault> {
        // State comes out of the guest's memory, so that is its bound.
        let transfer_bytes = self.limits.memory;
        let states = self.call_at_start(transfer_bytes, |calls, store| calls.export_state(store, meters))?.map_err(refused)?;
        let checked = output::check_states(&states, meters, self.limits.state);
        self.die_of(checked)?;
        Ok(states.into_iter().map(|state| (state.meter, state.bytes)).collect())
    }

    /// Replaces the state of these meters.
    ///
    /// # Errors
    /// When the plugin cannot read that version, or fails.
    pub fn import_state(&mut self, version: u32, meters: &[Meter<'_>], states: &[(u32, &[u8])]) -> Result<(), Fault> {
        let states: Vec<_> = states.iter().map(|&(meter, bytes)| MeterStateParam { meter, bytes }).collect();
        self.call_at_start(MAX_WORDS_BYTES, |calls, store| calls.import_state(store, version, meters, &states))?.map_err(refused)
    }

    /// Drops all that the plugin keeps about these meters.
    ///
    /// # Errors
    /// When the plugin fails.
    pub fn forget(&mut self, meters: &[u32]) -> Result<(), Fault> {
        self.call_at_start(MAX_WORDS_BYTES, |calls, store| calls.forget(store, meters))
    }

    /// Linear memory and tables in bytes; they never shrink.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes
    }

    /// Operations since it was started, where they are counted: about one for each instruction of WebAssembly.
    #[must_use]
    pub fn fuel_used(&self) -> Option<u64> {
        self.store.get_fuel().ok().map(|left| u64::MAX - left)
    }

    fn call_with_batch<T>(
        &mut self,
        batch: &Batch<'_>,
        call: impl FnOnce(&dyn Calls, &mut Store<Guest>) -> wasmtime::Result<Result<T, GuestError>>,
    ) -> Result<T, Fault> {
        // The dense columns, and twice the rest: a text costs more here than in the guest. `output` bounds the rest exactly.
        let columns = self.description().outputs.len() + 1;
        let dense_bytes = (batch.rows as usize).saturating_mul(8 * columns);
        let transfer_bytes = dense_bytes.saturating_add(self.limits.output.saturating_mul(2));
        self.call(&Budget { time: self.limits.batch_time, key: "batch_time", transfer_bytes }, call)?.map_err(refused)
    }

    fn call_at_start<T>(
        &mut self,
        transfer_bytes: usize,
        call: impl FnOnce(&dyn Calls, &mut Store<Guest>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        self.call(&Budget { time: self.limits.start_time, key: "start_time", transfer_bytes }, call)
    }

    fn call<T>(
        &mut self,
        budget: &Budget,
        call: impl FnOnce(&dyn Calls, &mut Store<Guest>) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        if self.dead {
            return Err(Fault::Dead);
        }
        Self::enter_store(&mut self.store, budget.time);
        self.store.set_hostcall_fuel(budget.transfer_bytes);
        let answer = call(&*self.calls, &mut self.store);
        self.store.data_mut().end_call();
        let answer = answer.map_err(|error| fault_of(&error, self.store.data(), &self.limits, budget.time, budget.key));
        self.die_of(answer)
    }

    /// A plugin that trapped cannot be entered again, and one that broke the contract is not.
    fn die_of<T>(&mut self, answer: Result<T, Fault>) -> Result<T, Fault> {
        self.dead |= answer.is_err();
        answer
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("dead", &self.dead).finish_non_exhaustive()
    }
}

fn refused(error: GuestError) -> Fault {
    Fault::Refused(one_line(match error {
        GuestError::InvalidConfig(text)
        | GuestError::InvalidInput(text)
        | GuestError::IncompatibleState(text)
        | GuestError::Internal(text) => text,
    }))
}

/// What the engine's error means for the plugin.
pub(crate) fn fault_of(error: &wasmtime::Error, guest: &Guest, limits: &Limits, time: Duration, key: &'static str) -> Fault {
    // The cause, without the addresses of the guest's functions that the engine puts around it.
    let text = one_line(error.root_cause().to_string());
    match error.downcast_ref::<wasmtime::Trap>() {
        Some(wasmtime::Trap::Interrupt) => Fault::Deadline { limit: time, key },
        _ if guest.memory_denied => Fault::Memory { limit: limits.memory },
        // The engine keeps this error's type to itself.
        _ if text.contains("fuel allocated for hostcalls has been exhausted") => Fault::OutputSize { limit: limits.output },
        trap => Fault::Trap {
            kind: match trap {
                Some(wasmtime::Trap::UnreachableCodeReached) => Trap::Unreachable,
                Some(wasmtime::Trap::StackOverflow) => Trap::StackOverflow,
                _ => Trap::Other,
            },
            message: match (trap, &guest.last_error) {
                // A panic's text says more than that there was one.
                (Some(wasmtime::Trap::UnreachableCodeReached), Some(last_words)) => last_words.clone(),
                (None, Some(last_words)) => format!("{text}, after it said: {last_words}"),
                _ => text,
            },
        },
    }
}
