//! Questions of somebody who looks and changes nothing.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::producer::{BaseProducer, Producer as _};

use super::Settings;
use super::embedded::is_embedded;

const TIMEOUT: Duration = Duration::from_secs(10);

/// One property of a topic, as the broker has it: what was set, or its default.
///
/// # Errors
/// When the broker does not answer, or does not let us look.
pub async fn topic_property(settings: &Settings, topic: &str, property: &str) -> KafkaResult<Option<String>> {
    if is_embedded(&settings.bootstrap) {
        return Ok(None);
    }
    let admin: AdminClient<DefaultClientContext> = settings.admin().create()?;
    let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
    let answers = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options).await?;
    let answer = answers.into_iter().next().ok_or(KafkaError::NoMessageReceived)?;
    let resource = answer.map_err(KafkaError::AdminOp)?;
    Ok(resource.get(property).and_then(|entry| entry.value.clone()))
}

/// Whether the broker lets us write in transactions under ids that begin with that of the group.
///
/// # Errors
/// With what the broker says.
pub fn may_transact(settings: &Settings, group: &str) -> KafkaResult<()> {
    let producer: BaseProducer = settings.transactional_producer(&format!("{group}.doctor")).create()?;
    producer.init_transactions(TIMEOUT)
}
