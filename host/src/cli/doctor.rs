//! `wattdog doctor`: what is there that a host needs, what is not, and what to do about it.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};

use super::ConfigArgs;
use super::text::printable;
use crate::doctor::{Finding, Verdict, examine};

/// Look whether a host would run well here: machine, plugins, models, broker, topics, rights, readings, stores.
///
/// Changes nothing, and may be run beside a host. Exit code 1 where something is bad.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print an array of findings.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut findings = Vec::new();
    runtime.block_on(examine(&config, |finding| {
        if !args.json {
            print!("{}", lines(&finding, coloured));
        }
        findings.push(finding);
    }));
    if args.json {
        println!("{}", serde_json::to_string_pretty(&findings)?);
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    if bad > 0 {
        bail!("{bad} of {} are bad", findings.len());
    }
    Ok(())
}

fn lines(finding: &Finding, coloured: bool) -> String {
    let (word, colour) = match finding.verdict {
        Verdict::Good => ("ok", "\x1b[32m"),
        Verdict::Doubtful => ("look", "\x1b[33m"),
        Verdict::Bad => ("BAD", "\x1b[1;31m"),
    };
    let (on, off) = if coloured { (colour, "\x1b[0m") } else { ("", "") };
    let line = format!("{on}{word:<5}{off} {:<18} {}\n", finding.subject, printable(&finding.words, false));
    match &finding.remedy {
        Some(remedy) => format!("{line}{:24} → {remedy}\n", ""),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bad_comes_with_what_to_do() {
        let finding = Finding {
            subject: "broker".into(),
            verdict: Verdict::Bad,
            words: "no broker \x1b[2J answers".into(),
            remedy: Some("start it".into()),
        };
        assert_eq!(
            lines(&finding, false),
            "BAD   broker             no broker \\u{1b}[2J answers\n                         → start it\n"
        );
        assert!(lines(&finding, true).starts_with("\x1b[1;31mBAD"));
    }
}
