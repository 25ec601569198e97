//! What a host says of itself, for a person.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;

use super::samples::Samples;
use crate::cli::text::{printable, shortened};
use crate::domain::EventTime;
use crate::registry::PluginInfo;

/// `/api/v1/status`, of which the page has more.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) ready: bool,
    pub(super) reason: Option<String>,
    lanes: Vec<Lane>,
    #[serde(default)]
    stores: Vec<Store>,
}

#[derive(Debug, Deserialize)]
struct Store {
    name: String,
    /// None while it answers.
    away_s: Option<f64>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Lane {
    partition: i32,
    running: bool,
}

/// All of it, at one moment.
pub(super) struct Seen {
    pub(super) status: Status,
    pub(super) plugins: Vec<PluginInfo>,
    pub(super) samples: Samples,
}

/// Of a reason; more is on the page.
const MOST_WORDS: usize = 90;
/// Of a store's, whose end may say what to set.
const MOST_REASON: usize = 300;

/// Four short tables, and what to do about what is wrong. `before`: an earlier moment and how long ago it was, for rates.
pub(super) fn render(seen: &Seen, before: Option<(&Seen, Duration)>) -> String {
    let mut out = String::new();
    let now = &seen.samples;
    let count = |name: &str| thousands(now.sum(name, None).unwrap_or(0.0));
    let rate = |name: &str| {
        let (before, ago) = before?;
        let difference = now.sum(name, None)? - before.samples.sum(name, None)?;
        Some(format!(" ({}/s)", thousands(difference / ago.as_secs_f64())))
    };
    let state = match &seen.status.reason {
        _ if seen.status.ready => "ready".to_owned(),
        reason => format!("NOT READY: {}", printable(reason.as_deref().unwrap_or("no reason given"), false)),
    };
    let mut line = |text: String| writeln!(out, "{}", text.trim_end()).expect("a String takes every write");
    line(state);
    for (topic, lost) in by_topic(now, "lost_records_total") {
        line(format!("LOST {} records of {topic} since the start: they were deleted before they were read", thousands(lost)));
    }
    for (topic, _) in by_topic(now, "topics_made_anew_total") {
        line(format!("MADE ANEW {topic} since the start: it was deleted, and is read from its beginning"));
    }
    line(format!(
        "readings {}{}   windows {}   late {}   findings {}",
        count("readings_total"),
        rate("readings_total").unwrap_or_default(),
        count("windows_closed_total"),
        count("late_total"),
        count("findings_total")
    ));
    line(String::new());
    line(format!("{:<14} {:<26} {:>12}  EVENT TIME", "LANE", "STATE", "BEHIND"));
    for lane in &seen.status.lanes {
        let partition = lane.partition.to_string();
        let of = |name: &str| now.sum(name, Some(("partition", &partition)));
        let time =
            of("watermark_seconds").filter(|seconds| *seconds > 0.0).map(|seconds| EventTime((seconds * 1e6) as i64).to_string());
        let state = if lane.running { "runs" } else { "starts" };
        line(format!(
            "{partition:<14} {state:<26} {:>12}  {}",
            thousands(of("consumer_lag").unwrap_or(0.0)),
            time.unwrap_or_default()
        ));
    }
    line(format!("\n{:<14} {:<26} {:>12}  ROWS", "STORE", "STATE", "BEHIND"));
    for store in &seen.status.stores {
        let of = |name: &str| now.sum(name, Some(("sink", &store.name))).unwrap_or(0.0);
        let state = store.away_s.map_or_else(|| "answers".to_owned(), |away_s| format!("AWAY for {}", length(away_s)));
        let [behind, rows] = ["sink_lag", "sink_rows_total"].map(|name| thousands(of(name)));
        line(format!("{:<14} {state:<26} {behind:>12}  {rows}", printable(&store.name, false)));
        if let Some(reason) = &store.reason {
            line(format!("{:<14} {}", "", shortened(&printable(reason, false), MOST_REASON)));
        }
    }
    line(format!("\n{:<14} {:<26} {:>12}  ABOUT", "PLUGIN", "STATE", "FAILED"));
    for plugin in &seen.plugins {
        let name = if plugin.name.is_empty() { &plugin.file } else { &plugin.name };
        let state = format!("{} {}", plugin.state.word(), plugin.version);
        let cost = plugin.ns_per_reading.map(|ns| format!("{ns:.0} ns a reading")).unwrap_or_default();
        let about = plugin.reason.as_deref().map_or(cost, |reason| shortened(&printable(reason, false), MOST_WORDS));
        line(format!("{:<14} {:<26} {:>12}  {about}", printable(name, false), state, thousands(plugin.failed as f64)));
    }
    let counted = now.each("dead_letters_total", "reason").filter(|(_, many)| *many > 0.0);
    let aside: Vec<_> = counted.map(|(reason, many)| format!("{reason} {}", thousands(many))).collect();
    if !aside.is_empty() {
        line(format!("\nset aside since the start: {}; see `wattdog dead-letters list`", aside.join(", ")));
    }
    out
}

/// Topics of which a metric is above 0.
fn by_topic<'s>(samples: &'s Samples, name: &'s str) -> impl Iterator<Item = (&'s str, f64)> {
    let topics: BTreeSet<&str> = samples.each(name, "topic").map(|(topic, _)| topic).collect();
    let all = topics.into_iter().map(move |topic| (topic, samples.sum(name, Some(("topic", topic))).unwrap_or(0.0)));
    all.filter(|(_, value)| *value > 0.0)
}

/// A whole number, in groups of three.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    format!("{}{}", if value <= -0.5 { "-" } else { "" }, groups.join(","))
}

fn length(seconds: f64) -> String {
    match seconds as u64 {
        short @ 0..120 => format!("{short} s"),
        minutes @ 120..7_200 => format!("{} min", minutes / 60),
        hours => format!("{} h", hours / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(metrics: &str) -> Seen {
        let status = serde_json::from_str(
            r#"{"ready":false,"reason":"lanes that do not run yet: 1","lanes":[{"partition":0,"running":true},{"partition":1,"running":false}],
                "stores":[{"name":"mongodb","away_s":150.4,"reason":"no server \u001b[2J answers"},{"name":"postgres","away_s":null,"reason":null}]}"#,
        );
        Seen { status: status.unwrap(), plugins: Vec::new(), samples: Samples::parse(metrics) }
    }

    #[test]
    fn what_is_wrong_catches_the_eye() {
        let before = seen("wattdog_readings_total 1000\n");
        let now = seen(
            "wattdog_readings_total 1234567\nwattdog_consumer_lag{partition=\"1\"} 5300\nwattdog_watermark_seconds{partition=\"0\"} 1764864120\n\
             wattdog_sink_rows_total{sink=\"postgres\"} 99\nwattdog_dead_letters_total{reason=\"late\"} 7\n\
             wattdog_dead_letters_total{reason=\"range\"} 0\n\
             wattdog_lost_records_total{reader=\"lane\",topic=\"readings\",partition=\"0\"} 14900\n\
             wattdog_lost_records_total{reader=\"sqlite\",topic=\"rows\",partition=\"0\"} 0\n\
             wattdog_topics_made_anew_total{topic=\"rows\"} 1\n",
        );
        let text = render(&now, Some((&before, Duration::from_secs(2))));
        let has = |part: &str| assert!(text.contains(part), "{part:?} is not in\n{text}");
        has("NOT READY: lanes that do not run yet: 1\n");
        has("readings 1,234,567 (616,784/s)   windows 0");
        has("0              runs                                  0  2025-12-04T16:02:00Z\n");
        has("1              starts                            5,300\n");
        has("LOST 14,900 records of readings since the start");
        has("MADE ANEW rows since the start");
        assert!(!text.contains("of rows since"), "{text}");
        has("mongodb        AWAY for 2 min                        0  0\n               no server \\u{1b}[2J answers\n");
        has("postgres       answers                               0  99\n");
        has("set aside since the start: late 7;");
    }
}
