//! Everything that talks to Kafka; no other room names its client.

mod complaints;
mod dead_letter_writer;
mod embedded;
mod feeder;
mod group;
mod history;
mod lane_log;
mod offsets;
mod partition_queue;
mod partition_reader;
mod queue;
mod reassign;
mod redriver;
mod result_reader;
mod settings;
mod stored_state;
mod subscription;
mod topics;
mod whole_topic;

pub use dead_letter_writer::DeadLetterWriter;
pub use embedded::EmbeddedBroker;
pub use feeder::{FeedError, Feeder};
pub use group::Group;
pub use history::History;
pub use lane_log::KafkaLane;
pub use offsets::{hand_over, has_read};
pub use partition_queue::PartitionQueue;
pub use partition_reader::newest_records;
pub use queue::{Message, Messages};
pub use rdkafka::error::KafkaError;
pub use redriver::{RedriveError, Redriven, Redriver};
pub use result_reader::ResultReader;
pub use settings::Settings;
pub use subscription::Assignments;
pub use topics::{Partitions, TopicError, TopicSpec, ensure_topics, partition_count};
pub use whole_topic::{StoredRecord, read_records, read_topic, wait_until_settled};
