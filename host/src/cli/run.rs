//! `wattdog run`: the service, until it is told to stop.

use anyhow::Context as _;

use crate::config::Config;
use crate::service::Service;

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    // Listened for from the start: a stop that comes early ends in order too.
    let stop = runtime.spawn(stop_signal());
    let service = runtime.block_on(Service::start(config))?;
    runtime.block_on(stop).context("cannot wait for a signal")?;
    tracing::info!("stopping: finishing what was read");
    service.stop();
    Ok(())
}

/// SIGINT or, where there is one, SIGTERM.
pub(super) async fn stop_signal() {
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
