//! `wattdog dead-letters …`: what was set aside, why, and the way back after a fix.

mod filter;
mod letter;
mod list;
mod next_step;
mod redrive;
mod resend;
mod show;
mod superseded;
mod topic;

use clap::Subcommand;

/// One file for each command; its `Args` say what it does.
#[derive(Debug, Subcommand)]
#[command(after_help = "A dead letter's way back:
  wattdog dead-letters list --since 1d
  wattdog dead-letters show 0/17
  (mend what it names: the configuration, a plugin, a store)
  wattdog dead-letters redrive --reason range --dry-run
  wattdog dead-letters redrive --reason range")]
pub(super) enum DeadLettersCommand {
    List(list::Args),
    Show(show::Args),
    Redrive(redrive::Args),
}

pub(super) fn run(command: DeadLettersCommand) -> anyhow::Result<()> {
    match command {
        DeadLettersCommand::List(args) => list::run(&args),
        DeadLettersCommand::Show(args) => show::run(&args),
        DeadLettersCommand::Redrive(args) => redrive::run(&args),
    }
}
