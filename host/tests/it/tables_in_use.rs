//! PostgreSQL's tables while others work with them: a sink changes nothing where nothing is missing, and where something is, those
//! who read never wait behind it.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use wattdog::config::Span;
use wattdog::domain::EventTime;
use wattdog::results::{Aggregation, MeasureStats};
use wattdog::sink::postgres::{Config, PostgresSink};
use wattdog::sink::{Place, RowBatch, Sink as _, SinkError};

use crate::servers::{World, eventually};

const TIMEOUT: Span = Span::from_secs(3);
/// A reader who waits longer has queued behind somebody.
const AT_ONCE: Duration = Duration::from_secs(1);

fn sink(world: &World) -> PostgresSink {
    let config = Config { url: world.postgres.clone(), timeout: TIMEOUT, ..Config::default() };
    PostgresSink::new(config, &["electricity".to_owned(), "water".to_owned()])
}

fn row(building: &str) -> RowBatch {
    let stats = MeasureStats { avg: 2.5, min: 1.0, max: 4.0, sum: 5.0, count: Some(2) };
    let window = Aggregation {
        building: building.to_owned(),
        window_start: EventTime(0),
        window_end: EventTime(30_000_000),
        count: 2,
        revision: 0,
        is_final: true,
        measures: vec![stats, MeasureStats::NOTHING],
    };
    let mut batch = RowBatch::default();
    batch.aggregations.push(window, Place { partition: 0, offset: 0, timestamp_ms: 0 });
    batch
}

/// As the runner of a sink does it: again until the store takes it.
async fn stored(sink: &mut PostgresSink, batch: &RowBatch) {
    eventually("the row is stored", async || {
        sink.prepare().await.ok()?;
        sink.write(batch).await.ok()
    })
    .await;
}

/// Tables with a row.
async fn filled(world: &World) -> PgConnection {
    stored(&mut sink(world), &row("first")).await;
    PgConnection::connect(&world.postgres).await.unwrap()
}

/// What a dump or a long report holds.
async fn begin_to_read(reader: &mut PgConnection) {
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM aggregations; SELECT count(*) FROM anomalies").execute(reader).await.unwrap();
}

async fn end(connection: &mut PgConnection) {
    sqlx::raw_sql("COMMIT").execute(connection).await.unwrap();
}

async fn rows(connection: &mut PgConnection) -> i64 {
    let asked = Instant::now();
    let rows = sqlx::query_scalar("SELECT count(*) FROM aggregations").fetch_one(connection).await.unwrap();
    assert!(asked.elapsed() < AT_ONCE, "a reader waited for {:?}", asked.elapsed());
    rows
}

#[tokio::test]
async fn a_reader_holds_up_no_start() {
    let world = World::new("read");
    let mut reader = filled(&world).await;
    begin_to_read(&mut reader).await;
    let mut sink = sink(&world);
    sink.prepare().await.unwrap();
    sink.write(&row("second")).await.unwrap();
    assert_eq!(rows(&mut PgConnection::connect(&world.postgres).await.unwrap()).await, 2);
    end(&mut reader).await;
}

#[tokio::test]
async fn a_table_that_somebody_has_for_himself_holds_up_rows_alone() {
    let world = World::new("locked");
    let mut locker = filled(&world).await;
    sqlx::raw_sql("BEGIN; LOCK TABLE aggregations, anomalies IN ACCESS EXCLUSIVE MODE").execute(&mut locker).await.unwrap();
    let mut sink = sink(&world);
    let asked = Instant::now();
    sink.prepare().await.unwrap();
    assert!(asked.elapsed() < TIMEOUT.duration(), "the tables were not looked up, but waited for");
    assert!(matches!(sink.write(&row("second")).await, Err(SinkError::Unavailable(_))));
    end(&mut locker).await;
    stored(&mut sink, &row("second")).await;
    assert_eq!(rows(&mut locker).await, 2);
}

#[tokio::test]
async fn a_missing_column_waits_for_a_reader_and_other_readers_do_not() {
    let world = World::new("column");
    let mut reader = filled(&world).await;
    let drop = "ALTER TABLE aggregations DROP COLUMN count_water, DROP COLUMN max_electricity";
    sqlx::raw_sql(drop).execute(&mut reader).await.unwrap();
    begin_to_read(&mut reader).await;
    let mut sink = sink(&world);
    let waiting = async {
        for _ in 0..5 {
            let Err(SinkError::Unavailable(reason)) = sink.prepare().await else { panic!("a column came from nowhere") };
            let parts = ["cannot add max_electricity, count_water to `aggregations` while process ", "it is tried again"];
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        }
    };
    let mut other = PgConnection::connect(&world.postgres).await.unwrap();
    let reading = async {
        for _ in 0..40 {
            assert_eq!(rows(&mut other).await, 1);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(waiting, reading);
    end(&mut reader).await;
    stored(&mut sink, &row("second")).await;
    let counts: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT count_electricity FROM aggregations ORDER BY building").fetch_all(&mut reader).await.unwrap();
    assert_eq!(counts, [Some(2), Some(2)]);
    let largest: Vec<Option<f64>> =
        sqlx::query_scalar("SELECT max_electricity FROM aggregations ORDER BY building").fetch_all(&mut reader).await.unwrap();
    assert_eq!(largest, [None, Some(4.0)]);
}

#[tokio::test]
async fn hosts_that_start_at_once_make_the_tables_once() {
    let world = World::new("at_once");
    let host = async |name: &str| stored(&mut sink(&world), &row(name)).await;
    tokio::join!(host("a"), host("b"), host("c"), host("d"));
    let mut connection = PgConnection::connect(&world.postgres).await.unwrap();
    assert_eq!(rows(&mut connection).await, 4);
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version").fetch_all(&mut connection).await.unwrap();
    assert_eq!(applied, [1, 2, 3]);
}

#[tokio::test]
async fn a_table_of_a_later_program_is_named() {
    let world = World::new("later");
    let mut connection = filled(&world).await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'later', true, '', 0)";
    sqlx::raw_sql(later).execute(&mut connection).await.unwrap();
    let Err(SinkError::Unavailable(reason)) = sink(&world).prepare().await else { panic!("it knows what is not its own") };
    assert!(reason.contains("migration 99 was previously applied but is missing"), "{reason}");
}
