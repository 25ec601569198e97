//! What a person reads afterwards.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::Args;
use super::common::feeder::Sent;
use super::host::{Latencies, QUANTILES, Sample};

type Series = (&'static str, fn(&Sample) -> f64);

const SERIES: [Series; 6] = [
    ("resident set, MiB", |sample| sample.resources.resident_mebibytes),
    ("file handles", |sample| sample.resources.handles as f64),
    ("threads", |sample| sample.resources.threads as f64),
    ("lag of lanes, readings", |sample| sample.lag),
    ("lag of PostgreSQL, rows", |sample| sample.postgres_lag),
    ("lag of MongoDB, rows", |sample| sample.mongodb_lag),
];

pub(crate) fn write(args: &Args, sent: &Sent, samples: &[Sample], latencies: &Latencies) -> Result<()> {
    let name = format!("soak-{}", args.rate);
    let plot = args.folder.join(&name).with_extension("svg");
    draw(&plot, samples)?;
    let mut text = format!(
        "# {} readings of {} meters in {:.0} s, {:.0} a second\n\n\
         | | first tenth, mean | last tenth, mean | median | largest |\n|---|---|---|---|---|\n",
        sent.total,
        args.meters,
        sent.took.as_secs_f64(),
        sent.per_second()
    );
    for (name, of) in SERIES {
        let values: Vec<f64> = samples.iter().map(of).collect();
        let tenth = (values.len() / 10).max(1);
        let mean = |part: Range<usize>| values[part.clone()].iter().sum::<f64>() / part.len() as f64;
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        text += &format!(
            "| {name} | {:.1} | {:.1} | {:.1} | {:.1} |\n",
            mean(0..tenth),
            mean(values.len() - tenth..values.len()),
            sorted[values.len() / 2],
            sorted[values.len() - 1]
        );
    }
    let quantiles = QUANTILES.iter().zip(&latencies.quantiles).map(|(q, ms)| format!("p{:.0} {ms:.0} ms", q * 100.0));
    text += &format!(
        "\nFrom sending to the row in PostgreSQL, {} findings: {}\n",
        latencies.rows,
        quantiles.collect::<Vec<_>>().join(", ")
    );
    text += &outage(samples);
    std::fs::write(args.folder.join(&name).with_extension("md"), format!("{text}\n![]({name}.svg)\n"))?;
    println!("{text}\nplot: {}", plot.display());
    Ok(())
}

/// What became of the stores while one was away.
fn outage(samples: &[Sample]) -> String {
    let Some(back) = samples.iter().rposition(|sample| sample.is_away) else { return String::new() };
    let away: Vec<&Sample> = samples.iter().filter(|sample| sample.is_away).collect();
    let largest = |of: fn(&Sample) -> f64| away.iter().map(|sample| of(sample)).fold(0.0, f64::max);
    // As far behind as it is on any good day.
    let usual = samples.iter().take_while(|sample| !sample.is_away).map(|sample| sample.postgres_lag).fold(0.0, f64::max);
    let whole = samples[back..].iter().find(|sample| !sample.is_away && sample.postgres_lag <= usual);
    format!(
        "\nPostgreSQL away for {:.0} s: it was up to {:.0} rows behind, MongoDB up to {:.0}; resident set up to {:.1} MiB; {}\n",
        away.len(),
        samples.iter().map(|sample| sample.postgres_lag).fold(0.0, f64::max),
        largest(|sample| sample.mongodb_lag),
        largest(|sample| sample.resources.resident_mebibytes),
        whole.map_or_else(
            || "PostgreSQL was not whole again at the end".to_owned(),
            |sample| format!("PostgreSQL whole {:.0} s after its return", (sample.at - samples[back].at).as_secs_f64())
        )
    )
}

fn draw(file: &Path, samples: &[Sample]) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", file.display());
    let area = SVGBackend::new(file, (900, 150 * SERIES.len() as u32)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let end = samples.last().map_or(1.0, |sample| sample.at.as_secs_f64() / 60.0);
    for (panel, (name, of)) in area.split_evenly((SERIES.len(), 1)).iter().zip(SERIES) {
        let top = samples.iter().map(of).fold(1.0, f64::max) * 1.1;
        let mut chart = ChartBuilder::on(panel)
            .caption(name, ("sans-serif", 14))
            .margin(6)
            .x_label_area_size(18)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..end, 0.0..top)
            .map_err(|error| failed(&error))?;
        chart.configure_mesh().disable_x_mesh().y_labels(4).draw().map_err(|error| failed(&error))?;
        let points = samples.iter().map(|sample| (sample.at.as_secs_f64() / 60.0, of(sample)));
        chart.draw_series(LineSeries::new(points, &BLUE)).map_err(|error| failed(&error))?;
    }
    area.present().map_err(|error| failed(&error))
}
