//! Stores and those who are told: each is asked as its sink would ask it.

use super::Finding;
use crate::config::Config;
use crate::sink::alert::{AlertSink, Email, Webhook};
use crate::sink::mongodb::MongoSink;
use crate::sink::postgres::PostgresSink;
use crate::sink::sqlite::SqliteSink;
use crate::sink::{Sink, SinkError};

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let (sinks, alerts, measures) = (&config.sink, &config.alerts, config.measure_names());
    let mut findings = Vec::new();
    if let Some(postgres) = &sinks.postgres {
        findings.push(ask(PostgresSink::new(postgres.clone(), &measures)).await);
    }
    if let Some(mongodb) = &sinks.mongodb {
        findings.push(ask(MongoSink::new(mongodb.clone(), &measures)).await);
    }
    if let Some(sqlite) = &sinks.sqlite {
        findings.push(ask(SqliteSink::new(sqlite.clone(), &measures)).await);
    }
    if findings.is_empty() {
        let remedy = "add `[sink.postgres]`, `[sink.mongodb]` or `[sink.sqlite]`";
        findings.push(Finding::doubtful(
            "stores",
            "none is configured: results stay on their topics, the page has no past",
            remedy,
        ));
    }
    // What cannot be made of the configuration was refused before.
    if let Some(Ok(webhook)) = alerts.webhook.as_ref().map(|webhook| Webhook::new(webhook, alerts, Vec::new())) {
        findings.push(ask(AlertSink::new(webhook, alerts)).await);
    }
    if let Some(Ok(email)) = alerts.email.as_ref().map(|email| Email::new(email, alerts, Vec::new())) {
        findings.push(ask(AlertSink::new(email, alerts)).await);
    }
    findings
}

async fn ask(mut sink: impl Sink) -> Finding {
    let name = sink.name();
    match sink.examine().await {
        Ok(words) => Finding::good(name, words),
        Err(SinkError::Refused(words)) => Finding::bad(name, words, format!("give the user of `{name}` these rights")),
        Err(SinkError::Unavailable(words) | SinkError::Unclear(words)) => {
            let remedy = if words.contains("pooler") {
                "set what it names; a host runs meanwhile, and its rows wait in Kafka"
            } else {
                "start it or mend its address; a host runs meanwhile, and its rows wait in Kafka"
            };
            Finding::bad(name, words, remedy)
        }
    }
}
