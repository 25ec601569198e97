//! Real servers for tests: Apache Kafka, PostgreSQL, and FerretDB for MongoDB's protocol.
//!
//! A server given by its environment variable is used as it is. Everything else is installed from package registries into
//! `target/services`, listens on loopback, and is ended by its process id.

mod ferretdb;
mod kafka;
mod postgres;
mod process;
mod prometheus;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

pub(crate) use postgres::program as postgres_program;
use process::Server;

use crate::{prerequisites, python, say};

// Below the range of outgoing connections: a client that calls a server that is down again and again could otherwise be given the
// server's own port and answer itself.
const KAFKA_PORT: u16 = 19_192;
const POSTGRES_PORT: u16 = 15_432;
const MONGODB_PORT: u16 = 17_017;

/// What all tests together leave in the servers, twice.
const ROOM: u64 = 3_000_000_000;

/// What to do with the servers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Action {
    /// Start what is not there and print `export` lines for the tests.
    Up,
    /// End what was started.
    Down,
    /// Say what runs.
    Status,
    /// Start one of them.
    Start {
        /// Which.
        name: Name,
    },
    /// End one of them, as its operator would.
    Stop {
        /// Which.
        name: Name,
    },
}

/// A server of ours.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Name {
    /// Apache Kafka.
    Kafka,
    /// PostgreSQL, with which FerretDB loses its store.
    Postgres,
    /// FerretDB, which speaks MongoDB's protocol.
    Ferretdb,
}

impl Name {
    fn server(self, folder: &Path) -> Server {
        let name = match self {
            Self::Kafka => "kafka",
            Self::Postgres => "postgres",
            Self::Ferretdb => "ferretdb",
        };
        Server::new(name, folder)
    }
}

pub(crate) fn run(root: &Path, action: &Action) -> Result<()> {
    let folder = folder(root);
    match action {
        Action::Up => up(root)?.iter().for_each(|(name, value)| print_line(&format!("export {name}={value}"))),
        Action::Down => servers(&folder).iter().try_for_each(Server::stop)?,
        Action::Start { name } => {
            match name {
                Name::Kafka => kafka::up(root, &folder, KAFKA_PORT)?,
                Name::Postgres => postgres::up(&folder, POSTGRES_PORT)?,
                Name::Ferretdb => ferretdb::up(root, &folder, MONGODB_PORT, &postgres::up(&folder, POSTGRES_PORT)?)?,
            };
        }
        Action::Stop { name } => {
            let server = name.server(&folder);
            ensure!(server.running().is_some(), "{} is not one that `cargo xtask services up` started", server.name);
            server.stop()?;
        }
        Action::Status => {
            for server in servers(&folder) {
                let state = server.running().map_or_else(|| "stopped".to_owned(), |pid| format!("running, process {pid}"));
                print_line(&format!("{}: {state}", server.name));
            }
        }
    }
    Ok(())
}

/// Starts the servers that no variable names, and returns the variables of all.
fn up(root: &Path) -> Result<Vec<(&'static str, String)>> {
    let folder = folder(root);
    std::fs::create_dir_all(&folder)?;
    ensure_room(&folder)?;
    let kafka = given_or("WATTDOG_TEST_KAFKA", || {
        prerequisites::for_services()?;
        kafka::up(root, &folder, KAFKA_PORT)
    })?;
    let postgres = given_or("WATTDOG_TEST_POSTGRES", || {
        prerequisites::for_services()?;
        postgres::up(&folder, POSTGRES_PORT)
    })?;
    let mongodb = given_or("WATTDOG_TEST_MONGODB", || {
        prerequisites::for_services()?;
        let own = postgres::up(&folder, POSTGRES_PORT)?;
        ferretdb::up(root, &folder, MONGODB_PORT, &own)
    })?;
    // What compares their contents with what should be in them.
    let python = given_or("WATTDOG_TEST_PYTHON", || {
        let programs = python::environment(root, &root.join("host/xtask/verify/requirements.txt"))?;
        Ok(programs.join("python").display().to_string())
    })?;
    // What reads the host's metrics, and judges the rules on them.
    let prometheus = given_or("WATTDOG_TEST_PROMETHEUS", || Ok(prometheus::programs(&folder)?.display().to_string()))?;
    Ok(vec![
        ("WATTDOG_TEST_KAFKA", kafka),
        ("WATTDOG_TEST_POSTGRES", postgres),
        ("WATTDOG_TEST_MONGODB", mongodb),
        ("WATTDOG_TEST_PYTHON", python),
        ("WATTDOG_TEST_PROMETHEUS", prometheus),
    ])
}

/// A full disk under a server looks like many failures, and none of them names it.
fn ensure_room(folder: &Path) -> Result<()> {
    let disk = rustix::fs::statvfs(folder)?;
    let free = disk.f_bavail * disk.f_frsize;
    ensure!(
        free >= ROOM,
        "{} has room for {} MB, and the servers of the tests take up to {}: free some",
        folder.display(),
        free / 1_000_000,
        ROOM / 1_000_000
    );
    Ok(())
}

/// Does something with the servers up; ends them afterwards unless they ran before.
pub(crate) fn with<T>(root: &Path, work: impl FnOnce(&[(&'static str, String)]) -> Result<T>) -> Result<T> {
    let folder = folder(root);
    let ran_before = servers(&folder).iter().any(|server| server.running().is_some());
    let result = up(root).and_then(|variables| work(&variables));
    if !ran_before {
        servers(&folder).iter().try_for_each(Server::stop)?;
    }
    result
}

/// Servers that do not run now begin empty: what earlier tests left fills the disk in the end.
pub(crate) fn discard_data(root: &Path) -> Result<()> {
    servers(&folder(root)).iter().filter(|server| server.running().is_none()).try_for_each(Server::discard_data)
}

/// Where Kafka's libraries are.
pub(crate) fn kafka_libraries(root: &Path) -> Result<PathBuf> {
    kafka::libraries(root, &Name::Kafka.server(&folder(root)))
}

/// Where FerretDB's program is.
pub(crate) fn ferretdb_program(root: &Path) -> Result<PathBuf> {
    ferretdb::program(root, Name::Ferretdb.server(&folder(root)).folder())
}

fn given_or(variable: &str, start: impl FnOnce() -> Result<String>) -> Result<String> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => {
            say(&format!("{variable} is given: {value}"));
            Ok(value)
        }
        _ => start(),
    }
}

fn folder(root: &Path) -> PathBuf {
    root.join("target/services")
}

/// In the order in which they are ended.
fn servers(folder: &Path) -> [Server; 3] {
    ["ferretdb", "postgres", "kafka"].map(|name| Server::new(name, folder))
}

#[expect(clippy::print_stdout, reason = "what a script reads")]
fn print_line(text: &str) {
    println!("{text}");
}
