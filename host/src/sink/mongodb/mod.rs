//! MongoDB: inserted first, then updated only what was there.

mod config;
mod documents;

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::{Client, Collection, Database, IndexModel};

pub use config::Config;

use super::{RowBatch, Sink, SinkError};

const TIMEOUT: Duration = Duration::from_secs(5);
/// MongoDB's code for a key that is there already.
const DUPLICATE_KEY: i32 = 11_000;

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
        let mut options = ClientOptions::parse(&self.config.url).await.map_err(outside)?;
        options.server_selection_timeout = Some(TIMEOUT);
        options.connect_timeout = Some(TIMEOUT);
        options.app_name.get_or_insert_with(|| "wattdog".into());
        let database = Client::with_options(options).map_err(outside)?.database(&self.config.database);
        let unique = IndexOptions::builder().unique(true).build();
        let key = IndexModel::builder().keys(doc! { "building": 1, "window_start": 1 }).options(unique).build();
        database.collection::<Document>("aggregations").create_index(key).await.map_err(outside)?;
        let by_time = IndexModel::builder().keys(doc! { "detected_at": 1 }).build();
        for findings in ["anomalies", "shadow_anomalies"] {
            database.collection::<Document>(findings).create_index(by_time.clone()).await.map_err(outside)?;
        }
        self.database = Some(database);
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let database = self.database.as_ref().ok_or_else(|| SinkError::Unavailable("not connected".into()))?;
        if !batch.aggregations.is_empty() {
            let rows: Vec<_> = batch.aggregations.iter().map(|row| documents::aggregation(row, &self.measures)).collect();
            let collection = database.collection::<Document>("aggregations");
            for index in insert(&collection, &rows).await? {
                let row = &rows[index];
                let key = doc! { "_id": row.get("_id").cloned() };
                collection.replace_one(key, row).upsert(true).await.map_err(outside)?;
            }
        }
        for (name, findings) in [("anomalies", &batch.anomalies), ("shadow_anomalies", &batch.shadow_anomalies)] {
            if findings.is_empty() {
                continue;
            }
            let rows: Vec<_> = findings.iter().map(|row| documents::anomaly(row, &self.measures)).collect();
            // What is there already is the same: its id says so.
            insert(&database.collection::<Document>(name), &rows).await?;
        }
        Ok(())
    }
}

/// Inserts all that are new and returns the indices of those that were there.
async fn insert(collection: &Collection<Document>, rows: &[Document]) -> Result<Vec<usize>, SinkError> {
    let Err(error) = collection.insert_many(rows).ordered(false).await else { return Ok(Vec::new()) };
    let ErrorKind::InsertMany(refusal) = &*error.kind else { return Err(outside(error)) };
    let Some(writes) = &refusal.write_errors else { return Err(outside(error)) };
    match writes.iter().find(|write| write.code != DUPLICATE_KEY) {
        Some(other) => Err(SinkError::Refused(other.message.clone())),
        None => Ok(writes.iter().map(|write| write.index).collect()),
    }
}

fn outside(error: Error) -> SinkError {
    SinkError::Unavailable(error.to_string())
}
