//! `wattdog dead-letters show`

use anyhow::Context as _;

use super::letter::Place;
use super::next_step::next_step;
use super::topic::DeadLetterTopic;
use crate::cli::ConfigArgs;
use crate::cli::text::{pretty, printable, time};

/// One dead letter with all its headers, its message, and what to do next.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: wattdog dead-letters show 0/17")]
pub(in crate::cli) struct Args {
    /// Where it stands on the dead-letter topic, as `list` prints it.
    #[arg(value_name = "PARTITION/OFFSET")]
    place: Place,
    #[command(flatten)]
    config: ConfigArgs,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let topic = DeadLetterTopic::of(&args.config.load()?)?;
    let letters = topic.letters()?;
    let letter = letters.iter().find(|letter| letter.places.contains(&args.place)).with_context(|| {
        format!("there is no dead letter at {} of topic {}; `wattdog dead-letters list` has the places", args.place, topic.name)
    })?;
    let again: Vec<_> = letter.places[1..].iter().map(Place::to_string).collect();
    println!("{} of {}, set aside {}", letter.place(), topic.name, time(letter.time_ms));
    if !again.is_empty() {
        println!("set aside again at {}", again.join(", "));
    }
    let mut text = String::new();
    topic.each(|record| {
        if Place::of(record) == letter.place() {
            for (name, value) in &record.headers {
                text += &format!("  {name:<15} {}\n", printable(&String::from_utf8_lossy(value), false));
            }
            for (name, part) in [("key", record.key), ("value", record.value)] {
                text += &format!("{name}:\n{}\n", part.map_or_else(|| "(none)".into(), pretty));
            }
        }
    })?;
    print!("{text}");
    println!("next: {}", printable(&next_step(letter), false));
    Ok(())
}
