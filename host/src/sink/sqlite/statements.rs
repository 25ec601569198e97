//! SQL for the configured measures, built once.

pub(super) struct Statements {
    /// (table, column, type) that must be there.
    pub(super) columns: Vec<(&'static str, String, &'static str)>,
    pub(super) upsert_aggregation: String,
    pub(super) insert_anomaly: String,
    pub(super) insert_shadow_anomaly: String,
}

const AGGREGATION: [&str; 6] = ["building", "window_start", "window_end", "count", "revision", "final"];
const ANOMALY: [&str; 18] = [
    "id",
    "detected_at",
    "building",
    "floor",
    "meter",
    "distance",
    "threshold",
    "cluster",
    "severity",
    "score",
    "reason",
    "expected",
    "context",
    "detector",
    "detector_version",
    "detector_digest",
    "source_partition",
    "source_offset",
];

macro_rules! delete_older {
    ($table:literal, $start:literal, $time:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE rowid IN (SELECT rowid FROM ",
            $table,
            " WHERE ",
            $start,
            " < ?1 AND ",
            $time,
            " < ?1 ORDER BY ",
            $start,
            " LIMIT ?2)"
        )
    };
}

impl Statements {
    /// A slice of each table's rows by their event time; `window_start` has an index, and is never after `window_end`.
    pub(super) const DELETE_OLDER: [&'static str; 3] = [
        delete_older!("aggregations", "window_start", "window_end"),
        delete_older!("anomalies", "detected_at", "detected_at"),
        delete_older!("shadow_anomalies", "detected_at", "detected_at"),
    ];

    pub(super) fn new(measures: &[String]) -> Self {
        let mut columns = Vec::new();
        let mut aggregation: Vec<String> = AGGREGATION.map(str::to_owned).to_vec();
        let mut anomaly: Vec<String> = ANOMALY.map(str::to_owned).to_vec();
        for measure in measures {
            for statistic in ["avg", "min", "max", "sum"] {
                let name = format!("{statistic}_{measure}");
                columns.push(("aggregations", name.clone(), "real"));
                aggregation.push(name);
            }
            let count = format!("count_{measure}");
            columns.push(("aggregations", count.clone(), "integer"));
            aggregation.push(count);
            columns.push(("anomalies", measure.clone(), "real"));
            columns.push(("shadow_anomalies", measure.clone(), "real"));
            anomaly.push(measure.clone());
        }
        let updates: Vec<_> = aggregation[2..].iter().map(|c| format!("\"{c}\" = excluded.\"{c}\"")).collect();
        let conflict = format!(
            "(building, window_start) DO UPDATE SET {} \
             WHERE (excluded.revision, excluded.final, excluded.count) >= (revision, final, count)",
            updates.join(", ")
        );
        Self {
            columns,
            upsert_aggregation: insert("aggregations", &aggregation, &conflict),
            insert_anomaly: insert("anomalies", &anomaly, "(id) DO NOTHING"),
            insert_shadow_anomaly: insert("shadow_anomalies", &anomaly, "(id) DO NOTHING"),
        }
    }
}

fn insert(table: &str, columns: &[String], conflict: &str) -> String {
    let names: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    let values = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {table} ({}) VALUES ({values}) ON CONFLICT {conflict}", names.join(", "))
}
