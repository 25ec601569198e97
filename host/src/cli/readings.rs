//! `wattdog readings`: how files are understood.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::text::printable;
use crate::config::{self, Config, Input};
use crate::decode::Decoder;
use crate::domain::{Batch, Message, MeterTable};
use crate::output::Output;
use crate::readings_file::{Checked, ReadingsFile, Record, Sender, Sorter, check, input_text, summary};
use crate::wording::count;

/// Readings that are shown.
const SHOWN: usize = 3;

/// Show how files of readings are understood: columns, units, first readings, what is rejected, out of order, doubled or missing,
/// and the `[input]` that says it all.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Tables (CSV, workbooks), JSON lines, JSON documents; `.gz` and `.zip` of them. `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Configuration whose `[input]` says how readings are written; what it leaves out is found by what the files say.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the readings of all files as JSON lines of the default form, in the order of their time; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// A JSON object for each file instead of text.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let config = config::load_given(args.config.as_deref())?;
    let lateness = config.as_ref().map_or_else(Config::default, Clone::clone).window.allowed_lateness;
    let mut files = Vec::new();
    let quiet = args.to.as_ref().is_some_and(|to| to.as_os_str() == "-");
    for path in &args.files {
        let file = ReadingsFile::open(path, config.as_ref())?;
        let checked = check(&file, lateness.micros(), |_| {})?;
        let shown = first_readings(&file)?;
        match (quiet, args.json) {
            (true, _) => {}
            (false, true) => println!("{}", as_json(&file, &checked, &shown)),
            (false, false) => print!("{}", printable(&as_text(&file, &checked, &shown), true)),
        }
        anyhow::ensure!(checked.readings > 0, "{}: {}", path.display(), summary::no_reading(&file, &checked));
        files.push(file);
    }
    match &args.to {
        Some(to) => convert(&files, to),
        None => Ok(()),
    }
}

fn convert(files: &[ReadingsFile], to: &std::path::Path) -> anyhow::Result<()> {
    let target = Input::default();
    let mut sorter = Sorter::new();
    for file in files {
        file.refuse_counters(&target)?;
        Sender::canonical(file).for_each(|time, building, record| match time {
            Some(time) => sorter.push(time, building, record),
            None => Ok(()),
        })?;
    }
    let mut out = Output::create(to)?;
    sorter.finish(|_, _, record| {
        out.write_all(record)?;
        Ok(out.write_all(b"\n")?)
    })?;
    Ok(out.flush()?)
}

/// As the service would decode them: time, building, floor, meter, values.
fn first_readings(file: &ReadingsFile) -> anyhow::Result<Vec<Value>> {
    let mut decoder = Decoder::new(&file.input);
    let (mut meters, mut batch) = (MeterTable::default(), Batch::new(file.input.measures.len()));
    let mut shown = Vec::new();
    let read = file.for_each(|Record { json, .. }| {
        batch.clear();
        let message = Message::of(json);
        if decoder.decode(&message, &mut meters, &mut batch).is_ok() {
            let meter = meters.meter(batch.meters[0]);
            let mut reading = json!({
                "timestamp": batch.event_time(0).to_string(),
                "building": meters.building(meter.building),
                "meter": meter.name,
            });
            for ((name, measure), column) in file.input.measures.iter().zip(&batch.measures) {
                if column[0].is_finite() {
                    reading[format!("{name} ({})", measure.unit)] = json!(column[0]);
                }
            }
            shown.push(reading);
        }
        anyhow::ensure!(shown.len() < SHOWN, Enough);
        Ok(())
    });
    match read {
        Err(error) if !error.is::<Enough>() => Err(error),
        _ => Ok(shown),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("enough was read")]
struct Enough;

fn as_json(file: &ReadingsFile, checked: &Checked, shown: &[Value]) -> Value {
    let rejected: Value = checked
        .rejected
        .iter()
        .map(|(reason, of)| json!({ "reason": reason, "count": of.count, "lines": of.lines, "first": of.first }))
        .collect();
    json!({
        "file": file.path().display().to_string(),
        "understood": file.said,
        "input": input_text::text(&file.input),
        "first": shown,
        "records": checked.records,
        "readings": checked.readings,
        "rejected": rejected,
        "skipped": checked.skipped.totals.len() + checked.skipped.others.len(),
        "cut_off_line": checked.skipped.cut_off,
        "buildings": checked.buildings,
        "meters": checked.meters,
        "from": checked.first.map(|time| time.to_string()),
        "to": checked.last.map(|time| time.to_string()),
        "step_seconds": checked.step_us().map(|step| step as f64 / 1e6),
        "out_of_order": checked.out_of_order,
        "late": checked.late,
        "doubled": checked.doubled,
        "missing": checked.missing(),
        "in_ambiguous_hours": checked.ambiguous,
        "notes": summary::lines(file, checked),
    })
}

fn as_text(file: &ReadingsFile, checked: &Checked, shown: &[Value]) -> String {
    let mut lines = vec![format!("{}", file.path().display())];
    let mut line = |text: String| lines.push(format!("  {text}"));
    let understood = if file.said.is_empty() { "in the default form".to_owned() } else { file.said.join("; ") };
    line(format!("understood as: {understood}"));
    let times = match (checked.first, checked.last) {
        (Some(first), Some(last)) => format!(" from {first} to {last}"),
        _ => String::new(),
    };
    line(format!(
        "{} of {} and {}{times}",
        count(checked.readings, "reading"),
        count(checked.buildings as u64, "building"),
        count(checked.meters as u64, "meter")
    ));
    if let Some(step) = checked.step_us() {
        let step = config::Span::from_millis(step / 1_000);
        line(format!(
            "usually every {step}; {} out of order, {} doubled, {} missing, {} in hours that come twice",
            checked.out_of_order,
            checked.doubled,
            checked.missing(),
            checked.ambiguous
        ));
    }
    for reading in shown {
        line(format!("  {reading}"));
    }
    for note in summary::lines(file, checked) {
        line(note);
    }
    lines.push(String::new());
    lines.push(input_text::text(&file.input));
    lines.join("\n")
}
