//! Metrics as a host prints them, read back.

use std::collections::BTreeMap;

/// What one metric says under one set of labels.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// All samples of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples(Vec<Sample>);

impl Samples {
    /// From the OpenMetrics text format; lines that are no samples of ours are skipped.
    pub(super) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    /// The sum of all samples of a name that have this label, or all when none is given; none where there is no sample.
    pub(super) fn sum(&self, name: &str, label: Option<(&str, &str)>) -> Option<f64> {
        let is_asked_for = |sample: &&Sample| {
            sample.name == name && label.is_none_or(|(label, value)| sample.labels.get(label).is_some_and(|known| known == value))
        };
        let mut found = self.0.iter().filter(is_asked_for).peekable();
        found.peek()?;
        Some(found.map(|sample| sample.value).sum())
    }

    /// What a label says in all samples of a name, each with its value.
    pub(super) fn each<'s>(&'s self, name: &'s str, label: &'s str) -> impl Iterator<Item = (&'s str, f64)> {
        let of_name = self.0.iter().filter(move |sample| sample.name == name);
        of_name.filter_map(move |sample| Some((sample.labels.get(label)?.as_str(), sample.value)))
    }
}

/// `wattdog_rejects_total{reason="range"} 3`
fn sample(line: &str) -> Option<Sample> {
    let (name, value) = line.strip_prefix("wattdog_")?.rsplit_once(' ')?;
    let (name, labels) = match name.split_once('{') {
        Some((name, labels)) => (name, pairs(labels.strip_suffix('}')?)?),
        None => (name, BTreeMap::new()),
    };
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

/// `a="x",b="y"`, in whose values `\`, `"` and line breaks are escaped.
fn pairs(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    while !text.is_empty() {
        let (label, rest) = text.split_once("=\"")?;
        let (mut value, mut characters) = (String::new(), rest.char_indices());
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    escaped => value.push(escaped),
                },
                (_, plain) => value.push(plain),
            }
        };
        pairs.insert(label.to_owned(), value);
        text = rest[end + 1..].trim_start_matches(',');
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_host_prints() {
        let samples = Samples::parse(
            "# HELP wattdog_late Late.\nwattdog_late_total 2\nwattdog_sink_lag{sink=\"postgres\"} 3\nwattdog_sink_lag{sink=\"a \\\"b\\\\\\n\"} 4\n\
             wattdog_rejects_total{reason=\"range\",x=\"y\"} 5.5\n# EOF\n",
        );
        assert_eq!(samples.sum("late_total", None), Some(2.0));
        assert_eq!((samples.sum("sink_lag", None), samples.sum("sink_lag", Some(("sink", "postgres")))), (Some(7.0), Some(3.0)));
        assert_eq!(samples.each("sink_lag", "sink").collect::<Vec<_>>(), [("postgres", 3.0), ("a \"b\\\n", 4.0)]);
        assert_eq!((samples.sum("rejects_total", Some(("x", "y"))), samples.sum("nothing", None)), (Some(5.5), None));
    }
}
