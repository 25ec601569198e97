//! An alert in words, for people.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Alert, Config};
use crate::domain::EventTime;

const AROUND_US: i64 = 12 * 3_600_000_000;

/// How alerts are put into words.
pub(super) struct Words {
    /// Name and unit of each measure.
    measures: Vec<(String, String)>,
    page: Option<String>,
}

impl Words {
    pub(super) fn new(config: &Config, measures: Vec<(String, String)>) -> Self {
        Self { measures, page: config.page.as_deref().map(|page| page.trim_end_matches('/').to_owned()) }
    }

    pub(super) fn measures(&self) -> &[(String, String)] {
        &self.measures
    }

    /// `critical: Building A, floor 4, at 2025-12-04 16:02:00 UTC`
    pub(super) fn headline(&self, alert: &Alert) -> String {
        let worst = &alert.worst;
        let floor = worst.floor.map_or_else(String::new, |floor| format!(", floor {floor}"));
        format!("{}: {}{floor}, at {} UTC", worst.severity.word(), worst.building, worst.detected_at.civil())
    }

    /// What was seen, by whom, how often; a line each.
    pub(super) fn details(&self, alert: &Alert) -> String {
        let worst = &alert.worst;
        let values: Vec<_> = self
            .measures
            .iter()
            .zip(&worst.measures)
            .filter(|(_, value)| !value.is_nan())
            .map(|((name, unit), value)| format!("{name} {value:.1} {unit}").trim_end().to_owned())
            .collect();
        let mut text = format!("{} (meter {})\n", values.join(", "), worst.meter);
        let mut line = |line: String| writeln!(text, "{line}").expect("a String takes every write");
        if !worst.reason.is_empty() {
            line(worst.reason.to_string());
        }
        line(format!("{} {}, score {:.2}", worst.detector, worst.detector_version, worst.score));
        if alert.findings > 1 {
            line(format!(
                "{} findings from {} to {} UTC; this is the worst",
                alert.findings,
                alert.first.civil(),
                alert.last.civil()
            ));
        }
        if alert.kept_quiet > 0 {
            line(format!("{} more since the last message", alert.kept_quiet));
        }
        if let Some(link) = self.link(alert) {
            line(link);
        }
        text
    }

    /// To the building on the page, half a day to either side.
    pub(super) fn link(&self, alert: &Alert) -> Option<String> {
        let page = self.page.as_ref()?;
        let name = utf8_percent_encode(&alert.worst.building, NON_ALPHANUMERIC);
        let around = [-AROUND_US, AROUND_US].map(|by| EventTime(alert.worst.detected_at.0 + by));
        Some(format!("{page}/#/building/{name}?since={}&until={}", around[0], around[1]))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::results::{Anomaly, Severity};

    pub(in crate::sink::alert) fn finding() -> Anomaly<'static> {
        Anomaly {
            id: uuid::Uuid::nil(),
            detected_at: EventTime(1_764_864_120_000_000),
            building: "Physics & \"Optics\"".into(),
            floor: Some(4),
            meter: "Physics/4".into(),
            measures: smallvec::smallvec![271.0, f64::NAN],
            distance: Some(1.87),
            threshold: Some(1.86),
            cluster: Some(2),
            severity: Severity::Critical,
            score: 1.005,
            reason: "electricity is 1.8 times what is usual".into(),
            expected: None,
            context: None,
            detector: "kmeans".into(),
            detector_version: "1.0.0".into(),
            detector_digest: "".into(),
            source_partition: 0,
            source_offset: 0,
        }
    }

    #[test]
    fn an_alert_says_what_where_when_why_and_how_often() {
        let config = Config { page: Some("https://watts.example.org/".into()), ..Config::default() };
        let words = Words::new(&config, vec![("electricity".into(), "kWh".into()), ("water".into(), "L".into())]);
        let (first, last) = (finding().detected_at, EventTime(finding().detected_at.0 + 60_000_000));
        let alert = Alert { worst: finding(), findings: 3, first, last, kept_quiet: 12 };
        assert_eq!(words.headline(&alert), "critical: Physics & \"Optics\", floor 4, at 2025-12-04 16:02:00 UTC");
        assert_eq!(
            words.details(&alert),
            "electricity 271.0 kWh (meter Physics/4)\n\
             electricity is 1.8 times what is usual\n\
             kmeans 1.0.0, score 1.00\n\
             3 findings from 2025-12-04 16:02:00 to 2025-12-04 16:03:00 UTC; this is the worst\n\
             12 more since the last message\n\
             https://watts.example.org/#/building/Physics%20%26%20%22Optics%22?since=2025-12-04T04:02:00Z&until=2025-12-05T04:02:00Z\n"
        );
    }
}
