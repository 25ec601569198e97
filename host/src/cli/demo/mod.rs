//! `wattdog demo`: the same pipeline, plugins and sinks, with an embedded broker and readings that are generated or recorded.

mod own_model;
mod player;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::config::{self, Config, Input, Span};
use crate::domain::EventTime;
use crate::kafka::{EmbeddedBroker, Feeder, Settings};
use crate::readings_file::{ReadingsFile, check, summary};
use crate::replay::Pace;
use crate::service::Service;
use crate::sink;
use player::Player;

/// Between two readings of a generated meter, and the length of a window where nothing else is asked for.
const INTERVAL: Span = Span::from_secs(300);
/// Those that come with it.
const PLUGINS: &str = "plugins";

/// Nothing else is needed, and nothing outside is touched.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port of the page on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Do not open the page in a browser.
    #[arg(long)]
    no_open: bool,
    /// Folder of plugins; when left out, `plugins`, with readings of your own a copy of it with a model of their past.
    #[arg(long)]
    plugins: Option<PathBuf>,
    /// Readings of your own instead of generated ones: a table, JSON lines or a JSON document, also within `.gz` or `.zip`.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Configuration whose `[input]` says how these readings are written; when left out, it is found by what the file says.
    #[arg(long, value_name = "FILE", requires = "data")]
    config: Option<PathBuf>,
    /// Event seconds for each second: with 720, a day passes in two minutes.
    #[arg(long, default_value_t = 720.0, value_parser = speed)]
    speed: f64,
    /// So much of the readings is there from the start, as the past.
    #[arg(long, default_value = "14d")]
    history: Span,
    /// Length of a window.
    #[arg(long, default_value_t = INTERVAL)]
    window: Span,
    /// SQLite file; a fresh one in the temporary folder when left out.
    #[arg(long)]
    database: Option<PathBuf>,
    /// Stop after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if speed > 0.0 => Ok(speed),
        _ => Err("write how many times as fast as the clock, as 720".into()),
    }
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let written = config::load_given(args.config.as_deref())?;
    let data = args.data.as_ref().map(|file| Data::open(file, written.as_ref())).transpose()?;
    let plugins = match (&args.plugins, &data) {
        (Some(given), _) => given.clone(),
        (None, None) => PLUGINS.into(),
        (None, Some(data)) => {
            let until = EventTime(data.first.0.saturating_add(args.history.micros()));
            own_model::plugins(&data.file, args.config.as_deref(), until, folder.path())?
        }
    };
    let database = args.database.clone().unwrap_or_else(|| folder.path().join("wattdog.db"));
    let input = data.as_ref().map_or_else(Input::default, |data| data.file.input.clone());
    let mut config = Config { input, ..Config::default() };
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
    config.plugins.dir = plugins;
    config.window.size = args.window;
    // Event time may run ahead of the clock here.
    config.input.max_future = Span::from_secs(365 * 86_400);
    config.sink.sqlite = Some(sink::sqlite::Config { path: database.clone(), ..Default::default() });
    config.web.listen = format!("127.0.0.1:{}", args.port);

    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let service = runtime.block_on(Service::start(config.clone()))?;
    let page = format!("http://{}", service.address);
    let folder_of_plugins = config.plugins.dir.display();
    println!("wattdog demo: page {page}, rows in {}, plugins in {folder_of_plugins}, Ctrl-C ends it", database.display());
    if !args.no_open {
        open_browser(&page);
    }
    let player = Player {
        feeder: runtime.block_on(Feeder::open(&Settings::of(&config.kafka), &config.kafka.topic))?,
        history: args.history,
        present: None,
        pace: Pace::of_speed(Some(args.speed)),
    };
    let failed = play(player, data)?;
    runtime.block_on(async {
        let end = async {
            match args.duration {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok(error) = failed => Err(error),
            () = super::stop::signal() => Ok(()),
            () = end => Ok(()),
        }
    })?;
    super::stop::insist();
    service.stop();
    // As in `run`.
    runtime.shutdown_background();
    Ok(())
}

/// Readings of one's own.
struct Data {
    file: ReadingsFile,
    /// Time of the earliest reading.
    first: EventTime,
    in_order: bool,
}

impl Data {
    fn open(path: &Path, config: Option<&Config>) -> anyhow::Result<Self> {
        let file = ReadingsFile::open(path, config)?;
        file.say();
        let checked = check(&file, 0, |_| {})?;
        for line in summary::lines(&file, &checked) {
            tracing::warn!("{}: {line}", path.display());
        }
        let first = checked.first.with_context(|| format!("no reading in {} has a time", path.display()))?;
        Ok(Self { file, first, in_order: checked.out_of_order == 0 })
    }
}

/// Plays on a thread of its own, to the end of the process; says when it failed. Readings that have an end leave the page as it is.
fn play(mut player: Player, data: Option<Data>) -> anyhow::Result<oneshot::Receiver<anyhow::Error>> {
    let (fail, failed) = oneshot::channel();
    let thread = move || {
        let played = match data {
            Some(data) => player.recorded(&data.file, data.in_order),
            None => player.generated(),
        };
        match played.and_then(|()| Ok(player.feeder.finish()?)) {
            Ok(readings) => tracing::info!(readings, "all readings are played; the page stays until Ctrl-C"),
            Err(error) => drop(fail.send(error)),
        }
    };
    std::thread::Builder::new().name("player".into()).spawn(thread).context("cannot start a thread")?;
    Ok(failed)
}

/// A courtesy: the address is printed anyway.
fn open_browser(page: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let null = std::process::Stdio::null;
    let _ = std::process::Command::new(opener).arg(page).stdin(null()).stdout(null()).stderr(null()).spawn();
}
