//! A year of rows, made by the database itself in the order in which a sink would have written them.

use std::time::Instant;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::Args;

pub(super) async fn fill(url: &str, args: &Args) -> Result<()> {
    let started = Instant::now();
    let mut database = PgConnection::connect(url).await?;
    let Args { buildings, days, minutes, findings, .. } = args;
    let windows = format!(
        "INSERT INTO aggregations (building, window_start, window_end, count, avg_electricity, min_electricity, max_electricity,
             sum_electricity, count_electricity, avg_water, min_water, max_water, sum_water, count_water, revision, final)
         SELECT 'Building ' || number, start, start + interval '{minutes} minutes', 15, value, value * 0.8, value * 1.2, value * 15, 15,
             value * 2, value * 1.6, value * 2.4, value * 30, 15, 0, true
         FROM generate_series(date_trunc('hour', now()) - interval '{days} days', now() - interval '{minutes} minutes',
                 interval '{minutes} minutes') AS start,
             generate_series(1, {buildings}) AS number,
             LATERAL (SELECT 120 + 60 * random() + number % 7 AS value) AS made_up"
    );
    let anomalies = format!(
        "INSERT INTO anomalies (id, detected_at, building, floor, meter, electricity, water, distance, threshold, cluster, severity,
             score, reason, detector, detector_version, detector_digest, source_partition, source_offset)
         SELECT gen_random_uuid(), day + interval '1 day' * random(), 'Building ' || number, 1, 'Building ' || number || '/1', 270, 450,
             2, 1.86, 2, (ARRAY['minor', 'anomaly', 'critical'])[1 + floor(random() * 3)::integer], 1.1, 'made up', 'kmeans', '1.0.0',
             'ab', 0, 0
         FROM generate_series(date_trunc('hour', now()) - interval '{days} days', now() - interval '1 day', interval '1 day') AS day,
             generate_series(1, {buildings}) AS number, generate_series(1, {findings}) AS again"
    );
    for statement in [windows, anomalies] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut database).await?;
    }
    // As it would be after a year: what was written long ago has long been looked after.
    sqlx::query("VACUUM ANALYZE").execute(&mut database).await?;
    let count = async |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(count)).fetch_one(&mut PgConnection::connect(url).await?).await
    };
    let (windows, anomalies) = (count("aggregations").await?, count("anomalies").await?);
    println!("{windows} windows and {anomalies} anomalies after {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

pub(super) async fn drop_database(server: &str, name: &str) -> Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut connection).await?;
    Ok(())
}
