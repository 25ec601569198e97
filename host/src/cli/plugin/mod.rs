//! `wattdog plugin …`: the life of a plugin, from its first line to its place in a host.

mod bench;
mod check;
mod inspect;
mod new;
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
}

pub(super) fn run(command: PluginCommand) -> anyhow::Result<()> {
    match command {
        PluginCommand::New(args) => new::run(&args),
        PluginCommand::Inspect(args) => inspect::run(&args),
        PluginCommand::Check(args) => check::run(&args),
        PluginCommand::Test(args) => test::run(&args),
        PluginCommand::Bench(args) => bench::run(&args),
    }
}
