//! Which dead letters a command is about.

use std::str::FromStr;

use super::letter::Letter;
use crate::clock;
use crate::config::Span;
use crate::domain::EventTime;

/// Filters; a letter passes all that are given.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// The word, as `range` or `late`.
    #[arg(long)]
    reason: Option<String>,
    /// `reading`, `scoring` or `row`.
    #[arg(long, value_parser = ["reading", "scoring", "row"])]
    kind: Option<String>,
    /// Which plugin is to blame.
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Where it was set aside, as `decode` or `sink.postgres`.
    #[arg(long)]
    stage: Option<String>,
    /// Set aside since then: `2026-01-31T12:00:00Z`, or `7d` for seven days ago.
    #[arg(long, value_name = "TIME|SPAN")]
    since: Option<Moment>,
    /// Set aside before then, written likewise.
    #[arg(long, value_name = "TIME|SPAN")]
    until: Option<Moment>,
}

impl Filter {
    pub(super) fn takes(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, word: &str| wanted.as_deref().is_none_or(|wanted| wanted == word);
        is(&self.reason, &letter.reason)
            && is(&self.kind, &letter.kind)
            && is(&self.plugin, &letter.plugin)
            && is(&self.stage, &letter.stage)
            && self.since.is_none_or(|since| letter.time_ms >= since.0)
            && self.until.is_none_or(|until| letter.time_ms < until.0)
    }
}

/// A point in time, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment(i64);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ago) = text.parse::<Span>() {
            return Ok(Self(clock::now().as_millisecond() - ago.micros() / 1_000));
        }
        let time = EventTime::parse(text)
            .ok_or_else(|| format!("`{text}` is neither a time such as 2026-01-31T12:00:00Z nor a span such as 7d"))?;
        Ok(Self(time.0.div_euclid(1_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_passes_all_filters_that_are_given() {
        let letter = Letter { reason: "range".into(), kind: "reading".into(), time_ms: 1_000, ..Letter::default() };
        let takes = |filter: Filter| filter.takes(&letter);
        let since = |ms| Filter { since: Some(Moment(ms)), ..Filter::default() };
        assert!(takes(Filter::default()) && takes(since(1_000)) && !takes(since(1_001)));
        assert!(!takes(Filter { until: Some(Moment(1_000)), ..Filter::default() }));
        assert!(takes(Filter { reason: Some("range".into()), kind: Some("reading".into()), ..Filter::default() }));
        assert!(!takes(Filter { reason: Some("range".into()), kind: Some("row".into()), ..Filter::default() }));
    }

    #[test]
    fn a_moment_is_a_time_or_so_long_ago() {
        assert_eq!("1970-01-01T00:00:02Z".parse(), Ok(Moment(2_000)));
        assert!("2d".parse::<Moment>().unwrap().0 < "1d".parse::<Moment>().unwrap().0);
        assert!("soon".parse::<Moment>().is_err());
    }
}
