//! Readings at a steady rate, whose values follow from meter and number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// Meters in turn, so that all have as many readings, or one less.
pub(crate) struct Sent {
    pub(crate) meters: u32,
    total: u64,
    took: Duration,
}

pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Sent>>,
}

/// The value of a meter's n-th reading, in kWh: exact in a double, and in JSON.
pub(crate) fn value(meter: u32, number: u64) -> f64 {
    let mixed = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(meter) << 7)) >> 40;
    (mixed % 4_000) as f64 / 8.0
}

pub(crate) fn make_topic(kafka: &str, topic: &str, partitions: i32) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", kafka).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(admin.create_topics(&[new], &AdminOptions::new()))?;
    answers.into_iter().try_for_each(|answer| answer.map(drop).map_err(|(name, code)| anyhow!("topic {name}: {code}")))
}

impl Load {
    pub(crate) fn start(kafka: &str, topic: &str, meters: u32, rate: u32) -> Result<Self> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", kafka)
            .set("enable.idempotence", "true")
            .set("linger.ms", "5")
            .set("compression.type", "lz4")
            .create()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, topic) = (Arc::clone(&stop), topic.to_owned());
        let thread = std::thread::spawn(move || feed(&producer, &topic, meters, rate, &stopped));
        Ok(Self { stop, thread })
    }

    pub(crate) fn finish(self) -> Result<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the feeder panicked"))?
    }
}

fn feed(producer: &BaseProducer, topic: &str, meters: u32, rate: u32, stop: &AtomicBool) -> Result<Sent> {
    let started = Instant::now();
    let mut total = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while total < due {
            let (meter, number) = ((total % u64::from(meters)) as u32, total / u64::from(meters));
            send(producer, topic, meter, number)?;
            total += 1;
        }
        producer.poll(Duration::from_millis(2));
    }
    producer.flush(Duration::from_secs(60)).context("the broker does not take all readings")?;
    Ok(Sent { meters, total, took: started.elapsed() })
}

fn send(producer: &BaseProducer, topic: &str, meter: u32, number: u64) -> Result<()> {
    let (key, value) = (format!("M{meter}"), value(meter, number));
    // Event time a second for each round.
    let time = 1_767_225_600 + number;
    let payload = format!(r#"{{"timestamp":{time},"building":"{key}","floor":1,"electricity":{value},"water":1}}"#);
    let mut record = BaseRecord::to(topic).key(&key).payload(&payload);
    while let Err((error, returned)) = producer.send(record) {
        if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
            return Err(error.into());
        }
        producer.poll(Duration::from_millis(10));
        record = returned;
    }
    Ok(())
}

impl Sent {
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.total as f64 / self.took.as_secs_f64()
    }

    /// Readings of one meter.
    pub(crate) fn of(&self, meter: u32) -> u64 {
        self.total / u64::from(self.meters) + u64::from(u64::from(meter) < self.total % u64::from(self.meters))
    }
}
