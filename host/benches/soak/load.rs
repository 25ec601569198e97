//! What gateways send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

const METERS_OF_A_BUILDING: u64 = 10;
/// As long as topics keep what the sinks have read.
const RETENTION_MS: &str = "1800000";

pub(crate) struct Sent {
    pub(crate) total: u64,
    pub(crate) took: Duration,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Sent>>,
}

pub(crate) fn make_topic(runtime: &tokio::runtime::Runtime, kafka: &str, topic: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", kafka).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", RETENTION_MS);
    let answers = runtime.block_on(admin.create_topics(&[new], &AdminOptions::new()))?;
    answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(|(name, code)| anyhow!("topic {name}: {code}")))
}

impl Load {
    pub(crate) fn start(kafka: &str, topic: &str, meters: u32, rate: u32, findings_every: u64) -> Result<Self> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("compression.type", "lz4")
            .create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, readings) =
            (Arc::clone(&stop), Readings { topic: topic.to_owned(), meters: u64::from(meters), rate, findings_every });
        let thread = std::thread::spawn(move || feed(&producer, &readings, &stopped));
        Ok(Self { stop, thread })
    }

    pub(crate) fn finish(self) -> Result<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the feeder panicked"))?
    }
}

struct Readings {
    topic: String,
    meters: u64,
    rate: u32,
    /// One of so many is a finding of the default detector.
    findings_every: u64,
}

fn feed(producer: &BaseProducer, readings: &Readings, stop: &AtomicBool) -> Result<Sent> {
    let started = Instant::now();
    let mut total = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let due = (started.elapsed().as_secs_f64() * f64::from(readings.rate)) as u64;
        while total < due {
            readings.send(producer, total)?;
            total += 1;
        }
        producer.poll(Duration::from_millis(1));
    }
    producer.flush(Duration::from_secs(60)).context("the broker does not take all readings")?;
    Ok(Sent { total, took: started.elapsed() })
}

impl Readings {
    fn send(&self, producer: &BaseProducer, number: u64) -> Result<()> {
        let meter = number % self.meters;
        let key = format!("Building {}", meter / METERS_OF_A_BUILDING);
        let time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let (electricity, water) =
            if mixed.is_multiple_of(self.findings_every) { (51, 539) } else { (140 + mixed % 20, 290 + mixed / 20 % 20) };
        let payload = format!(
            r#"{{"timestamp":{time},"building":"{key}","floor":{},"electricity":{electricity},"water":{water}}}"#,
            meter % METERS_OF_A_BUILDING
        );
        let mut record = BaseRecord::to(&self.topic).key(&key).payload(&payload);
        while let Err((error, returned)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(10));
            record = returned;
        }
        Ok(())
    }
}
