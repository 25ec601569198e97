//! `wattdog plugin …`: the life of a plugin, from its first line to its place in a host.

mod bench;
mod check;
mod inspect;
mod new;
mod test;

use clap::Subcommand;

/// One file for each command.
#[derive(Debug, Subcommand)]
#[command(after_help = "A plugin's life:
  wattdog plugin new weekend-waste --lang python && cd weekend-waste
  ./build.sh
  wattdog plugin check weekend-waste.wasm
  wattdog plugin test weekend-waste.wasm
  cp weekend-waste.wasm weekend-waste.toml …/plugins/")]
pub(super) enum PluginCommand {
    /// Begin a plugin: a folder that builds and passes its test.
    New(new::Args),
    /// Say what a component is: name, inputs, parameters, imports, size.
    Inspect(inspect::Args),
    /// Check that a component keeps the contract.
    Check(check::Args),
    /// Run recorded cases against a component.
    Test(test::Args),
    /// Time a component.
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
