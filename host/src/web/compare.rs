//! Two detectors side by side.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shown;
use super::refusal::{Refusal, from_kafka};
use crate::comparison::Comparison;
use crate::config::Span;

/// Which, by their files, and how far back.
#[derive(Deserialize)]
pub(super) struct Which {
    a: String,
    b: String,
    since: Option<Span>,
}

/// What both have found since yesterday, or as far back as is asked for, and what only one of them has.
pub(super) async fn compare(
    State(shown): State<Arc<Shown>>,
    Query(Which { a, b, since }): Query<Which>,
) -> Result<Json<Value>, Refusal> {
    let plugins = shown.status.keeper.plugins();
    let known = |file: &str| {
        let plugin = plugins.iter().find(|plugin| plugin.file == file && !plugin.digest.is_empty());
        plugin.cloned().ok_or_else(|| Refusal::Question(format!("there is no plugin `{file}` that runs")))
    };
    let (a, b) = (known(&a)?, known(&b)?);
    let (config, since) = (shown.config.clone(), since.unwrap_or(Span::from_secs(86_400)));
    let comparison = from_kafka(move || Comparison::of(&config, since, [&a, &b])).await?;
    Ok(Json(json!({ "agreement": comparison.agreement(), "both": comparison.both, "sides": comparison.sides })))
}
