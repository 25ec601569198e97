//! The page, its API, health and metrics.

pub mod client;
mod page;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json};
use axum::routing::get;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::pipeline::Status;
use crate::registry::{AuditLine, PluginInfo};

struct Shown {
    status: Status,
    registry: Registry,
}

/// Listens, and serves in the background for as long as the process lives.
///
/// # Errors
/// When the address is wrong or taken.
pub async fn serve(listen: &str, status: Status, registry: Registry) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; set `web.listen` to a free address"))?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/", get(page))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(status_json))
        .route("/api/v1/plugins", get(plugins_json))
        .route("/api/v1/plugins/audit", get(audit_json))
        .with_state(Arc::new(Shown { status, registry }));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the page ended");
        }
    });
    Ok(address)
}

async fn page(State(shown): State<Arc<Shown>>) -> Html<String> {
    Html(page::render(&shown.status))
}

async fn readyz(State(shown): State<Arc<Shown>>) -> (StatusCode, String) {
    match shown.status.not_ready() {
        None => (StatusCode::OK, "ready\n".into()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    let mut text = String::new();
    let code = match prometheus_client::encoding::text::encode(&mut text, &shown.registry) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (code, [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}

async fn status_json(State(shown): State<Arc<Shown>>) -> Json<Value> {
    let status = &shown.status;
    Json(json!({
        "ready": status.not_ready().is_none(),
        "reason": status.not_ready(),
        "readings": status.metrics.readings.get(),
        "windows_closed": status.metrics.windows_closed.get(),
        "late": status.metrics.late.get(),
        "lanes": status.lanes.info(),
        "repartition": status.rekeyers.as_ref().map(|rekeyers| rekeyers.info()),
    }))
}

async fn plugins_json(State(shown): State<Arc<Shown>>) -> Json<Vec<PluginInfo>> {
    Json(shown.status.keeper.plugins())
}

async fn audit_json(State(shown): State<Arc<Shown>>) -> Json<Vec<AuditLine>> {
    Json(shown.status.keeper.audit())
}
