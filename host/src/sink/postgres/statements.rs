//! SQL for the configured measures, built once.

use super::schema;

/// The statements.
pub(super) struct Statements {
    /// That measures need.
    pub(super) columns: Vec<schema::Column>,
    pub(super) upsert_aggregations: String,
    pub(super) anomalies: Insert,
    pub(super) shadow_anomalies: Insert,
}

/// Two ways to insert findings.
pub(super) struct Insert {
    /// Fails as a whole where one of the findings is there.
    pub(super) all: String,
    /// Leaves out what is there. Looking first costs a fifth more, and a batch is nearly always new.
    pub(super) missing: String,
}

/// A column: name, type of the array that carries it, and how its value is made of the array's.
struct Column {
    name: String,
    array: &'static str,
    value: &'static str,
}

fn plain(name: &str, array: &'static str) -> Column {
    Column { name: name.into(), array, value: "" }
}

/// Microseconds since the epoch, exactly.
fn time(name: &str) -> Column {
    Column { name: name.into(), array: "bigint", value: "'epoch'::timestamptz + {} * interval '1 microsecond'" }
}

fn json(name: &str) -> Column {
    Column { name: name.into(), array: "text", value: "{}::jsonb" }
}

/// A slice of a table's rows by their event time, `$1` in microseconds, `$2` at most. `$start` has an index and is never after
/// `$time`, so that rows are found by it.
macro_rules! delete_older {
    ($table:literal, $start:literal, $time:literal) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE ctid = ANY(ARRAY(SELECT ctid FROM ",
            $table,
            " WHERE ",
            $start,
            " < 'epoch'::timestamptz + $1 * interval '1 microsecond'",
            " AND ",
            $time,
            " < 'epoch'::timestamptz + $1 * interval '1 microsecond'",
            " ORDER BY ",
            $start,
            " LIMIT $2))"
        )
    };
}

impl Statements {
    /// One for each table.
    pub(super) const DELETE_OLDER: [&'static str; 3] = [
        delete_older!("aggregations", "window_start", "window_end"),
        delete_older!("anomalies", "detected_at", "detected_at"),
        delete_older!("shadow_anomalies", "detected_at", "detected_at"),
    ];

    pub(super) fn new(measures: &[String]) -> Self {
        let mut aggregations = vec![
            plain("building", "text"),
            time("window_start"),
            time("window_end"),
            plain("count", "bigint"),
            plain("revision", "integer"),
            plain("final", "boolean"),
        ];
        let mut anomalies = vec![
            plain("id", "uuid"),
            time("detected_at"),
            plain("building", "text"),
            plain("floor", "integer"),
            plain("meter", "text"),
            plain("distance", "float8"),
            plain("threshold", "float8"),
            plain("cluster", "integer"),
            plain("severity", "text"),
            plain("score", "float8"),
            plain("reason", "text"),
            json("expected"),
            json("context"),
            plain("detector", "text"),
            plain("detector_version", "text"),
            plain("detector_digest", "text"),
            plain("source_partition", "integer"),
            plain("source_offset", "bigint"),
        ];
        let mut columns = Vec::new();
        let mut add = |table: &'static str, name: &str, type_: &'static str| {
            columns.push(schema::Column { table, name: name.to_owned(), type_ });
        };
        for measure in measures {
            for statistic in ["avg", "min", "max", "sum"] {
                let name = format!("{statistic}_{measure}");
                add("aggregations", &name, "double precision");
                aggregations.push(plain(&name, "float8"));
            }
            let count = format!("count_{measure}");
            add("aggregations", &count, "bigint");
            aggregations.push(plain(&count, "bigint"));
            add("anomalies", measure, "double precision");
            add("shadow_anomalies", measure, "double precision");
            anomalies.push(plain(measure, "float8"));
        }
        let updates: Vec<_> = aggregations[2..].iter().map(|c| format!("\"{0}\" = excluded.\"{0}\"", c.name)).collect();
        let conflict = format!(
            "(building, window_start) DO UPDATE SET {}, recorded_at = now() \
             WHERE (excluded.revision, excluded.final, excluded.count) \
             >= (aggregations.revision, aggregations.final, aggregations.count)",
            updates.join(", ")
        );
        let findings = |table| {
            let all = insert(table, &anomalies);
            Insert { missing: format!("{all} ON CONFLICT (id) DO NOTHING"), all }
        };
        Self {
            columns,
            upsert_aggregations: format!("{} ON CONFLICT {conflict}", insert("aggregations", &aggregations)),
            anomalies: findings("anomalies"),
            shadow_anomalies: findings("shadow_anomalies"),
        }
    }
}

/// One array for each column. Unnested side by side in the select list they go row by row; `FROM unnest(…)` would first store
/// each array as a table, which takes a quarter of the statement's time.
fn insert(table: &str, columns: &[Column]) -> String {
    let join = |each: &dyn Fn(usize, &Column) -> String| {
        columns.iter().enumerate().map(|(index, column)| each(index, column)).collect::<Vec<_>>().join(", ")
    };
    let names = join(&|_, column| format!("\"{}\"", column.name));
    let arrays = join(&|index, column| format!("unnest(${}::{}[]) AS \"{}\"", index + 1, column.array, column.name));
    let values = join(&|_, column| {
        let name = format!("t.\"{}\"", column.name);
        if column.value.is_empty() { name } else { column.value.replace("{}", &name) }
    });
    format!("INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT {arrays}) AS t")
}
