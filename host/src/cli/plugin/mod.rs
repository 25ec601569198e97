//! `wattdog plugin …`: the life of a plugin, from its first line to its place in a host.

mod new;

use clap::Subcommand;

/// One file for each command.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    /// Begin a plugin: a folder that builds and passes its test.
    New(new::Args),
}

pub(super) fn run(command: PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::New(args) => new::run(&args),
    }
}
