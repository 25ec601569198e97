//! The command line.

mod check_config;
mod dead_letters;
mod demo;
mod doctor;
mod host;
mod init;
mod log;
mod plugin;
mod readings;
mod run;
mod score;
mod shell;
mod status;
mod stop;
mod text;
mod traces;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::ConfigError;

/// A watchdog for watts: meter readings from Kafka, windowed by event time, judged by WebAssembly detectors.
#[derive(Debug, Parser)]
#[command(name = "wattdog", version, propagate_version = true, after_help = "Begin with `wattdog demo`: it needs nothing else.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: Kafka in, result topics and stores out.
    Run(ConfigArgs),
    /// See it work with everything embedded: broker, generator, pipeline, SQLite, page.
    Demo(demo::Args),
    /// Make readings like a campus, or rows to train on.
    #[command(subcommand)]
    Generate(crate::generate::Generate),
    /// Send recorded readings to Kafka.
    Replay(crate::replay::Args),
    Readings(readings::Args),
    Init(init::Args),
    /// Train the K-Means model on recorded readings.
    Train(crate::train::Args),
    /// Score recorded readings with a detector, without Kafka.
    Score(score::Args),
    /// The life of a plugin, from its first line to its place in a host.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// See what was set aside and why; send it through again after a fix.
    #[command(subcommand)]
    DeadLetters(dead_letters::DeadLettersCommand),
    /// Ask a running host how it is.
    Status(status::Args),
    Doctor(doctor::Args),
    /// Compile a component from standard input; the service starts itself with this.
    #[command(hide = true)]
    CompilePlugin {
        /// Seconds of processor time, bytes of memory, whether fuel is counted.
        limits: Vec<String>,
    },
    /// Look at the configuration.
    #[command(subcommand)]
    Config(check_config::ConfigCommand),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
struct ConfigArgs {
    /// TOML file; without it `wattdog.toml` in the working directory, else built-in defaults. `WATTDOG__SECTION__KEY` goes over it.
    #[arg(long, env = "WATTDOG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A mistake in usage: exit code 2, as one in the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

impl ConfigArgs {
    fn load(&self) -> anyhow::Result<crate::config::Config> {
        Ok(crate::config::load(self.config.as_deref(), std::env::vars())?)
    }
}

/// Parses the arguments and does what they say. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::CompilePlugin { limits } = &cli.command {
        return wattdog_plugin_runtime::compile_standard_input(limits);
    }
    end_with_standard_output();
    if !matches!(cli.command, Command::Run(_)) {
        log::start(None);
    }
    let result = match cli.command {
        Command::Run(args) => args.load().and_then(run::run),
        Command::Demo(args) => demo::run(&args),
        Command::Generate(args) => crate::generate::run(args),
        Command::Replay(args) => crate::replay::run(args),
        Command::Init(args) => init::run(&args),
        Command::Readings(args) => readings::run(&args),
        Command::Train(args) => crate::train::run(args),
        Command::Score(args) => score::run(&args),
        Command::Plugin(command) => plugin::run(command),
        Command::DeadLetters(command) => dead_letters::run(command),
        Command::Status(args) => status::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::CompilePlugin { .. } => unreachable!("done before"),
        Command::Config(command) => check_config::run(command),
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(if error.is::<Usage>() || error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

/// A reader of our output may have read enough, as `head` has, and the disk behind it may be full: neither is a panic.
fn end_with_standard_output() {
    const FAILED: &str = "failed printing to stdout: ";

    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload().downcast_ref::<String>().map_or("", String::as_str);
        match words.strip_prefix(FAILED) {
            Some(reason) if reason.contains("Broken pipe") => std::process::exit(0),
            Some(reason) => {
                report(&anyhow::anyhow!("cannot write standard output: {reason}"));
                std::process::exit(1);
            }
            None => tell(panic),
        }
    }));
}

#[expect(clippy::print_stderr, reason = "the one place where the program's own failure is told")]
fn report(error: &anyhow::Error) {
    eprintln!("wattdog: {}", text::printable(&in_one_line(error), true));
}

/// With its causes, apart from those whose words an error has in its own.
fn in_one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match &*said {
        "" => cause,
        _ if said.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("no broker answers: {source}; start it")]
        struct Unreachable {
            source: std::io::Error,
        }
        let error = anyhow::Error::from(Unreachable { source: std::io::Error::other("refused") });
        assert_eq!(in_one_line(&error), "no broker answers: refused; start it");
        assert_eq!(in_one_line(&error.context("cannot replay")), "cannot replay: no broker answers: refused; start it");
    }
}
