//! `wattdog plugin …`: the life of a plugin, from its first line to its place in a host.

mod compare;
mod folder;
mod list;
mod promote;
mod rollback;

use clap::Subcommand;

/// One file for each command.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// What a running host has: each file of its plugin folder, its state and why.
    List(list::Args),
    /// Two detectors side by side, over what they have found in the same readings.
    Compare(compare::Args),
    /// Make a detector in the shadow the active one, and the active one its shadow.
    Promote(promote::Args),
    /// Go back to the version that ran before.
    Rollback(rollback::Args),
}

pub(super) fn run(command: PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::List(args) => list::run(&args),
        PluginCommand::Compare(args) => compare::run(&args),
        PluginCommand::Promote(args) => promote::run(&args),
        PluginCommand::Rollback(args) => rollback::run(&args),
    }
}
