//! The page, its API, health and metrics.

mod access;
mod assets;
pub mod client;
mod clusters;
mod compare;
mod dead_letters;
mod live;
mod overview;
mod refusal;
mod rows;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::archive::Archive;
use crate::config::Config;
use crate::pipeline::Status;
use crate::registry::{AuditLine, PluginInfo};
use crate::results::RowFormat;
use crate::sink::Standing;
use access::Access;
use live::Live;
use overview::Overviews;
use refusal::Refusal;

struct Shown {
    status: Status,
    stores: Stores,
    registry: Registry,
    config: Config,
    archive: Arc<Archive>,
    overviews: Arc<Overviews>,
    live: Live,
    measures: Vec<String>,
    format: RowFormat,
    /// What the page has to know of the configuration.
    settings: Value,
}

/// The sinks by name, and what their stores say of themselves.
pub type Stores = Vec<(&'static str, Standing)>;

/// Listens, and serves in the background for as long as the process lives.
///
/// # Errors
/// When the address is wrong or taken, or a store's address is none.
pub async fn serve(config: &Config, status: Status, stores: Stores, registry: Registry) -> anyhow::Result<SocketAddr> {
    let listen = &config.web.listen;
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}; set `web.listen` to a free address"))?;
    let address = listener.local_addr()?;
    if config.web.token.is_none() && !address.ip().is_loopback() {
        tracing::warn!(%address, "everybody who reaches this address sees page, readings and metrics; `web.token` changes that");
    }
    let access = middleware::from_fn_with_state(Access::new(config.web.token.as_deref()), access::check);
    let router = router(Arc::new(Shown::new(config, status, stores, registry)?)).layer(access).layer(middleware::from_fn(traced));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the page ended");
        }
    });
    Ok(address)
}

impl Shown {
    fn new(config: &Config, status: Status, stores: Stores, registry: Registry) -> anyhow::Result<Self> {
        let archive = Arc::new(Archive::new(config)?);
        let (of_status, of_stores) = (status.clone(), stores.clone());
        let live =
            Live::start(config, move || status_json(&of_status, &of_stores).to_string()).context("cannot start a thread")?;
        let measures = config.measure_names();
        let units: serde_json::Map<_, _> =
            config.input.measures.iter().map(|(name, measure)| (name.clone(), json!(measure.unit))).collect();
        Ok(Self {
            status,
            stores,
            registry,
            config: config.clone(),
            overviews: Arc::new(Overviews::new(Arc::clone(&archive), config).map_err(anyhow::Error::msg)?),
            archive,
            live,
            format: RowFormat::new(&measures),
            settings: json!({
                "measures": measures,
                "units": units,
                "window_s": config.window.size.micros() / 1_000_000,
                "time_zone": config.window.time_zone,
                "version": env!("CARGO_PKG_VERSION"),
            }),
            measures,
        })
    }
}

fn router(shown: Arc<Shown>) -> Router {
    Router::new()
        .route("/", get(assets::index))
        .route("/assets/{*name}", get(assets::asset))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/status", get(async |State(shown): State<Arc<Shown>>| Json(status_json(&shown.status, &shown.stores))))
        .route("/api/v1/settings", get(async |State(shown): State<Arc<Shown>>| Json(shown.settings.clone())))
        .route("/api/v1/plugins", get(plugins))
        .route("/api/v1/plugins/audit", get(audit))
        .route("/api/v1/plugins/compare", get(compare::compare))
        .route("/api/v1/watermarks", get(async |State(shown): State<Arc<Shown>>| Json(shown.status.progress.watermarks())))
        .route("/api/v1/overview", get(overview))
        .route("/api/v1/aggregations", get(rows::aggregations))
        .route("/api/v1/anomalies", get(rows::anomalies))
        .route("/api/v1/dead-letters", get(dead_letters::newest))
        .route("/api/v1/events", get(events))
        .route("/api/v1/models", get(clusters::models))
        .route("/api/v1/readings", get(clusters::readings))
        .with_state(shown)
}

async fn traced(request: Request, next: Next) -> Response {
    let span = tracing::trace_span!("request", path = request.uri().path());
    next.run(request).instrument(span).await
}

async fn readyz(State(shown): State<Arc<Shown>>) -> (StatusCode, String) {
    match shown.status.not_ready() {
        None => (StatusCode::OK, "ready\n".into()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(shown): State<Arc<Shown>>) -> impl IntoResponse {
    let mut text = String::new();
    shown.status.tell();
    let code = match prometheus_client::encoding::text::encode(&mut text, &shown.registry) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (code, [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}

fn status_json(status: &Status, stores: &Stores) -> Value {
    let store = |(name, standing): &(&'static str, Standing)| {
        let (away_s, reason) = standing.away().map(|(time, reason)| (time.as_secs_f64(), reason)).unzip();
        json!({ "name": name, "away_s": away_s, "reason": reason })
    };
    json!({
        "ready": status.not_ready().is_none(),
        "reason": status.not_ready(),
        "readings": status.metrics.readings.get(),
        "windows_closed": status.metrics.windows_closed.get(),
        "late": status.metrics.late.get(),
        "stores": stores.iter().map(store).collect::<Vec<_>>(),
        "lanes": status.lanes.info(),
        "repartition": status.rekeyers.as_ref().map(|rekeyers| rekeyers.info()),
    })
}

async fn plugins(State(shown): State<Arc<Shown>>) -> Json<Vec<PluginInfo>> {
    Json(shown.status.keeper.plugins())
}

async fn audit(State(shown): State<Arc<Shown>>) -> Json<Vec<AuditLine>> {
    Json(shown.status.keeper.audit())
}

async fn overview(State(shown): State<Arc<Shown>>) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(shown.overviews.now().await?))
}

/// Server-sent events: `rows` (windows and findings as they are committed), `status`, and `missed` to whoever is too slow.
async fn events(State(shown): State<Arc<Shown>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(live::stream(&shown.live))).into_response()
}
