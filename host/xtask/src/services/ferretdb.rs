//! FerretDB: MongoDB's protocol on a PostgreSQL database of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::postgres;
use super::process::Server;
use crate::{run, say};

const DATABASE: &str = "ferretdb";

/// Starts it and returns its URL.
pub(super) fn up(root: &Path, folder: &Path, port: u16, postgres_url: &str) -> Result<String> {
    let server = Server::new("ferretdb", folder);
    let url = format!("mongodb://127.0.0.1:{port}");
    if server.running().is_some() {
        return Ok(url);
    }
    let binary = program(root, server.folder())?;
    create_database(postgres_url)?;
    let (server_url, _) = postgres_url.rsplit_once('/').unwrap_or((postgres_url, ""));
    let own = format!("{server_url}/{DATABASE}");
    let mut command = Command::new(&binary);
    command.arg(format!("127.0.0.1:{port}")).arg(own);
    server.start(&mut command, port)?;
    Ok(url)
}

/// Built once.
pub(super) fn program(root: &Path, home: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(home)?;
    let binary = home.join("ferretdb");
    if !binary.exists() {
        say("building FerretDB");
        let mut go = Command::new("go");
        go.current_dir(root.join("host/xtask/services/ferretdb")).args(["build", "-o"]).arg(&binary).arg(".");
        run(&mut go)?;
    }
    Ok(binary)
}

/// Nothing where it is there already.
fn create_database(url: &str) -> Result<()> {
    let psql = postgres::program("psql").unwrap_or_else(|| "psql".into());
    let query = format!("SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'");
    let found = Command::new(&psql).arg(url).args(["-tAc", &query]).output()?;
    if found.stdout.trim_ascii() == b"1" {
        return Ok(());
    }
    run(Command::new(&psql).arg(url).args(["-qc", &format!("CREATE DATABASE {DATABASE}")]).stdout(Stdio::null()))
}
