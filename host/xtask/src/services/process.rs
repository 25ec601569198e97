//! A server process: started once, found again by its process id, ended gently.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::say;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(100);

pub(super) struct Server {
    pub(super) name: &'static str,
    folder: PathBuf,
}

impl Server {
    pub(super) fn new(name: &'static str, folder: &Path) -> Self {
        Self { name, folder: folder.join(name) }
    }

    /// Where it keeps data, log and process id.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(super) fn discard_data(&self) -> Result<()> {
        remove_folder(&self.data())
    }

    /// Its process, when that is alive and still the one that was started.
    pub(super) fn running(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.folder.join("pid")).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let pid = pid.parse().ok()?;
        (start_time(pid)? == started).then_some(pid)
    }

    /// Starts it and waits until its port answers.
    pub(super) fn start(&self, command: &mut Command, port: u16) -> Result<()> {
        use std::os::unix::process::CommandExt as _;
        if self.running().is_some() {
            return Ok(());
        }
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpStream::connect_timeout(&address, STEP).is_ok() {
            bail!("port {port} for {} is taken by another process; end it, or give the server by its variable", self.name);
        }
        let log_path = self.folder.join("log");
        let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        // A group of its own: a Ctrl-C at the terminal is not meant for it.
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.name))?;
        let started = start_time(child.id()).context("a process that was just started")?;
        std::fs::write(self.folder.join("pid"), format!("{} {started}", child.id()))?;
        let begun = Instant::now();
        while TcpStream::connect_timeout(&address, STEP).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended at once ({status}):\n{}", self.name, tail(&log_path));
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!("{} does not answer on port {port}:\n{}", self.name, tail(&log_path));
            }
            std::thread::sleep(STEP);
        }
        say(&format!("{} answers on 127.0.0.1:{port} after {:.1} s", self.name, begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// PostgreSQL takes TERM as "when the last client has gone", and INT as "now, in order".
    fn gentle_signal(&self) -> &'static str {
        if self.name == "postgres" { "-INT" } else { "-TERM" }
    }

    pub(super) fn stop(&self) -> Result<()> {
        let Some(pid) = self.running() else { return Ok(()) };
        signal(pid, self.gentle_signal())?;
        let begun = Instant::now();
        while self.running().is_some() {
            if begun.elapsed() > STOP_TIMEOUT {
                signal(pid, "-KILL")?;
            }
            std::thread::sleep(STEP);
        }
        say(&format!("{} stopped", self.name));
        Ok(())
    }
}

/// Where it is there.
pub(super) fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context(format!("cannot remove {}", folder.display())),
        _ => Ok(()),
    }
}

fn signal(pid: u32, signal: &str) -> Result<()> {
    Command::new("kill").arg(signal).arg(pid.to_string()).status().context("cannot run kill")?;
    Ok(())
}

/// When the process began, in clock ticks since boot: with the id it names a process for good. None for a dead one.
fn start_time(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then(|| fields.nth(18).map(str::to_owned)).flatten()
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
