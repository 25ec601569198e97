//! MongoDB: inserted first, then updated only what was there.

mod config;
mod documents;
mod refusals;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::{Client, Collection, Database, IndexModel};

pub use config::Config;
use refusals::{of_inserts, outside};

use super::{RowBatch, Sink, SinkError, within};
use crate::config::Span;
use crate::domain::EventTime;

const TIMEOUT_KEY: &str = "sink.mongodb.timeout";
/// The time of a row by which it grows old, in each collection.
const TIMES: [(&str, &str); 3] =
    [("aggregations", "window_end"), ("anomalies", "detected_at"), ("shadow_anomalies", "detected_at")];

/// The store.
pub struct MongoSink {
    config: Config,
    measures: Vec<String>,
    database: Option<Database>,
    /// Collections with a unique index that is not ours.
    more_unique: Vec<&'static str>,
}

impl MongoSink {
    /// For rows of these measures.
    #[must_use]
    pub fn new(config: Config, measures: &[String]) -> Self {
        Self { config, measures: measures.to_vec(), database: None, more_unique: Vec::new() }
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
        let our_key = default_name(&key.keys);
        let mut indexes = vec![("aggregations", key), ("aggregations", by("window_start")), ("anomalies", of_building)];
        for (collection, time) in TIMES {
            // Windows are found by their end for retention alone.
            if collection != "aggregations" || self.config.keep.is_some() {
                indexes.push((collection, by(time)));
            }
        }
        self.more_unique.clear();
        for (collection, _) in TIMES {
            // A server may lock everything to make an index that is there: one that speaks this protocol and keeps documents in
            // PostgreSQL was seen to stand still for good when several hosts came back at once.
            let there = self.indexes(&database, collection).await?;
            for (_, index) in indexes.extract_if(.., |(of, _)| *of == collection) {
                if !there.iter().any(|(name, _)| *name == default_name(&index.keys)) {
                    self.answer(database.collection::<Document>(collection).create_index(index).into_future()).await?;
                }
            }
            if there.iter().any(|(name, unique)| *unique && *name != our_key && name != "_id_") {
                self.more_unique.push(collection);
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
        let unknown = |error: Error| SinkError::Unavailable(error.kind.to_string());
        let mut options = ClientOptions::parse(&self.config.url).await.map_err(unknown)?;
        // Half, so that the driver's own words come first: they name the servers.
        options.server_selection_timeout.get_or_insert(limit / 2);
        options.connect_timeout.get_or_insert(limit / 2);
        options.app_name.get_or_insert_with(|| "wattdog".into());
        Ok(Client::with_options(options).map_err(unknown)?.database(&self.config.database))
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
            match of_inserts(refusal) {
                Some(error) => Err(error),
                None => Ok(writes.iter().map(|write| write.index).collect()),
            }
        };
        let doubles = within(self.config.timeout.duration(), TIMEOUT_KEY, inserted).await?;
        if !doubles.is_empty() && self.more_unique.contains(&collection.name()) {
            self.assert_there(collection, rows, &doubles).await?;
        }
        Ok(doubles)
    }

    /// Names of a collection's indexes, and whether each is unique. None where the collection is not there yet.
    async fn indexes(&self, database: &Database, collection: &str) -> Result<Vec<(String, bool)>, SinkError> {
        let collections = self.answer(database.list_collection_names().into_future()).await?;
        if !collections.iter().any(|known| known == collection) {
            return Ok(Vec::new());
        }
        let listed = async {
            let mut listed = database.collection::<Document>(collection).list_indexes().await?;
            let mut indexes = Vec::new();
            while listed.advance().await? {
                let options = listed.deserialize_current()?.options.unwrap_or_default();
                indexes.push((options.name.unwrap_or_default(), options.unique == Some(true)));
            }
            Ok(indexes)
        };
        self.answer(listed).await
    }

    /// A document may also be taken for a double by an index that the operator has made: then it is nowhere.
    async fn assert_there(
        &self,
        collection: &Collection<Document>,
        rows: &[Document],
        doubles: &[usize],
    ) -> Result<(), SinkError> {
        let ids: Vec<_> = doubles.iter().filter_map(|&index| rows[index].get("_id")).collect();
        let found = async {
            let mut found = collection.find(doc! { "_id": { "$in": &ids } }).projection(doc! { "_id": 1 }).await?;
            let mut there = 0;
            while found.advance().await? {
                there += 1;
            }
            Ok(there)
        };
        if self.answer(found).await? == ids.len() {
            return Ok(());
        }
        let words = format!("E11000 duplicate key: an index of `{}` has the key of another document", collection.name());
        Err(SinkError::Refused(words))
    }
}

/// What every server calls an index that was given no name.
fn default_name(keys: &Document) -> String {
    keys.iter().map(|(field, direction)| format!("{field}_{direction}")).collect::<Vec<_>>().join("_")
}
