//! How the service is told to stop, and what makes sure that it does.

use std::time::Duration;

/// An orderly stop takes a second. The limits of lanes, stores and groups together stay below this; it is for what has none, as a
/// sink's commit to a broker that froze. Less than service managers grant.
const LIMIT: Duration = Duration::from_secs(40);
/// A wrapper passes on what a terminal has sent to all: that is the same signal twice.
const ECHO: Duration = Duration::from_secs(1);

/// SIGINT or, where there is one, SIGTERM.
pub(super) async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("the signal handler can be installed once");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

/// Call when the stop begins: the process ends at once where it is told to stop once more, and where it does not come to its end in
/// time. Nothing is lost: what is not committed is read again by whoever has its partition next.
pub(super) fn insist() {
    if let Err(error) = std::thread::Builder::new().name("insist".into()).spawn(watch) {
        tracing::warn!(%error, "no thread sees to it that the stop comes to its end");
    }
}

fn watch() {
    std::thread::sleep(ECHO);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let reason = match runtime.block_on(async { tokio::time::timeout(LIMIT, signal()).await }) {
        Ok(()) => "told to stop once more; what was read last is read again at the next start".to_owned(),
        Err(_) => {
            format!("it did not come to rest within {LIMIT:?}; nothing is lost, please report it with the lines before this one")
        }
    };
    super::report(&anyhow::Error::msg(reason));
    std::process::exit(1);
}
