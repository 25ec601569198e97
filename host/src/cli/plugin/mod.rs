//! `wattdog plugin …`: the life of a plugin, from its first line to its place in a host.

mod bench;
mod check;
mod compare;
mod folder;
mod inspect;
mod list;
mod new;
mod promote;
mod rollback;
mod test;

use clap::Subcommand;

/// One file for each command; its `Args` say what it does.
#[derive(Debug, Subcommand)]
#[command(after_help = "A plugin's life:
  wattdog plugin new weekend-waste --lang python && cd weekend-waste
  ./build.sh
  wattdog plugin check weekend-waste.wasm
  wattdog plugin test weekend-waste.wasm
  cp weekend-waste.wasm weekend-waste.toml …/plugins/")]
pub(super) enum PluginCommand {
    New(new::Args),
    Inspect(inspect::Args),
    Check(check::Args),
    Test(test::Args),
    Bench(bench::Args),
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
        PluginCommand::New(args) => new::run(&args),
        PluginCommand::Inspect(args) => inspect::run(&args),
        PluginCommand::Check(args) => check::run(&args),
        PluginCommand::Test(args) => test::run(&args),
        PluginCommand::Bench(args) => bench::run(&args),
        PluginCommand::List(args) => list::run(&args),
        PluginCommand::Compare(args) => compare::run(&args),
        PluginCommand::Promote(args) => promote::run(&args),
        PluginCommand::Rollback(args) => rollback::run(&args),
    }
}
