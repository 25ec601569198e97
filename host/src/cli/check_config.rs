//! `wattdog config check|show`

use super::ConfigArgs;

#[derive(Debug, clap::Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether it can be used; exit code 2 when not.
    Check(ConfigArgs),
    /// Print it after defaults and environment, secrets masked.
    Show(ConfigArgs),
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(command: ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(args) => {
            args.load()?;
            println!("the configuration is good");
        }
        ConfigCommand::Show(args) => print!("{}", toml::to_string_pretty(&args.load()?)?),
    }
    Ok(())
}
