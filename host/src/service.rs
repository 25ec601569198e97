//! The whole service: pipeline, sinks and page from one configuration.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::config::Config;
use crate::kafka::{DeadLetterWriter, ResultReader, Settings, TopicWatch};
use crate::metrics::Metrics;
use crate::pipeline::Host;
use crate::results::{RowFormat, TopicNames};
use crate::sink::alert::{AlertSink, Email, Webhook};
use crate::sink::{self, SetAside, Sink, SinkHandle};
use crate::web;

/// A running service.
pub struct Service {
    host: Host,
    sinks: Vec<SinkHandle>,
    /// Where the page is.
    pub address: std::net::SocketAddr,
}

impl Service {
    /// Starts the pipeline, then a sink for each configured store, then the page. Call within a tokio runtime.
    ///
    /// # Errors
    /// When the broker cannot be reached, a topic cannot be made, a setting is wrong, or the page's port is taken.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (metrics, registry) = Metrics::new();
        let host = Host::start(config.clone(), metrics.clone()).await?;
        let sinks = start_sinks(&config, &metrics, &host.watch)?;
        let stores = sinks.iter().map(SinkHandle::standing).collect();
        let address = web::serve(&config, host.status.clone(), stores, registry).await?;
        tracing::info!(page = %format!("http://{address}"), "wattdog runs");
        Ok(Self { host, sinks, address })
    }

    /// Why the service cannot go on; none while it can.
    #[must_use]
    pub fn hopeless(&self) -> Option<&str> {
        self.host.status.hopeless()
    }

    /// Finishes what was read, commits, leaves the groups.
    pub fn stop(self) {
        self.host.stop();
        self.sinks.iter().for_each(SinkHandle::request_stop);
        self.sinks.into_iter().for_each(SinkHandle::join);
    }
}

fn start_sinks(config: &Config, metrics: &Metrics, watch: &Arc<TopicWatch>) -> anyhow::Result<Vec<SinkHandle>> {
    let measures = config.measure_names();
    let mut starter = Starter { config, metrics, watch, sinks: Vec::new() };
    let sinks = &config.sink;
    if let Some(config) = &sinks.postgres {
        starter.start(sink::postgres::PostgresSink::new(config.clone(), &measures))?;
    }
    if let Some(config) = &sinks.mongodb {
        starter.start(sink::mongodb::MongoSink::new(config.clone(), &measures))?;
    }
    if let Some(config) = &sinks.sqlite {
        starter.start(sink::sqlite::SqliteSink::new(config.clone(), &measures))?;
    }
    let units = || config.input.measures.iter().map(|(name, m)| (name.clone(), m.unit.clone())).collect();
    if let Some(console) = &sinks.console {
        starter.start(sink::console::ConsoleSink::new(console, units()))?;
    }
    let alerts = &config.alerts;
    if let Some(webhook) = &alerts.webhook {
        let webhook = Webhook::new(webhook, alerts, units()).map_err(anyhow::Error::msg)?;
        starter.start(AlertSink::new(webhook, alerts))?;
    }
    if let Some(email) = &alerts.email {
        let email = Email::new(email, alerts, units()).map_err(anyhow::Error::msg)?;
        starter.start(AlertSink::new(email, alerts))?;
    }
    Ok(starter.sinks)
}

struct Starter<'a> {
    config: &'a Config,
    metrics: &'a Metrics,
    watch: &'a Arc<TopicWatch>,
    sinks: Vec<SinkHandle>,
}

impl Starter<'_> {
    fn start(&mut self, sink: impl Sink + 'static) -> anyhow::Result<()> {
        let Config { kafka, topics, .. } = self.config;
        let settings = Settings::of(kafka);
        let group = format!("{}.sink.{}", kafka.group, sink.name());
        let names = TopicNames::new(topics);
        let reader = ResultReader::join(&settings, &group, kafka.instance.as_deref(), &names, self.watch)?;
        let format = RowFormat::new(&self.config.measure_names());
        let writer = DeadLetterWriter::new(&settings, &topics.dead_letters);
        let aside = SetAside::new(sink.name(), names, format.clone(), writer, self.metrics.clone());
        self.sinks.push(sink::spawn(sink, reader, format, aside, self.metrics.clone(), Handle::current())?);
        Ok(())
    }
}
