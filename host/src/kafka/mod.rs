//! Everything that talks to Kafka; no other room names its client.

mod embedded;
mod feeder;
mod group;
mod history;
mod lane_log;
mod partition_queue;
mod partition_reader;
mod queue;
mod result_reader;
mod settings;
mod subscription;
mod topics;
mod whole_topic;

pub use embedded::EmbeddedBroker;
pub use feeder::{FeedError, Feeder};
pub use group::Group;
pub use history::History;
pub use lane_log::KafkaLane;
pub use partition_queue::PartitionQueue;
pub use queue::Messages;
pub use rdkafka::error::KafkaError;
pub use result_reader::ResultReader;
pub use settings::Settings;
pub use subscription::Assignments;
pub use topics::{TopicError, TopicSpec, ensure_topics, partition_count};
pub use whole_topic::read_topic;
