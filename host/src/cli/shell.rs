//! For the shell: completion scripts and man pages, made of the commands' own definitions.

use std::path::PathBuf;

use anyhow::Context as _;

/// Print a completion script.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog completions bash > /etc/bash_completion.d/wattdog")]
pub(super) struct Completions {
    /// For which shell.
    shell: clap_complete::Shell,
}

/// Write man pages, one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog man /usr/local/share/man/man1")]
pub(super) struct Man {
    /// Into which folder.
    folder: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn completions(args: &Completions, mut command: clap::Command) -> anyhow::Result<()> {
    // Into memory first: the crate panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "wattdog", &mut script);
    print!("{}", String::from_utf8(script)?);
    Ok(())
}

pub(super) fn man(args: &Man, command: clap::Command) -> anyhow::Result<()> {
    clap_mangen::generate_to(command, &args.folder)
        .with_context(|| format!("cannot write man pages to {}", args.folder.display()))
}
