//! `[alerts]`: people are told of findings, by webhook and by mail.
//!
//! Each way to people is a sink that stores nothing: a consumer group of its own, so that a receiver that is away holds up nobody.
//! A batch's findings become one message. After a kill between the message and the commit it is sent again, and a host that was
//! just started, or has just taken over a partition, does not know whom the one before had told.

mod config;
mod digest;
mod email;
mod webhook;
mod words;

use std::future::Future;
use std::time::Duration;

pub use config::Config;
pub use email::Email;
pub use webhook::Webhook;

use super::{RowBatch, Sink, SinkError, within};
use crate::clock;
use crate::config::Span;
use crate::domain::EventTime;
pub use digest::Alert;
use digest::Digest;

/// A way to people.
pub trait Channel: Send {
    /// As in the configuration.
    const NAME: &'static str;

    /// Sends one message with all of these; at least one.
    fn send(&self, alerts: &[Alert]) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Looks whether it could, and tells nobody anything; in words, what it saw.
    fn examine(&self) -> impl Future<Output = Result<String, SinkError>> + Send;
}

/// A sink that tells people.
pub struct AlertSink<C> {
    channel: C,
    digest: Digest,
    timeout: Duration,
}

impl<C: Channel> AlertSink<C> {
    /// Tells through `channel`.
    #[must_use]
    pub fn new(channel: C, config: &Config) -> Self {
        Self { channel, digest: Digest::new(config), timeout: config.timeout.duration() }
    }
}

impl<C: Channel + Sync> Sink for AlertSink<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    async fn prepare(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    async fn write(&mut self, batch: &RowBatch) -> Result<(), SinkError> {
        let (alerts, told) = self.digest.of(batch.anomalies.placed(), clock::now().as_millisecond());
        if !alerts.is_empty() {
            within(self.timeout, "alerts.timeout", self.channel.send(&alerts)).await?;
        }
        self.digest.remember(told);
        Ok(())
    }

    async fn examine(&mut self) -> Result<String, SinkError> {
        within(self.timeout, "alerts.timeout", self.channel.examine()).await
    }

    fn keep(&self) -> Option<Span> {
        None
    }

    async fn delete_older(&mut self, _: EventTime, _: u32) -> Result<u64, SinkError> {
        Ok(0)
    }
}
