//! Logging: `WATTDOG_LOG=info,wattdog::sink=debug`, `WATTDOG_LOG_FORMAT=text|json`, always to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::traces::Traces;

/// Lines for people or programs; spans to `traces`, where somebody collects them.
pub(super) fn start(traces: Option<&Traces>) {
    let filter = EnvFilter::try_from_env("WATTDOG_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,librdkafka=error,rdkafka=error,sqlx=warn"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let json = std::env::var("WATTDOG_LOG_FORMAT").is_ok_and(|format| format == "json");
    let lines = if json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    registry().with(traces.map(Traces::layer)).with(lines.with_filter(filter)).init();
}
