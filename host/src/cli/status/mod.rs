//! `wattdog status`: how is a running host?

mod samples;
mod view;

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::host::Host;
use crate::clock;
use samples::Samples;
use view::{Seen, render};

const WATCH_INTERVAL: Duration = Duration::from_secs(2);
/// To the upper left corner, and everything after it away.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Lanes, stores, plugins and what was set aside; exit code 1 when the host is not ready or does not answer.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    host: Host,
    /// Print what `/api/v1/status` answers.
    #[arg(long)]
    json: bool,
    /// Again and again, with rates, until stopped.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.watch {
        return watch(&args.host);
    }
    let body = args.host.get("/api/v1/status")?;
    let status = if args.json {
        println!("{body}");
        serde_json::from_str(&body).context("the answer is not a status")?
    } else {
        let seen = ask(&args.host)?;
        print!("{}", render(&seen, None));
        seen.status
    };
    if !status.ready {
        bail!("not ready: {}", status.reason.as_deref().unwrap_or("no reason given"));
    }
    Ok(())
}

fn ask(host: &Host) -> anyhow::Result<Seen> {
    Ok(Seen {
        status: serde_json::from_str(&host.get("/api/v1/status")?).context("the answer is not a status")?,
        plugins: serde_json::from_str(&host.get("/api/v1/plugins")?).context("the answer is not a list of plugins")?,
        samples: Samples::parse(&host.get("/metrics")?),
    })
}

/// A host that is away for a while is looked for again.
#[expect(clippy::print_stdout, reason = "the command's output")]
fn watch(host: &Host) -> anyhow::Result<()> {
    let mut before: Option<(Seen, Instant)> = None;
    loop {
        let now = clock::monotonic();
        let text = match ask(host) {
            Ok(seen) => {
                let text = render(&seen, before.as_ref().map(|(before, at)| (before, now.duration_since(*at))));
                before = Some((seen, now));
                text
            }
            Err(error) => {
                before = None;
                format!("{error:#}\n")
            }
        };
        let first = if std::io::stdout().is_terminal() { CLEAR } else { "\n" };
        // Ends with a line break, so it is shown at once.
        print!("{first}{text}");
        std::thread::sleep(WATCH_INTERVAL);
    }
}
