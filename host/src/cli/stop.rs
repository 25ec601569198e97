//! How the service is told to stop, and what makes sure that it does.

use std::time::Duration;

/// An orderly stop takes a second. All that it waits for has a limit of its own; together they stay below this, and this below what
/// service managers grant.
const LIMIT: Duration = Duration::from_secs(40);

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
    let watch = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let again = runtime.is_ok_and(|runtime| runtime.block_on(async { tokio::time::timeout(LIMIT, signal()).await.is_ok() }));
        let reason = if again {
            "told to stop once more; what was read last is read again at the next start".to_owned()
        } else {
            format!("it did not come to rest within {LIMIT:?}; nothing is lost, please report it with the lines before this one")
        };
        super::report(&anyhow::Error::msg(reason));
        std::process::exit(1);
    };
    if let Err(error) = std::thread::Builder::new().name("insist".into()).spawn(watch) {
        tracing::warn!(%error, "no thread that sees to it that the stop ends");
    }
}
