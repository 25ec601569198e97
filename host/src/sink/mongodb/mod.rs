//! MongoDB: inserted first, then updated only what was there.

mod config;
mod documents;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::{Client, Collection, Database, IndexModel};

pub use config::Config;

use super::{RowBatch, Sink, SinkError, within};
use crate::config::Span;
use crate::domain::EventTime;

const TIMEOUT_KEY: &str = "sink.mongodb.timeout";
/// MongoDB's code for a key that is there already.
const DUPLICATE_KEY: i32 = 11_000;

/// MongoDB's codes for a document that it does not take: BadValue, InvalidBSON, DollarPrefixedFieldName, DocumentValidationFailure,
/// BSONObjectTooLarge.
const ABOUT_A_DOCUMENT: [i32; 5] = [2, 22, 52, 121, 10_334];
/// MongoDB's code for a disk that is full, which it gives for each document.
const OUT_OF_DISK_SPACE: i32 = 14_031;
/// The time of a row by which it grows old, in each collection.
const TIMES: [(&str, &str); 3] =
    [("aggregations", "window_end"), ("anomalies", "detected_at"), ("shadow_anomalies", "detected_at")];

/// The store.
pub struct MongoSink {
    config: Config,
    measures: Vec<String>,
    database: Option<Database>,
}

impl MongoSink {
    /// For rows of these measures.
    #[must_use]
    pub fn new(config: Config, measures: &[String]) -> Self {
        Self { config, measures: measures.to_vec(), database: None }
    }
}

impl Sink for MongoSink {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        let database = self.connect().await?;
        let unique = IndexOptions::builder().unique(true).build();
        let key = IndexModel::builder().keys(doc! { "building": 1, "window_start": 1 }).options(unique).build();
        let by = |time| IndexModel::builder().keys(doc! { time: 1 }).build();
        let of_building = IndexModel::builder().keys(doc! { "building": 1, "detected_at": 1 }).build();
        // The archive asks for the latest windows of all buildings, and for one building's findings.
        let mut indexes = vec![("aggregations", key), ("aggregations", by("window_start")), ("anomalies", of_building)];
        for (collection, time) in TIMES {
            // Windows are found by their end for retention alone.
            if collection != "aggregations" || self.config.keep.is_some() {
                indexes.push((collection, by(time)));
            }
        }
        for (name, index) in indexes {
            let collection = database.collection::<Document>(name);
            // A server may lock everything to make an index that is there: one that speaks this protocol and keeps documents in
            // PostgreSQL was seen to stand still for good when several hosts came back at once.
            let names = self.answer(collection.list_index_names().into_future()).await.unwrap_or_default();
            if !names.contains(&default_name(&index.keys)) {
                self.answer(collection.create_index(index).into_future()).await?;
            }
        }
        self.database = Some(database);
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        if !batch.aggregations.is_empty() {
            let rows: Vec<_> = batch.aggregations.iter().map(|row| documents::aggregation(row, &self.measures)).collect();
            let collection = self.collection("aggregations")?;
            for index in self.insert(&collection, &rows).await? {
                let replaced = collection.replace_one(documents::no_newer_than(&batch.aggregations[index]), &rows[index]);
                self.answer(replaced.into_future()).await?;
            }
        }
        for (name, findings) in [("anomalies", &batch.anomalies), ("shadow_anomalies", &batch.shadow_anomalies)] {
            if findings.is_empty() {
                continue;
            }
            let rows: Vec<_> = findings.iter().map(|row| documents::anomaly(row, &self.measures)).collect();
            // What is there already is the same: its id says so.
            self.insert(&self.collection(name)?, &rows).await?;
        }
        Ok(())
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        let database = self.connect().await?;
        let server = self.answer(database.run_command(doc! { "buildInfo": 1 }).into_future()).await?;
        let there = self.answer(database.list_collection_names().into_future()).await?;
        let version = server.get_str("version").unwrap_or("of no version");
        let ours = TIMES.iter().filter(|(name, _)| there.iter().any(|known| known == name)).count();
        Ok(format!("MongoDB {version}, database `{}` has {ours} of {} collections", database.name(), TIMES.len()))
    }

    fn keep(&self) -> Option<Span> {
        self.config.keep
    }

    async fn delete_older(&mut self, time: EventTime, most: u32) -> Result<u64, SinkError> {
        let mut rows = 0;
        for (name, field) in TIMES {
            let collection = self.collection(name)?;
            let old = doc! { field: { "$lt": documents::time(time) } };
            // A deletion has no limit, so it goes up to the time of the last row that it may have.
            let last =
                collection.find_one(old.clone()).sort(doc! { field: 1 }).skip(u64::from(most) - 1).projection(doc! { field: 1 });
            let slice = match self.answer(last.into_future()).await? {
                Some(last) => doc! { field: { "$lte": last.get(field).cloned() } },
                None => old,
            };
            rows += self.answer(collection.delete_many(slice).into_future()).await?.deleted_count;
        }
        Ok(rows)
    }
}

impl MongoSink {
    async fn connect(&self) -> Result<Database, SinkError> {
        let limit = self.config.timeout.duration();
        let mut options = ClientOptions::parse(&self.config.url).await.map_err(outside)?;
        // Half, so that the driver's own words come first: they name the servers.
        options.server_selection_timeout.get_or_insert(limit / 2);
        options.connect_timeout.get_or_insert(limit / 2);
        options.app_name.get_or_insert_with(|| "wattdog".into());
        Ok(Client::with_options(options).map_err(outside)?.database(&self.config.database))
    }

    fn collection(&self, name: &str) -> Result<Collection<Document>, SinkError> {
        let database = self.database.as_ref().ok_or_else(|| SinkError::Unavailable("not connected".into()))?;
        Ok(database.collection(name))
    }

    /// Waits within the limit, which is one of each command and not of a batch: a batch that is there already is updated by the row.
    async fn answer<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, SinkError> {
        within(self.config.timeout.duration(), TIMEOUT_KEY, async { question.await.map_err(outside) }).await
    }

    /// Inserts all that are new and returns the indices of those that were there.
    async fn insert(&self, collection: &Collection<Document>, rows: &[Document]) -> Result<Vec<usize>, SinkError> {
        let inserted = async {
            let Err(error) = collection.insert_many(rows).ordered(false).await else { return Ok(Vec::new()) };
            let ErrorKind::InsertMany(refusal) = &*error.kind else { return Err(outside(error)) };
            let Some(writes) = &refusal.write_errors else { return Err(outside(error)) };
            match writes.iter().find(|write| write.code != DUPLICATE_KEY) {
                Some(full) if full.code == OUT_OF_DISK_SPACE => Err(SinkError::Unavailable(full.message.clone())),
                Some(other) => Err(SinkError::Refused(other.message.clone())),
                None => Ok(writes.iter().map(|write| write.index).collect()),
            }
        };
        within(self.config.timeout.duration(), TIMEOUT_KEY, inserted).await
    }
}

/// What every server calls an index that was given no name.
fn default_name(keys: &Document) -> String {
    keys.iter().map(|(field, direction)| format!("{field}_{direction}")).collect::<Vec<_>>().join("_")
}

/// A document was refused, by the driver or by the server, or else the server or the way to it is at fault.
fn outside(error: Error) -> SinkError {
    let about_a_row = match &*error.kind {
        ErrorKind::BsonSerialization(_) => true,
        // A server that keeps documents in PostgreSQL passes on that database's data exceptions, as for a NUL character.
        ErrorKind::Command(command) => ABOUT_A_DOCUMENT.contains(&command.code) || command.message.contains("(SQLSTATE 22"),
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code != OUT_OF_DISK_SPACE,
        _ => false,
    };
    let words = error.kind.to_string();
    if about_a_row { SinkError::Refused(words) } else { SinkError::Unavailable(words) }
}
