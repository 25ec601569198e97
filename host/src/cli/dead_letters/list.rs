//! `wattdog dead-letters list`

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::filter::Filter;
use super::letter::Letter;
use super::topic::DeadLetterTopic;
use crate::cli::ConfigArgs;
use crate::cli::text::{printable, shortened, time};
use crate::wording::count;

/// Characters of a message in the table; `show` has all of it.
const MESSAGE: usize = 80;

/// What was set aside: the newest, and how many for each reason.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog dead-letters list --reason range --since 7d --json | jq .message")]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Show so many, the newest; the counts are of all.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let topic = DeadLetterTopic::of(&args.config.load()?)?;
    let mut letters = topic.letters()?;
    letters.retain(|letter| args.filter.takes(letter));
    let shown = &letters[letters.len().saturating_sub(args.limit)..];
    if args.json {
        shown.iter().for_each(|letter| println!("{}", object(letter)));
    } else {
        print!("{}{}", table(shown), summary(&letters, shown.len()));
    }
    Ok(())
}

fn object(letter: &Letter) -> serde_json::Value {
    json!({
        "place": letter.place().to_string(),
        "time": time(letter.time_ms),
        "kind": letter.kind,
        "reason": letter.reason,
        "message": letter.message,
        "stage": letter.stage,
        "plugin": letter.plugin,
        "plugin_version": letter.plugin_version,
        "plugin_digest": letter.plugin_digest,
        "topic": letter.source.topic,
        "partition": letter.source.place.partition,
        "offset": letter.source.place.offset,
        "sent_again": letter.sent_again,
    })
}

/// A line for each letter.
pub(super) fn table(letters: &[Letter]) -> String {
    let head = ["TIME", "PLACE", "REASON", "KIND", "PLUGIN", "FROM", "MESSAGE"].map(str::to_owned);
    let mut lines = vec![head];
    for letter in letters {
        let sent = if letter.sent_again { "(sent again) " } else { "" };
        lines.push([
            time(letter.time_ms),
            letter.place().to_string(),
            printable(&letter.reason, false),
            printable(&letter.kind, false),
            if letter.plugin.is_empty() { "-".into() } else { printable(&letter.plugin, false) },
            printable(&letter.source.to_string(), false),
            format!("{sent}{}", printable(&shortened(&letter.message, MESSAGE), false)),
        ]);
    }
    columns(&lines)
}

fn summary(letters: &[Letter], shown: usize) -> String {
    let mut reasons: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for letter in letters {
        let (letters, sent) = reasons.entry(&letter.reason).or_default();
        *letters += 1;
        *sent += usize::from(letter.sent_again);
    }
    let mut lines = vec![["REASON", "LETTERS", "SENT AGAIN"].map(str::to_owned)];
    lines.extend(
        reasons.into_iter().map(|(reason, (letters, sent))| [printable(reason, false), letters.to_string(), sent.to_string()]),
    );
    let sent = letters.iter().filter(|letter| letter.sent_again).count();
    let older = if shown < letters.len() { format!("; the newest {shown} are shown") } else { String::new() };
    format!("\n{}\n{}, {sent} of them sent again{older}\n", columns(&lines), count(letters.len(), "dead letter"))
}

/// Each column as wide as its widest cell.
fn columns<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let padded: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(text, "{}", padded.join("  ").trim_end()).expect("a String takes every write");
    }
    text
}
