//! What every store owes: each row once, however often it comes; a row that it refuses set aside and the others stored; back after
//! an outage; rows that were kept long enough gone.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use rdkafka::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sqlx::Connection as _;
use tokio::runtime::Handle;
use wattdog::config::{Span, Topics};
use wattdog::domain::EventTime;
use wattdog::kafka::{DeadLetterWriter, ResultReader, Settings, TopicSpec, TopicWatch, ensure_topics};
use wattdog::metrics::{Family, Metrics, SinkLabel};
use wattdog::results::{Aggregation, Anomaly, MeasureStats, RowFormat, Severity, TopicNames};
use wattdog::sink::{self, SetAside, Sink, SinkHandle};

use crate::feeder::PARTITIONS;
use crate::proxy::{Proxy, Way};
use crate::servers::{World, eventually};
use crate::topics::{header, read_topic};

/// Of the sinks under test: short, since outages are waited out.
const TIMEOUT: Span = Span::from_secs(3);
const KEEP: Span = Span::from_secs(400 * 86_400);

/// A store, as its sink and as an outsider see it.
trait Store {
    type Sink: Sink + 'static;

    fn sink(&self, keep: Option<Span>) -> Self::Sink;
    /// Rows of `aggregations`, `anomalies` and `shadow_anomalies`; none while it cannot be asked.
    async fn rows(&self) -> Option<[i64; 3]>;
    /// Readings in the latest window of `A`.
    async fn latest_count(&self) -> Option<i64>;
    /// A row that it refuses, and a part of its words.
    async fn refusal(&self, row: Anomaly<'static>) -> (Anomaly<'static>, &'static str);
    async fn go_away(&mut self);
    async fn come_back(&mut self);
}

pub(crate) fn measures() -> Vec<String> {
    vec!["electricity".into(), "water".into()]
}

pub(crate) fn window(building: &str, start: EventTime) -> Aggregation {
    let stats = MeasureStats { avg: 2.5, min: 1.0, max: 4.0, sum: 5.0, count: Some(2) };
    Aggregation {
        building: building.to_owned(),
        window_start: start,
        window_end: EventTime(start.0 + 30_000_000),
        count: 2,
        revision: 0,
        is_final: true,
        measures: vec![stats, MeasureStats { count: Some(0), ..MeasureStats::NOTHING }],
    }
}

pub(crate) fn finding(id: u128, detected_at: EventTime) -> Anomaly<'static> {
    Anomaly {
        id: uuid::Uuid::from_u128(id),
        detected_at,
        building: "A".into(),
        floor: Some(1),
        meter: "A/1".into(),
        measures: [1.5, f64::NAN].into_iter().collect(),
        distance: Some(1.87),
        threshold: None,
        cluster: Some(2),
        severity: Severity::Anomaly,
        score: 1.01,
        reason: "high".into(),
        expected: None,
        context: Some(r#"{"calendar.local_hour":7}"#.into()),
        detector: "kmeans".into(),
        detector_version: "1.0.0".into(),
        detector_digest: "ab".into(),
        source_partition: 0,
        source_offset: 42,
    }
}

/// The result topics of one test, and who writes to them.
pub(crate) struct Results {
    pub(crate) world: World,
    pub(crate) topics: Topics,
    settings: Settings,
    producer: BaseProducer,
    format: RowFormat,
}

impl Results {
    pub(crate) async fn new(world: World) -> Self {
        let name = |of: &str| format!("{}.{of}", world.name);
        let topics = Topics {
            aggregations: name("aggregations"),
            anomalies: name("anomalies"),
            shadow_anomalies: name("shadow-anomalies"),
            dead_letters: name("dead-letters"),
            ..Topics::default()
        };
        let settings =
            Settings { bootstrap: world.kafka.clone(), properties: Default::default(), partitioner: Default::default() };
        let names = [&topics.aggregations, &topics.anomalies, &topics.shadow_anomalies, &topics.dead_letters];
        let specs =
            names.map(|name| TopicSpec { name: name.clone(), partitions: PARTITIONS, compacted: false, retention_ms: None });
        ensure_topics(&settings, &specs).await.unwrap();
        let producer = settings.feeder().create().unwrap();
        Self { world, topics, settings, producer, format: RowFormat::new(&measures()) }
    }

    pub(crate) fn send(&self, topic: &str, key: &str, json: &[u8]) {
        self.producer.send(BaseRecord::to(topic).key(key).payload(json)).unwrap();
        self.producer.flush(Duration::from_secs(60)).unwrap();
    }

    pub(crate) fn send_window(&self, row: &Aggregation) {
        let mut json = Vec::new();
        self.format.write_aggregation(row, &mut json);
        self.send(&self.topics.aggregations, &row.building, &json);
    }

    pub(crate) fn send_finding(&self, topic: &str, row: &Anomaly<'_>) {
        let mut json = Vec::new();
        self.format.write_anomaly(row, &mut json);
        self.send(topic, &row.building, &json);
    }

    pub(crate) fn start<S: Sink + 'static>(&self, sink: S, group: &str) -> (SinkHandle, Metrics) {
        let (metrics, _) = Metrics::new();
        let names = TopicNames::new(&self.topics);
        let watch = TopicWatch::start(&self.settings, Vec::new(), Family::default());
        let reader = ResultReader::join(&self.settings, &format!("{}.{group}", self.world.name), None, &names, &watch).unwrap();
        let writer = DeadLetterWriter::new(&self.settings, &self.topics.dead_letters);
        let aside = SetAside::new(sink.name(), names, self.format.clone(), writer, metrics.clone());
        let handle = sink::spawn(sink, reader, self.format.clone(), aside, metrics.clone(), Handle::current()).unwrap();
        (handle, metrics)
    }

    /// (kind, reason, stage, topic, value), and the database's words, of each dead letter.
    pub(crate) fn dead_letters(&self) -> Vec<([String; 4], Vec<u8>, String)> {
        let mut letters = Vec::new();
        read_topic(&self.world.kafka, &self.topics.dead_letters, |letter| {
            let about = ["kind", "reason", "stage", "topic"].map(|name| header(letter, name));
            letters.push((about, letter.payload().unwrap().to_vec(), header(letter, "message")));
        });
        letters
    }
}

async fn stores<S: Store>(store: &S, rows: [i64; 3], what: &str) {
    eventually(what, async || (store.rows().await? == rows).then_some(())).await;
}

pub(crate) fn join(handle: SinkHandle) {
    tokio::task::block_in_place(|| handle.join());
}

/// Holds a sink to its duties.
async fn assert_sink_duties<S: Store>(results: &Results, mut store: S) {
    let label = SinkLabel { sink: store.sink(None).name().to_owned() };
    let now = EventTime(jiff::Timestamp::now().as_second() / 30 * 30_000_000);
    let old = EventTime(now.0 - KEEP.micros() - 86_400_000_000);
    let topics = &results.topics;

    // Twice is once.
    for time in [now, old] {
        results.send_window(&window("A", time));
        results.send_window(&window("B", time));
        results.send_finding(&topics.anomalies, &finding(time.0 as u128, time));
        results.send_finding(&topics.shadow_anomalies, &finding(time.0 as u128, time));
    }
    let (first, _) = results.start(store.sink(None), "first");
    stores(&store, [4, 2, 2], "all rows are there").await;
    let (again, metrics) = results.start(store.sink(None), "again");
    let written = || metrics.sink_rows.get_or_create(&label).get();
    eventually("all rows were written again", async || (written() == 8).then_some(())).await;
    assert_eq!(store.rows().await, Some([4, 2, 2]));
    join(first);

    // A host that was frozen may write after its successor: of a window the row that says most stays.
    let saying = |count, revision, is_final| Aggregation { count, revision, is_final, ..window("A", now) };
    for (row, count) in [
        (saying(5, 1, true), 5),
        (saying(9, 0, true), 5),
        (saying(9, 1, false), 5),
        (saying(4, 1, true), 5),
        (saying(6, 1, true), 6),
        (saying(3, 2, true), 3),
    ] {
        let before = written();
        results.send_window(&row);
        eventually("the row was seen", async || (written() > before).then_some(())).await;
        assert_eq!(store.latest_count().await, Some(count), "after {row:?}");
    }
    join(again);

    // A row that is refused is set aside as it came, with the store's words, and so is a record that is no row.
    let (first, _) = results.start(store.sink(None), "first");
    let (refused, words) = store.refusal(finding(7, now)).await;
    results.send_finding(&topics.anomalies, &finding(6, now));
    results.send_finding(&topics.anomalies, &refused);
    results.send(&topics.aggregations, "A", b"hello");
    results.send_finding(&topics.anomalies, &finding(8, now));
    stores(&store, [4, 4, 2], "the rows around the refused one are there").await;
    let letters =
        eventually("both are set aside", async || Some(results.dead_letters()).filter(|letters| letters.len() >= 2)).await;
    let mut json = Vec::new();
    results.format.write_anomaly(&refused, &mut json);
    let stage = format!("sink.{}", label.sink);
    for (reason, topic, value, words) in
        [("refused", &topics.anomalies, json, words), ("unreadable", &topics.aggregations, b"hello".to_vec(), "not a row")]
    {
        let about = ["row", reason, &stage, topic].map(str::to_owned);
        let letter = letters.iter().find(|(of, ..)| *of == about).unwrap_or_else(|| panic!("no {about:?} in {letters:?}"));
        assert_eq!(letter.1, value);
        assert!(letter.2.contains(words), "{}", letter.2);
    }
    join(first);

    // Away and back.
    let (running, metrics) = results.start(store.sink(None), "first");
    let away = || metrics.sink_away.get_or_create(&label).get();
    results.send_finding(&topics.anomalies, &finding(9, now));
    stores(&store, [4, 5, 2], "it runs").await;
    store.go_away().await;
    results.send_finding(&topics.anomalies, &finding(10, now));
    eventually("it is said that the store is away", async || (away() > 1.0).then_some(())).await;
    store.come_back().await;
    stores(&store, [4, 6, 2], "the row that waited is there").await;
    eventually("it is said that the store is back", async || (away() == 0.0).then_some(())).await;
    join(running);

    // Kept long enough.
    let (keeping, metrics) = results.start(store.sink(Some(KEEP)), "first");
    stores(&store, [2, 5, 1], "old rows are gone, and no other").await;
    assert_eq!(metrics.sink_deleted.get_or_create(&label).get(), 4);
    join(keeping);
}

struct Postgres {
    url: String,
    direct: String,
    proxy: Proxy,
}

impl Store for Postgres {
    type Sink = sink::postgres::PostgresSink;

    fn sink(&self, keep: Option<Span>) -> Self::Sink {
        let config = sink::postgres::Config { url: self.url.clone(), timeout: TIMEOUT, keep, ..Default::default() };
        sink::postgres::PostgresSink::new(config, &measures())
    }

    async fn rows(&self) -> Option<[i64; 3]> {
        let mut connection = sqlx::PgConnection::connect(&self.direct).await.ok()?;
        let mut rows = [0; 3];
        for (count, table) in rows.iter_mut().zip(["aggregations", "anomalies", "shadow_anomalies"]) {
            let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            *count = sqlx::query_scalar(query).fetch_one(&mut connection).await.ok()?;
        }
        Some(rows)
    }

    async fn latest_count(&self) -> Option<i64> {
        let mut connection = sqlx::PgConnection::connect(&self.direct).await.ok()?;
        let query = "SELECT count FROM aggregations WHERE building = 'A' ORDER BY window_start DESC LIMIT 1";
        sqlx::query_scalar(query).fetch_one(&mut connection).await.ok()
    }

    /// It takes every row, unless its owner says otherwise.
    async fn refusal(&self, row: Anomaly<'static>) -> (Anomaly<'static>, &'static str) {
        let mut connection = sqlx::PgConnection::connect(&self.direct).await.unwrap();
        let check = "ALTER TABLE anomalies ADD CONSTRAINT no_such_meter CHECK (meter <> 'A/0')";
        sqlx::query(check).execute(&mut connection).await.unwrap();
        (Anomaly { meter: "A/0".into(), ..row }, "no_such_meter")
    }

    async fn go_away(&mut self) {
        self.proxy.set(Way::Silent);
    }

    async fn come_back(&mut self) {
        self.proxy.set(Way::Good);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_does_its_duties() {
    let world = World::new("duties_pg");
    let direct = world.postgres.clone();
    let (server, _) = direct.split_once('@').unwrap().1.split_once('/').unwrap();
    let proxy = Proxy::before(server);
    let store = Postgres { url: direct.replace(server, &proxy.address), direct, proxy };
    assert_sink_duties(&Results::new(world).await, store).await;
}

struct Mongo {
    url: String,
    database: mongodb::Database,
    proxy: Proxy,
}

impl Store for Mongo {
    type Sink = sink::mongodb::MongoSink;

    fn sink(&self, keep: Option<Span>) -> Self::Sink {
        let database = self.database.name().to_owned();
        let config = sink::mongodb::Config { url: self.url.clone(), database, timeout: TIMEOUT, keep };
        sink::mongodb::MongoSink::new(config, &measures())
    }

    async fn rows(&self) -> Option<[i64; 3]> {
        let mut rows = [0; 3];
        for (count, name) in rows.iter_mut().zip(["aggregations", "anomalies", "shadow_anomalies"]) {
            let collection = self.database.collection::<Document>(name);
            *count = collection.count_documents(doc! {}).await.ok()? as i64;
        }
        Some(rows)
    }

    async fn latest_count(&self) -> Option<i64> {
        let collection = self.database.collection::<Document>("aggregations");
        collection.find_one(doc! { "building": "A" }).sort(doc! { "window_start": -1 }).await.ok()??.get_i64("count").ok()
    }

    /// Some servers of its protocol take no such key.
    async fn refusal(&self, row: Anomaly<'static>) -> (Anomaly<'static>, &'static str) {
        (Anomaly { context: Some(r#"{"$a":1}"#.into()), ..row }, "$")
    }

    async fn go_away(&mut self) {
        self.proxy.set(Way::Silent);
    }

    async fn come_back(&mut self) {
        self.proxy.set(Way::Good);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_does_its_duties() {
    let world = World::new("duties_mongo");
    let direct = world.mongodb.clone();
    let server = direct.trim_start_matches("mongodb://").split('/').next().unwrap();
    let proxy = Proxy::before(server);
    let database = mongodb::Client::with_uri_str(&direct).await.unwrap().database(&world.name);
    let store = Mongo { url: direct.replace(server, &proxy.address), database, proxy };
    assert_sink_duties(&Results::new(world).await, store).await;
}

struct Sqlite {
    path: std::path::PathBuf,
    /// Writes, and does not end.
    holder: Option<sqlx::SqliteConnection>,
}

impl Sqlite {
    async fn connect(&self) -> Option<sqlx::SqliteConnection> {
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", self.path.display())).await.ok()
    }
}

impl Store for Sqlite {
    type Sink = sink::sqlite::SqliteSink;

    fn sink(&self, keep: Option<Span>) -> Self::Sink {
        let timeout = Span::from_millis(500);
        sink::sqlite::SqliteSink::new(sink::sqlite::Config { path: self.path.clone(), timeout, keep }, &measures())
    }

    async fn rows(&self) -> Option<[i64; 3]> {
        let mut connection = self.connect().await?;
        let mut rows = [0; 3];
        for (count, table) in rows.iter_mut().zip(["aggregations", "anomalies", "shadow_anomalies"]) {
            let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            *count = sqlx::query_scalar(query).fetch_one(&mut connection).await.ok()?;
        }
        Some(rows)
    }

    async fn latest_count(&self) -> Option<i64> {
        let mut connection = self.connect().await?;
        let query = "SELECT count FROM aggregations WHERE building = 'A' ORDER BY window_start DESC LIMIT 1";
        sqlx::query_scalar(query).fetch_one(&mut connection).await.ok()
    }

    /// It takes every row, unless its owner says otherwise.
    async fn refusal(&self, row: Anomaly<'static>) -> (Anomaly<'static>, &'static str) {
        let trigger = "CREATE TRIGGER no_such_meter BEFORE INSERT ON anomalies WHEN NEW.meter = 'A/0' \
                       BEGIN SELECT RAISE(ABORT, 'no such meter'); END";
        sqlx::query(trigger).execute(&mut self.connect().await.unwrap()).await.unwrap();
        (Anomaly { meter: "A/0".into(), ..row }, "no such meter")
    }

    async fn go_away(&mut self) {
        let mut holder = self.connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
        self.holder = Some(holder);
    }

    async fn come_back(&mut self) {
        self.holder = None;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_does_its_duties() {
    let world = World::new("duties_sqlite");
    let store = Sqlite { path: world.folder.path().join("rows.db"), holder: None };
    assert_sink_duties(&Results::new(world).await, store).await;
}
