//! What browsers that follow the events of a run cost it: they come and go while it goes on, and a while with them is compared with
//! the while beside it without them, when machine, broker and database are the same.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Topic;
use super::common::process;
use super::common::program::Program;
use super::system::{Run, metric};

const WHILE: Duration = Duration::from_secs(3);
/// Caches fill, plugins are compiled, and whoever has come or gone is noticed.
const WARM_UP: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_millis(500);

/// How the run went for a while.
pub(crate) struct While {
    pub(crate) readings_per_second: f64,
    /// Processor time of the process for each reading, nanoseconds.
    pub(crate) process: f64,
}

/// Without and with the followers, pair by pair, until the topic is at its end.
pub(crate) async fn run(topic: &Topic, plugins: &Path, folder: &Path, round: u16, followers: u32) -> Result<Vec<[While; 2]>> {
    let run = Run::start(topic, plugins, folder, round)?;
    tokio::time::sleep(WARM_UP).await;
    let mut pairs = Vec::new();
    loop {
        // Who comes first takes turns, so that a run that slows down bears on both.
        let with_first = pairs.len() % 2 == 1;
        let first = measure(&run.program, with_first, followers).await?;
        let second = measure(&run.program, !with_first, followers).await?;
        if metric(&run.program, "wattdog_readings_total")? >= topic.readings as f64 {
            break;
        }
        pairs.push(if with_first { [second, first] } else { [first, second] });
    }
    run.stop(topic).await?;
    ensure!(!pairs.is_empty(), "{} readings are gone before followers have come and gone; take more", topic.readings);
    Ok(pairs)
}

async fn measure(program: &Program, followed: bool, followers: u32) -> Result<While> {
    let mut streams = if followed { open(program.address(), followers).await? } else { JoinSet::new() };
    tokio::time::sleep(SETTLE).await;
    let (started, readings, process) = (Instant::now(), metric(program, "wattdog_readings_total")?, seconds(program)?);
    tokio::time::sleep(WHILE).await;
    let (readings, process) = (metric(program, "wattdog_readings_total")? - readings, seconds(program)? - process);
    ensure!(streams.try_join_next().is_none(), "a stream of events has ended; {followers} should be open");
    drop(streams);
    Ok(While { readings_per_second: readings / started.elapsed().as_secs_f64(), process: process * 1e9 / readings })
}

fn seconds(program: &Program) -> Result<f64> {
    Ok(process::thread_seconds(program.pid())?.values().sum())
}

/// So many open streams, read and thrown away; closed when this is dropped.
async fn open(address: &str, count: u32) -> Result<JoinSet<()>> {
    let mut streams = JoinSet::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut events = vec![0; 64 << 10];
        let read = stream.read(&mut events).await?;
        ensure!(events[..read].starts_with(b"HTTP/1.1 200"), "no events: {}", String::from_utf8_lossy(&events[..read]));
        streams.spawn(async move { while stream.read(&mut events).await.is_ok_and(|read| read > 0) {} });
    }
    Ok(streams)
}
