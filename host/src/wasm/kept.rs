//! What of a plugin outlives its instance, its lane and its host.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Duty, LanePlugin, Names, States};
use crate::registry::{Plugin, Role};

/// Which plugin ran in a lane, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Identity {
    /// Its file without the ending.
    pub file_stem: String,
    /// Its own name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// Its results were stored apart.
    pub is_shadow: bool,
    /// It keeps something about each meter.
    pub is_stateful: bool,
    /// It was called with rows; not, when it had failed too often.
    pub asked: bool,
}

/// A plugin of an earlier life of the lane.
#[derive(Debug)]
pub struct Kept {
    /// Which.
    pub identity: Identity,
    /// What it kept.
    pub states: States,
}

/// Gives each plugin of a lane that begins what its predecessor in the earlier life kept.
pub fn resume<'p>(plugins: impl Iterator<Item = &'p mut LanePlugin>, kept: &mut Vec<Kept>) {
    for plugin in plugins {
        if let Some(at) = predecessor(&plugin.plugin, kept) {
            plugin.resume(kept.swap_remove(at));
        }
    }
}

/// The same file and name, else the same name in the same role; as for a swap.
fn predecessor(plugin: &Plugin, kept: &[Kept]) -> Option<usize> {
    if plugin.role == Role::Warming {
        return None;
    }
    let place = |test: &dyn Fn(&Identity) -> bool| kept.iter().position(|kept| test(&kept.identity));
    place(&|kept| kept.name == plugin.name && kept.file_stem == plugin.file_stem)
        .or_else(|| place(&|kept| kept.name == plugin.name && kept.is_shadow == (plugin.role == Role::Shadow)))
}

impl LanePlugin {
    fn resume(&mut self, kept: Kept) {
        let plugin = Arc::clone(&self.plugin);
        let Kept { identity, states } = kept;
        if identity.digest == plugin.digest {
            self.asked = identity.asked;
        }
        let Some(own) = &mut self.states else { return };
        *own = states;
        let unreadable = own.retain_readable(|version| plugin.reads_state(version));
        if unreadable > 0 {
            let (name, version) = (&plugin.name, &plugin.version);
            let before = &identity.version;
            tracing::warn!(
                plugin = name,
                version,
                before,
                meters = unreadable,
                "cannot read what the version before kept; meters begin anew"
            );
        }
    }

    /// Which plugin this is, and how it is used now.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let plugin = &self.plugin;
        Identity {
            file_stem: plugin.file_stem.clone(),
            name: plugin.name.clone(),
            version: plugin.version.clone(),
            digest: plugin.digest.clone(),
            is_shadow: plugin.role == Role::Shadow,
            is_stateful: self.states.is_some(),
            asked: self.asked,
        }
    }

    /// It is getting to know the meters, and keeps nothing that counts yet.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held || self.plugin.role == Role::Warming
    }

    /// The lane goes through what it has answered before: what was decided then is not decided again, and nothing is counted.
    pub fn set_replaying(&mut self, replaying: bool) {
        self.replaying = replaying;
        self.decided &= !replaying;
    }

    /// Was something decided since this was last asked that a replay could not decide again?
    pub fn take_decided(&mut self) -> bool {
        std::mem::take(&mut self.decided)
    }

    /// Has every meter stored that took rows. False: the plugin does not start now, and what it kept is not complete.
    pub fn store_all<D: Duty>(&mut self, names: Names<'_>, duty: &mut D) -> bool {
        let Some(states) = self.states.as_ref().filter(|_| !self.is_held()) else { return true };
        let dirty = states.dirty(usize::MAX);
        self.store(&dirty, names, duty);
        let Some(states) = &mut self.states else { return true };
        states.trim();
        !dirty.iter().any(|meter| states.is_dirty(*meter))
    }

    /// What it keeps about meters.
    pub fn states_mut(&mut self) -> Option<&mut States> {
        self.states.as_mut()
    }
}
