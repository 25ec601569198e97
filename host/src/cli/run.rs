//! `wattdog run`: the service, until it is told to stop.

use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::log;
use super::traces::Traces;
use crate::config::Config;
use crate::service::Service;

/// How often it is asked whether the service can go on.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    let traces = Traces::of(&config.telemetry)?;
    log::start(traces.as_ref());
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    // Listened for from the start: a stop that comes early ends in order too.
    let stop = runtime.spawn(stop_signal());
    let service = runtime.block_on(Service::start(config))?;
    let hopeless = runtime.block_on(async {
        tokio::select! {
            signal = stop => signal.context("cannot wait for a signal").map(|()| None),
            reason = hopeless(&service) => Ok(Some(reason)),
        }
    })?;
    tracing::info!("stopping: finishing what was read");
    service.stop();
    hopeless.map_or(Ok(()), |reason| Err(anyhow!(reason)))
}

/// Waits until the service cannot go on.
async fn hopeless(service: &Service) -> String {
    loop {
        if let Some(reason) = service.hopeless() {
            return reason.to_owned();
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
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
