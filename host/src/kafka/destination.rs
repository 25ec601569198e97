//! Where a command sends readings.

use super::{Partitioner, Settings};

/// Arguments of those commands that write to Kafka.
#[derive(Clone, Debug, clap::Args)]
pub struct Destination {
    /// Kafka address.
    #[arg(long, default_value = "localhost:29092")]
    pub bootstrap: String,
    /// Topic; made with three partitions where it is missing.
    #[arg(long, default_value = "university_consumption")]
    pub topic: String,
    /// A librdkafka property, as `security.protocol=SSL`; may be given several times. `partitioner` is left out where the topic's own
    /// records show it: new ones are keyed alike, in a new topic as Java's clients do.
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = property)]
    properties: Vec<(String, String)>,
}

fn property(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, as security.protocol=SSL")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Destination {
    /// How to reach the broker.
    ///
    /// # Errors
    /// Naming the property that cannot be used.
    pub fn settings(&self) -> Result<Settings, String> {
        let properties = self.properties.iter().cloned().collect();
        let settings = Settings { bootstrap: self.bootstrap.clone(), properties, partitioner: Partitioner::default() };
        settings.validate_client().map(|()| settings)
    }
}
