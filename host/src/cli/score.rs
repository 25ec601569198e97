//! `wattdog score`: a detector over recorded readings, offline.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{anyhow, ensure};
use wattdog_plugin_runtime::{Fault, Runtime, RuntimeConfig};

use crate::config;
use crate::detect::{Detect, Source, Verdicts};
use crate::domain::MeterTable;
use crate::output::Output;
use crate::readings_file::{ReadingsFile, Recorded, Taken};
use crate::registry::{Catalogue, Lineup, Plugin, Sidecar};
use crate::results::{Anomaly, RowFormat};
use crate::wasm::Names;
use crate::wording::count;

/// Writes a row of `anomalies` for each finding, as JSON lines.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The component.
    #[arg(long, value_name = "FILE")]
    plugin: PathBuf,
    /// Its model; the sidecar's when left out.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Readings: a table, JSON lines or a JSON document, also compressed with gzip.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where findings go; `-` for standard output.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Configuration whose `[input]` says how readings are written; when left out, it is found by what the file says.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let given = config::load_given(args.config.as_deref())?;
    let mut file = ReadingsFile::open(&args.input, given.as_ref())?;
    file.say();
    let mut config = given.unwrap_or_default();
    config.input.measures.clone_from(&file.input.measures);
    let measures: Vec<_> = config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect();
    let mut sidecar = Sidecar::beside(&args.plugin).map_err(|error| anyhow!(error))?;
    sidecar.model = args.model.clone().or(sidecar.model);
    let runtime = Runtime::new(RuntimeConfig::default())?;
    let plugin = Plugin::alone(&args.plugin, &sidecar, &runtime, &measures)
        .map_err(|reason| anyhow!("{}: {reason}", args.plugin.display()))?;
    // What the detector does not read may be missing.
    for (name, measure) in &mut file.input.measures {
        measure.required = plugin.description.inputs.iter().any(|input| input.name == *name && input.required);
    }
    let lineup = Lineup { detectors: vec![plugin], catalogue: Catalogue::new(&measures), ..Lineup::default() };
    let mut detect = Detect::default();
    detect.adopt(&lineup, Names { meters: &MeterTable::default(), dictionaries: &Vec::new() });
    let mut findings = Findings { format: RowFormat::new(&config.measure_names()), json: Vec::new(), found: 0, failed: 0 };
    let mut out = Output::create(&args.output)?;
    let mut recorded = Recorded::new(&config, &file.input);
    let taken = |Taken { batch, meters, .. }: Taken<'_>| {
        detect.run(batch, meters, &Vec::new(), Source { topic: "offline", partition: 0 }, &mut findings);
        out.write_all(&findings.json)?;
        findings.json.clear();
        Ok(())
    };
    let skipped = recorded.for_each_batch(&file, |line| line.to_string(), taken)?;
    file.say_skipped(&skipped);
    out.flush()?;
    let Findings { found, failed, .. } = findings;
    let (scored, broken) = (recorded.accepted, recorded.broken.records());
    ensure!(recorded.read > 0, "{} holds no records", args.input.display());
    ensure!(scored > 0, "nothing could be scored of {}: {}", count(recorded.read, "record"), recorded.broken.text().join("; "));
    for reason in recorded.broken.text() {
        tracing::warn!("not scored: {reason}");
    }
    tracing::info!(readings = scored, broken, findings = found, failed, "scored");
    ensure!(failed < scored, "{} failed on {}: the log says why", args.plugin.display(), count(scored, "reading"));
    Ok(())
}

struct Findings {
    format: RowFormat,
    json: Vec<u8>,
    found: u64,
    failed: u64,
}

impl Verdicts for Findings {
    fn found(&mut self, _: &Plugin, row: Anomaly<'_>) {
        self.found += 1;
        self.format.write_anomaly(&row, &mut self.json);
        self.json.push(b'\n');
    }

    fn failed(&mut self, plugin: &Plugin, row: usize, fault: &Fault) {
        self.failed += 1;
        tracing::warn!(plugin = plugin.name, row, %fault, "a reading could not be scored");
    }
    fn not_asked(&mut self, _: &Plugin, _: usize) {
        self.failed += 1;
    }
}
