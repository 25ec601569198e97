//! Logging: `WATTDOG_LOG=info,wattdog::sink=debug`, `WATTDOG_LOG_FORMAT=text|json`, always to standard error.

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use super::traces::Traces;

const VARIABLE: &str = "WATTDOG_LOG";
/// Clients of Kafka and of databases report what matters through our own lines.
const DEFAULT: &str = "info,librdkafka=error,rdkafka=error,sqlx=warn";

/// Lines for people or programs; spans to `traces`, where somebody collects them.
pub(super) fn start(traces: Option<&Traces>) {
    let given = std::env::var(VARIABLE).ok().filter(|given| !given.trim().is_empty());
    let parsed = given.as_deref().map(EnvFilter::try_new);
    let (filter, wrong) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(DEFAULT), Some(error)),
        None => (EnvFilter::new(DEFAULT), None),
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let json = std::env::var("WATTDOG_LOG_FORMAT").is_ok_and(|format| format == "json");
    let lines = if json { lines.json().boxed() } else { lines.with_target(false).boxed() };
    registry().with(traces.map(Traces::layer)).with(lines.with_filter(asked_each_time(filter))).init();
    if let Some(error) = wrong {
        tracing::warn!(%error, "{VARIABLE} cannot be read and the default is used; write levels by target, as {DEFAULT}");
    }
}

/// Has the filter answer for every single event.
///
/// A filter of one layer keeps its last answer for the thread, and an event that is always logged does not ask: it takes the answer
/// that is there. Where a library has asked in between whether it may log something else, as the Kafka client does for each new client
/// and sqlx after each query, that answer is a no, and the event is lost (<https://github.com/tokio-rs/tracing/issues/2519>).
fn asked_each_time<S: Subscriber>(filter: EnvFilter) -> impl Filter<S> {
    filter.and(dynamic_filter_fn(|_, _| true).with_max_level_hint(LevelFilter::TRACE))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged with this filter.
    fn logged(filter: EnvFilter, log: impl FnOnce()) -> String {
        let written = Written::default();
        let to = written.clone();
        let lines = fmt::layer().with_writer(move || to.clone()).with_ansi(false).with_filter(asked_each_time(filter));
        tracing::subscriber::with_default(registry().with(lines), log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_line_is_lost_after_a_library_has_asked_whether_it_may_log() {
        let said = logged(EnvFilter::new(DEFAULT), || {
            assert!(!tracing::enabled!(target: "librdkafka", tracing::Level::INFO));
            tracing::error!("first");
            assert!(!tracing::enabled!(target: "sqlx", tracing::Level::INFO));
            tracing::info!("second");
            tracing::info!(target: "sqlx", "of a library");
            tracing::warn!("third");
            tracing::debug!("below");
        });
        let words: Vec<_> = said.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
        assert_eq!(words, ["first", "second", "third"], "{said}");
    }

    #[test]
    fn levels_by_target_are_obeyed() {
        let said = logged(EnvFilter::new("warn,wattdog::cli=debug"), || {
            tracing::debug!("ours");
            tracing::info!(target: "other", "theirs");
        });
        assert!(said.contains("ours") && !said.contains("theirs"), "{said}");
    }
}
