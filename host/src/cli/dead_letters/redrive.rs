//! `wattdog dead-letters redrive`

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

use super::filter::Filter;
use super::letter::{Letter, Place};
use super::list::table;
use super::resend::{Resend, marker, resend};
use super::superseded::superseded;
use super::topic::DeadLetterTopic;
use crate::cli::{ConfigArgs, Usage};
use crate::config::Config;
use crate::kafka::{Redriven, Redriver, StoredRecord, wait_until_settled};
use crate::results::SENDER_HEADER;

/// Letters of the table before the question; the counts are of all.
const SHOWN: usize = 20;

/// Sends dead letters again, once: readings to the topic that they came from (kind `scoring`: for their plugin alone), rows to their
/// result topic, all in one transaction with the word that they were sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, after raising `max` of a measure and restarting the host:
  wattdog dead-letters redrive --reason range --since 1d --dry-run
  wattdog dead-letters redrive --reason range --since 1d")]
pub(in crate::cli) struct Args {
    /// Only these, as `list` prints them; all that pass the filters when left out.
    #[arg(value_name = "PARTITION/OFFSET")]
    places: Vec<Place>,
    #[command(flatten)]
    filter: Filter,
    /// Send at most so many, the oldest first.
    #[arg(long)]
    limit: Option<usize>,
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = args.config.load()?;
    if !args.dry_run && !args.yes && !std::io::stdin().is_terminal() {
        return Err(Usage("there is no terminal to ask on: say --yes, or --dry-run to see what would be sent".into()).into());
    }
    let topic = DeadLetterTopic::of(&config)?;
    // Before anything is read, so that what another redrive has sent is seen, and one that still runs sends nothing more.
    let redriver = if args.dry_run { None } else { Some(Redriver::open(&topic.settings, &topic.name)?) };
    wait_until_settled(&topic.settings, &topic.name)
        .with_context(|| format!("topic {} has a transaction that does not end; try again in a minute", topic.name))?;
    let mut plan = Plan::new(args, topic.letters()?, &topic.name, &config)?;
    plan.leave_out(&superseded(plan.send.iter().map(|(letter, _)| letter), &topic, &config)?);
    plan.print();
    let Some(redriver) = redriver.filter(|_| !plan.send.is_empty()) else { return plan.outcome() };
    if !args.yes && !confirmed(plan.send.len())? {
        bail!("nothing was sent");
    }
    send(redriver, &topic, &plan)?;
    tell(&format!("{} sent again", plan.send.len()));
    Ok(())
}

/// What is to be sent, and what is not.
struct Plan {
    send: Vec<(Letter, Resend)>,
    sent_before: usize,
    /// Why, and how many.
    left_out: BTreeMap<String, usize>,
}

impl Plan {
    fn new(args: &Args, letters: Vec<Letter>, topic: &str, config: &Config) -> anyhow::Result<Self> {
        if let Some(unknown) = args.places.iter().find(|place| !letters.iter().any(|letter| letter.places.contains(place))) {
            bail!("there is no dead letter at {unknown} of topic {topic}; `wattdog dead-letters list` has the places");
        }
        let named = |letter: &Letter| args.places.is_empty() || letter.places.iter().any(|place| args.places.contains(place));
        let mut plan = Self { send: Vec::new(), sent_before: 0, left_out: BTreeMap::new() };
        for letter in letters.into_iter().filter(|letter| named(letter) && args.filter.takes(letter)) {
            if letter.sent_again {
                plan.sent_before += 1;
                continue;
            }
            match resend(&letter, topic, config) {
                Ok(_) if args.limit.is_some_and(|limit| plan.send.len() >= limit) => {
                    *plan.left_out.entry("--limit".into()).or_default() += 1;
                }
                Ok(resend) => plan.send.push((letter, resend)),
                Err(why) => *plan.left_out.entry(format!("kind {}: {why}", letter.kind)).or_default() += 1,
            }
        }
        Ok(plan)
    }

    /// What a later row has made needless.
    fn leave_out(&mut self, superseded: &HashSet<Place>) {
        let before = self.send.len();
        self.send.retain(|(letter, _)| !superseded.contains(&letter.place()));
        if self.send.len() < before {
            let why = "a later row of the same window is on its topic, or to be sent".to_owned();
            self.left_out.insert(why, before - self.send.len());
        }
    }

    fn print(&self) {
        if !self.send.is_empty() {
            let shown: Vec<_> = self.send.iter().take(SHOWN).map(|(letter, _)| letter.clone()).collect();
            tell(table(&shown).trim_end());
        }
        tell(&format!("{} to send, {} sent before", self.send.len(), self.sent_before));
        let late = self.send.iter().filter(|(letter, _)| letter.reason == "late").count();
        if late > 0 {
            tell(&format!(
                "{late} of them were late and will be late again: `wattdog dead-letters show` says how they come to count"
            ));
        }
        for (why, count) in &self.left_out {
            tell(&format!("{count} left out: {why}"));
        }
    }

    /// Without anything sent: a failure where all that was asked for cannot be.
    fn outcome(&self) -> anyhow::Result<()> {
        if self.send.is_empty() && self.sent_before == 0 && !self.left_out.is_empty() {
            bail!("nothing can be sent again");
        }
        Ok(())
    }
}

/// Headers that the sender of a dead letter's record wrote.
fn sender_headers<'a>(record: &StoredRecord<'a>) -> Vec<(&'a str, &'a [u8])> {
    record.headers.iter().filter_map(|(name, value)| Some((name.strip_prefix(SENDER_HEADER)?, *value))).collect()
}

/// A second time through the topic: the messages themselves were not kept.
fn send(mut redriver: Redriver, topic: &DeadLetterTopic, plan: &Plan) -> anyhow::Result<()> {
    let planned: HashMap<Place, &(Letter, Resend)> = plan.send.iter().map(|planned| (planned.0.place(), planned)).collect();
    let (mut sent, mut failure) = (0, None);
    topic.each(|record| {
        let Some((letter, resend)) = planned.get(&Place::of(record)) else { return };
        if failure.is_some() {
            return;
        }
        let Resend { topic: to, partition, timestamp_ms, headers } = resend;
        let again = Redriven {
            topic: to,
            partition: *partition,
            timestamp_ms: *timestamp_ms,
            key: record.key,
            value: record.value,
            headers,
            sender_headers: sender_headers(record),
        };
        let mut result = redriver.send(&again);
        for place in &letter.places {
            // Behind the letter in its own partition, so that whoever has read the letter to the end has read this.
            let headers = &marker(*place);
            let marker = Redriven {
                topic: &topic.name,
                partition: place.partition,
                key: record.key,
                value: None,
                timestamp_ms: None,
                headers,
                sender_headers: Vec::new(),
            };
            result = result.and_then(|()| redriver.send(&marker));
        }
        sent += 1;
        failure = result.err();
    })?;
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    if sent != plan.send.len() {
        bail!(
            "{} of {} letters are no longer on the topic, nothing was sent; run it again",
            plan.send.len() - sent,
            plan.send.len()
        );
    }
    Ok(redriver.commit()?)
}

fn confirmed(count: usize) -> anyhow::Result<bool> {
    let mut out = std::io::stdout();
    write!(out, "send {count} again? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn tell(line: &str) {
    println!("{line}");
}
