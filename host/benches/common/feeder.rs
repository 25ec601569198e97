//! Messages at a steady rate, until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// How much was sent.
pub(crate) struct Sent {
    pub(crate) total: u64,
    pub(crate) took: Duration,
}

impl Sent {
    pub(crate) fn per_second(&self) -> f64 {
        self.total as f64 / self.took.as_secs_f64()
    }
}

pub(crate) struct Feeder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Sent>>,
}

/// A topic with so many partitions, which keeps messages for as long as it is told to; else for as long as the broker does.
pub(crate) fn make_topic(kafka: &str, topic: &str, partitions: i32, retention: Option<Duration>) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", kafka).create()?;
    let retention_ms = retention.map(|retention| retention.as_millis().to_string());
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let new = retention_ms.iter().fold(new, |new, ms| new.set("retention.ms", ms));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(admin.create_topics(&[new], &AdminOptions::new()))?;
    answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(|(name, code)| anyhow!("topic {name}: {code}")))
}

impl Feeder {
    /// `message` gives key and payload of the n-th one.
    pub(crate) fn start(
        kafka: &str,
        topic: &str,
        rate: u32,
        message: impl Fn(u64) -> (String, String) + Send + 'static,
    ) -> Result<Self> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("compression.type", "lz4")
            .create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, topic) = (Arc::clone(&stop), topic.to_owned());
        let thread = std::thread::spawn(move || {
            let (started, mut total) = (Instant::now(), 0);
            while !stopped.load(Ordering::Relaxed) {
                let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as u64;
                while total < due {
                    let (key, payload) = message(total);
                    send(&producer, &topic, &key, &payload)?;
                    total += 1;
                }
                // A poll that waits for a millisecond turns in circles for most of it, and takes a core from what is measured.
                producer.poll(Duration::ZERO);
                std::thread::sleep(Duration::from_millis(1));
            }
            producer.flush(Duration::from_secs(60)).context("the broker does not take all readings")?;
            Ok(Sent { total, took: started.elapsed() })
        });
        Ok(Self { stop, thread })
    }

    /// All of it is in the topic then.
    pub(crate) fn finish(self) -> Result<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the feeder panicked"))?
    }
}

fn send(producer: &BaseProducer, topic: &str, key: &str, payload: &str) -> Result<()> {
    let mut record = BaseRecord::to(topic).key(key).payload(payload);
    while let Err((error, returned)) = producer.send(record) {
        if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
            return Err(error.into());
        }
        producer.poll(Duration::from_millis(10));
        record = returned;
    }
    Ok(())
}
