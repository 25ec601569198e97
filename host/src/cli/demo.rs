//! `wattdog demo`: the same pipeline, plugins and sinks, with an embedded broker and generated readings.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use crate::clock;
use crate::config::Config;
use crate::domain::EventTime;
use crate::generate::{Campus, Shape};
use crate::kafka::{EmbeddedBroker, Feeder, Settings};
use crate::service::Service;
use crate::sink;

/// Event time runs this many times as fast as the clock: a window of 30 s closes every 1.5 s.
const SPEED: u32 = 20;
const INTERVAL_US: i64 = 1_000_000;

/// Nothing else is needed, and nothing outside is touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port of the page on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open the page in a browser.
    #[arg(long)]
    no_open: bool,
    /// Folder of plugins.
    #[arg(long, default_value = "plugins")]
    plugins: PathBuf,
    /// SQLite file; a fresh one in the temporary folder when left out.
    #[arg(long)]
    database: Option<PathBuf>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let database = args.database.clone().unwrap_or_else(|| folder.path().join("wattdog.db"));
    let mut config = Config::default();
    let topics = [
        &config.kafka.topic,
        &config.topics.aggregations,
        &config.topics.anomalies,
        &config.topics.shadow_anomalies,
        &config.topics.dead_letters,
        &config.topics.state,
    ];
    let broker = EmbeddedBroker::start(&topics.map(String::as_str), config.kafka.partitions)
        .context("the embedded broker does not start")?;
    config.kafka.bootstrap = broker.bootstrap();
    config.kafka.create_topics = false;
    config.plugins.dir = args.plugins.clone();
    // Event time runs ahead of the clock here.
    config.input.max_future = crate::config::Span::from_secs(365 * 86_400);
    config.sink.sqlite = Some(sink::sqlite::Config { path: database.clone() });
    config.sink.console = Some(sink::console::Config::default());
    config.web.listen = format!("127.0.0.1:{}", args.port);

    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let service = runtime.block_on(Service::start(config.clone()))?;
    let page = format!("http://{}", service.address);
    println!("wattdog demo: page {page}, rows in {}, Ctrl-C ends it", database.display());
    if !args.no_open {
        open_browser(&page);
    }
    runtime.block_on(async {
        let feed = feed(&config);
        let end = async {
            match args.duration {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = feed => result,
            () = super::run::stop_signal() => Ok(()),
            () = end => Ok(()),
        }
    })?;
    service.stop();
    Ok(())
}

/// Readings as they would come in, [`SPEED`] times as fast.
async fn feed(config: &Config) -> anyhow::Result<()> {
    let settings = Settings { bootstrap: config.kafka.bootstrap.clone(), properties: config.kafka.properties.clone() };
    let feeder = Feeder::open(&settings, &config.kafka.topic).await?;
    let shape = Shape { buildings: 3, floors: 5, interval_us: INTERVAL_US, anomaly_rate: 0.004 };
    let start = EventTime(clock::now().as_second() * 1_000_000);
    let mut campus = Campus::new(shape, start, 42);
    let mut tick = tokio::time::interval(Duration::from_micros(INTERVAL_US as u64) / SPEED);
    loop {
        tick.tick().await;
        for reading in campus.by_ref().take((shape.buildings * shape.floors) as usize) {
            feeder.send(reading.building.as_bytes(), reading.json().as_bytes())?;
        }
    }
}

/// A courtesy: the address is printed anyway.
fn open_browser(page: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let null = std::process::Stdio::null;
    let _ = std::process::Command::new(opener).arg(page).stdin(null()).stdout(null()).stderr(null()).spawn();
}
