//! Logging: `WATTDOG_LOG=info,wattdog::sink=debug`, `WATTDOG_LOG_FORMAT=text|json`, always to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

pub(super) fn start() {
    let filter = EnvFilter::try_from_env("WATTDOG_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,librdkafka=error,rdkafka=error,sqlx=warn"));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if std::env::var("WATTDOG_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.with_target(false).init();
    }
}
