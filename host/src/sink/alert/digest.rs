//! Findings put together by building and detector, and not told again for a while.

use std::collections::HashMap;

use super::Config;
use crate::domain::EventTime;
use crate::results::{Anomaly, Severity};
use crate::sink::Place;

/// What there is to tell of one building and one detector.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The worst finding: by severity, then by score.
    pub worst: Anomaly<'static>,
    /// How many there are, this one among them.
    pub findings: u64,
    /// Event time of the first and of the last.
    pub first: EventTime,
    /// Likewise.
    pub last: EventTime,
    /// How many were not told since the message before.
    pub kept_quiet: u64,
}

/// Building and detector.
type Subject = (String, String);

/// What was said of a subject.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// When the last finding of the message was made, in milliseconds since the epoch.
    at: i64,
    severity: Severity,
    kept_quiet: u64,
}

/// What a batch changes in what was told; to be remembered when its message is through.
pub(super) struct Changes(HashMap<Subject, Told>);

pub(super) struct Digest {
    severity: Severity,
    /// In milliseconds.
    quiet: i64,
    max_age: i64,
    told: HashMap<Subject, Told>,
}

impl Digest {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            severity: config.severity,
            quiet: config.quiet.micros() / 1_000,
            max_age: config.max_age.micros() / 1_000,
            told: HashMap::new(),
        }
    }

    /// What there is to tell of these findings, in their order. The time that counts is that at which they were made, the timestamp
    /// of their record, so that readings of last year that are replayed today are news too. `now` in milliseconds.
    pub(super) fn of<'r>(
        &self,
        findings: impl Iterator<Item = (&'r Anomaly<'static>, Place)>,
        now: i64,
    ) -> (Vec<Alert>, Changes) {
        let mut alerts: Vec<(Subject, Alert)> = Vec::new();
        let mut changes = HashMap::new();
        for (finding, place) in findings {
            let made = if place.timestamp_ms < 0 { now } else { place.timestamp_ms };
            if finding.severity < self.severity || now - made > self.max_age {
                continue;
            }
            let subject = (finding.building.to_string(), finding.detector.to_string());
            if let Some((_, alert)) = alerts.iter_mut().find(|(of, _)| *of == subject) {
                alert.add(finding);
                let told: &mut Told = changes.get_mut(&subject).expect("an alert leaves word");
                (told.at, told.severity) = (told.at.max(made), told.severity.max(finding.severity));
                continue;
            }
            let before = changes.get(&subject).or_else(|| self.told.get(&subject)).copied();
            match before {
                Some(told) if made < told.at + self.quiet && finding.severity <= told.severity => {
                    changes.insert(subject, Told { kept_quiet: told.kept_quiet + 1, ..told });
                }
                _ => {
                    changes.insert(subject.clone(), Told { at: made, severity: finding.severity, kept_quiet: 0 });
                    alerts.push((subject, Alert::of(finding, before.map_or(0, |told| told.kept_quiet))));
                }
            }
        }
        (alerts.into_iter().map(|(_, alert)| alert).collect(), Changes(changes))
    }

    /// Once the message is through.
    pub(super) fn remember(&mut self, Changes(changes): Changes) {
        self.told.extend(changes);
    }
}

impl Alert {
    fn of(finding: &Anomaly<'static>, kept_quiet: u64) -> Self {
        Self { worst: finding.clone(), findings: 1, first: finding.detected_at, last: finding.detected_at, kept_quiet }
    }

    fn add(&mut self, finding: &Anomaly<'static>) {
        self.findings += 1;
        self.first = self.first.min(finding.detected_at);
        self.last = self.last.max(finding.detected_at);
        let (worst, this) = (&self.worst, finding);
        if this.severity > worst.severity || this.severity == worst.severity && this.score > worst.score {
            self.worst = finding.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Span;

    const HOUR: i64 = 3_600_000;

    fn finding(building: &str, severity: Severity, score: f64) -> Anomaly<'static> {
        Anomaly { building: building.to_owned().into(), severity, score, ..super::super::words::tests::finding() }
    }

    fn at(timestamp_ms: i64) -> Place {
        Place { partition: 0, offset: 0, timestamp_ms }
    }

    /// What is told of findings that are made at these times, as (building, findings, kept quiet).
    fn tell(digest: &mut Digest, findings: &[(Anomaly<'static>, i64)]) -> Vec<(String, u64, u64)> {
        let now = findings.last().unwrap().1;
        let (alerts, changes) = digest.of(findings.iter().map(|(finding, made)| (finding, at(*made))), now);
        digest.remember(changes);
        alerts.into_iter().map(|alert| (alert.worst.building.to_string(), alert.findings, alert.kept_quiet)).collect()
    }

    #[test]
    fn a_building_is_told_of_once_and_then_with_how_many_there_were() {
        let mut digest = Digest::new(&Config::default());
        let of = |building: &str| finding(building, Severity::Anomaly, 1.5);
        let a = |findings, kept_quiet| ("A".to_owned(), findings, kept_quiet);
        assert_eq!(tell(&mut digest, &[(of("A"), 0), (of("B"), 5), (of("A"), 10)]), [a(2, 0), ("B".to_owned(), 1, 0)]);
        assert_eq!(tell(&mut digest, &[(of("A"), HOUR), (of("A"), HOUR + 9)]), []);
        assert_eq!(tell(&mut digest, &[(of("A"), HOUR + 10), (of("A"), HOUR + 11)]), [a(2, 2)]);
    }

    #[test]
    fn what_is_worse_is_told_at_once_and_what_is_milder_than_asked_for_never() {
        let mut digest = Digest::new(&Config::default());
        assert_eq!(tell(&mut digest, &[(finding("A", Severity::Minor, 1.1), 0)]), []);
        assert_eq!(tell(&mut digest, &[(finding("A", Severity::Anomaly, 1.4), 1)]).len(), 1);
        assert_eq!(tell(&mut digest, &[(finding("A", Severity::Critical, 2.0), 2)]).len(), 1);
        assert_eq!(
            tell(&mut digest, &[(finding("A", Severity::Anomaly, 1.4), 3), (finding("A", Severity::Critical, 9.0), 4)]),
            []
        );
    }

    #[test]
    fn a_message_that_does_not_come_through_leaves_no_trace() {
        let digest = Digest::new(&Config::default());
        let findings = [(finding("A", Severity::Critical, 2.0), 0)];
        let once = || digest.of(findings.iter().map(|(finding, made)| (finding, at(*made))), 0).0;
        assert_eq!([once().len(), once().len()], [1, 1]);
    }

    #[test]
    fn a_new_receiver_hears_nothing_of_last_year() {
        let digest = Digest::new(&Config { max_age: Span::from_secs(3_600), ..Config::default() });
        let old = finding("A", Severity::Critical, 2.0);
        assert!(digest.of([(&old, at(0))].into_iter(), HOUR + 1).0.is_empty());
        assert_eq!(digest.of([(&old, at(0))].into_iter(), HOUR).0.len(), 1);
        assert_eq!(digest.of([(&old, at(-1))].into_iter(), HOUR + 1).0.len(), 1, "a record without a time is new");
    }

    #[test]
    fn the_worst_finding_stands_for_all() {
        let mut alert = Alert::of(&finding("A", Severity::Anomaly, 1.9), 0);
        alert.add(&finding("A", Severity::Critical, 1.2));
        alert.add(&finding("A", Severity::Critical, 3.0));
        alert.add(&finding("A", Severity::Minor, 9.0));
        assert_eq!((alert.worst.severity, alert.worst.score, alert.findings), (Severity::Critical, 3.0, 4));
    }
}
