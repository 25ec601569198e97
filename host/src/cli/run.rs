//! `wattdog run`: the service, until it is told to stop.

use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::traces::Traces;
use super::{log, stop};
use crate::config::Config;
use crate::service::Service;

/// How often it is asked whether the service can go on.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    let traces = Traces::of(&config.telemetry)?;
    log::start(traces.as_ref());
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    // Listened for from the start: a stop that comes early ends in order too.
    let told = runtime.spawn(stop::signal());
    let service = runtime.block_on(Service::start(config))?;
    let hopeless = runtime.block_on(async {
        tokio::select! {
            signal = told => signal.context("cannot wait for a signal").map(|()| None),
            reason = hopeless(&service) => Ok(Some(reason)),
        }
    })?;
    tracing::info!("stopping: finishing what was read");
    stop::insist();
    service.stop();
    // What requests have asked of others is not waited for.
    runtime.shutdown_background();
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
