//! From the plugins of one lineup to those of the next: which takes whose place.

use std::sync::Arc;

use super::LanePlugin;
use crate::registry::{Plugin, Role};

/// A plugin has taken its place in a lane.
#[derive(Clone, Debug)]
pub struct Succession {
    /// The new one.
    pub plugin: Arc<Plugin>,
    /// Whose place it took; none: it is new.
    pub replaced: Option<Arc<Plugin>>,
    /// Meters whose state came along.
    pub meters: usize,
}

/// Whose place a plugin takes: its own in another role, another version of its file, or one of its name.
fn predecessor(plugin: &Plugin, before: &[LanePlugin]) -> Option<usize> {
    let is_settled = |other: &LanePlugin| other.plugin().role != Role::Warming;
    let place = |test: &dyn Fn(&LanePlugin) -> bool| before.iter().position(test);
    place(&|other| Arc::ptr_eq(other.plugin().loaded(), plugin.loaded()))
        .or_else(|| {
            place(&|other| {
                is_settled(other) && other.plugin().file_stem == plugin.file_stem && other.plugin().name == plugin.name
            })
        })
        .or_else(|| place(&|other| is_settled(other) && other.plugin().name == plugin.name && other.plugin().role == plugin.role))
        .filter(|_| {
            plugin.role != Role::Warming || place(&|other| Arc::ptr_eq(other.plugin().loaded(), plugin.loaded())).is_some()
        })
}

/// One step for each plugin that is going to be swapped; true when all are ready.
pub fn prepare(before: &mut [LanePlugin], next: &[Arc<Plugin>], mut step: impl FnMut(&mut LanePlugin) -> bool) -> bool {
    let mut ready = true;
    for plugin in next {
        if let Some(at) = predecessor(plugin, before).filter(|&at| !Arc::ptr_eq(before[at].plugin(), plugin)) {
            ready &= step(&mut before[at]);
        }
    }
    ready
}

/// The plugins of the next lineup, each with what its predecessor kept.
pub fn succeed(
    mut before: Vec<LanePlugin>,
    next: &[Arc<Plugin>],
    mut hand_over: impl FnMut(Arc<Plugin>, LanePlugin) -> (LanePlugin, usize),
) -> (Vec<LanePlugin>, Vec<Succession>) {
    let mut successions = Vec::new();
    // Those that stay are set aside first, so that none of them is taken for the predecessor of another.
    let mut staying: Vec<Option<LanePlugin>> = next
        .iter()
        .map(|plugin| {
            let at = before.iter().position(|other| Arc::ptr_eq(other.plugin().loaded(), plugin.loaded()))?;
            Some(before.swap_remove(at))
        })
        .collect();
    let mut take_place = |(plugin, staying): (&Arc<Plugin>, &mut Option<LanePlugin>)| {
        let predecessor = staying.take().or_else(|| predecessor(plugin, &before).map(|at| before.swap_remove(at)));
        let Some(predecessor) = predecessor else {
            successions.push(Succession { plugin: Arc::clone(plugin), replaced: None, meters: 0 });
            return LanePlugin::new(Arc::clone(plugin));
        };
        if Arc::ptr_eq(predecessor.plugin(), plugin) {
            return predecessor;
        }
        let replaced = Some(Arc::clone(predecessor.plugin()));
        let (successor, meters) = hand_over(Arc::clone(plugin), predecessor);
        successions.push(Succession { plugin: Arc::clone(plugin), replaced, meters });
        successor
    };
    let plugins = next.iter().zip(&mut staying).map(&mut take_place).collect();
    (plugins, successions)
}
