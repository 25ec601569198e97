//! Rows as lines for people, in the words of the system that wattdog replaces.

use std::fmt::Write as _;

use crate::domain::printable;
use crate::results::{Aggregation, Anomaly};

const RED: &str = "\x1b[1;31m";
const RESET: &str = "\x1b[0m";

/// `Building A: avg_elec=171.4 kWh, avg_water=328.1 L, max_elec=220 kWh`
pub(super) fn aggregation(row: &Aggregation, measures: &[(String, String)]) -> String {
    let mut parts: Vec<_> = measures
        .iter()
        .zip(&row.measures)
        .map(|((name, unit), stats)| format!("avg_{}={:.1} {unit}", short(name), stats.avg))
        .collect();
    if let (Some((name, unit)), Some(stats)) = (measures.first(), row.measures.first()) {
        parts.push(format!("max_{}={:.0} {unit}", short(name), stats.max));
    }
    let corrected = if row.revision > 0 { format!(" (corrected, revision {})", row.revision) } else { String::new() };
    format!("{}: {}{corrected}\n", printable(&row.building, false), parts.join(", "))
}

pub(super) fn anomaly(row: &Anomaly<'_>, measures: &[(String, String)], average: Option<&[f64]>, coloured: bool) -> String {
    let (on, off) = if coloured { (RED, RESET) } else { ("", "") };
    let mut text = format!("\n{on}ANOMALY DETECTED:{off}\n");
    let floor = row.floor.map_or_else(String::new, |floor| format!(", Floor {floor}"));
    let mut line = |label: &str, value: String| {
        writeln!(text, "   {label}: {value}").expect("a String takes every write");
    };
    line("Building", format!("{}{floor}", printable(&row.building, false)));
    for (index, ((name, unit), value)) in measures.iter().zip(&row.measures).enumerate() {
        let share = match average.and_then(|average| average.get(index)) {
            Some(average) if index == 0 && *average > 0.0 => format!(" ({:.0}% of average)", value / average * 100.0),
            _ => String::new(),
        };
        line(&capitalised(name), format!("{value:.0} {unit}{share}"));
    }
    match (row.distance, row.threshold) {
        (Some(distance), Some(threshold)) => {
            line("Distance from cluster", format!("{distance:.2} (threshold: {threshold:.2})"));
        }
        _ => line("Score", format!("{:.2} ({})", row.score, printable(&row.reason, false))),
    }
    line("Timestamp", row.detected_at.civil());
    text.push('\n');
    text
}

fn short(measure: &str) -> &str {
    if measure == "electricity" { "elec" } else { measure }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventTime;
    use crate::results::{MeasureStats, Severity};

    fn measures() -> Vec<(String, String)> {
        vec![("electricity".into(), "kWh".into()), ("water".into(), "L".into())]
    }

    #[test]
    fn an_aggregation_reads_as_it_always_did() {
        let stats = |avg, max| MeasureStats { avg, min: 0.0, max, sum: 0.0, count: Some(5) };
        let row = Aggregation {
            building: "Building A".into(),
            window_start: EventTime(0),
            window_end: EventTime(30_000_000),
            count: 5,
            revision: 0,
            is_final: true,
            measures: vec![stats(171.4, 220.0), stats(328.1, 400.0)],
        };
        assert_eq!(aggregation(&row, &measures()), "Building A: avg_elec=171.4 kWh, avg_water=328.1 L, max_elec=220 kWh\n");
    }

    #[test]
    fn an_alert_reads_as_it_always_did() {
        let row = Anomaly {
            id: uuid::Uuid::nil(),
            detected_at: EventTime(1_764_864_120_000_000),
            building: "Building A".into(),
            floor: Some(4),
            meter: "Building A/4".into(),
            measures: smallvec::smallvec![271.0, 456.0],
            distance: Some(1.87),
            threshold: Some(1.86),
            cluster: Some(2),
            severity: Severity::Minor,
            score: 1.005,
            reason: "".into(),
            expected: None,
            context: None,
            detector: "kmeans".into(),
            detector_version: "1.0.0".into(),
            detector_digest: "".into(),
            source_partition: 0,
            source_offset: 0,
        };
        let expected = "
ANOMALY DETECTED:
   Building: Building A, Floor 4
   Electricity: 271 kWh (180% of average)
   Water: 456 L
   Distance from cluster: 1.87 (threshold: 1.86)
   Timestamp: 2025-12-04 16:02:00

";
        assert_eq!(anomaly(&row, &measures(), Some(&[150.5, 300.0]), false), expected);
        assert!(anomaly(&row, &measures(), None, true).contains("\x1b[1;31mANOMALY DETECTED:\x1b[0m"));
    }
}
