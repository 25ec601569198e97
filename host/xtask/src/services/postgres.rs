//! PostgreSQL, from the machine's packages. It refuses to run as root, so root gives it to an unprivileged user.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::process::Server;
use crate::run;

const USER: &str = "nobody";
const RECOVERY_STEP: Duration = Duration::from_millis(100);
const RECOVERY_STEPS: u32 = 600;

/// Starts it and returns its URL.
pub(super) fn up(folder: &Path, port: u16) -> Result<String> {
    let server = Server::new("postgres", folder);
    let url = format!("postgres://admin@127.0.0.1:{port}/postgres");
    if server.running().is_some() {
        return Ok(url);
    }
    let home = server.folder();
    let data = server.data();
    std::fs::create_dir_all(home)?;
    if is_root()? {
        run(Command::new("chown").arg(USER).arg(home))?;
    }
    if !data.join("PG_VERSION").exists() {
        let mut init = unprivileged(&find("initdb")?)?;
        // The same wherever it runs; without these it is as the environment says, and some encodings FerretDB does not take.
        init.arg("-D").arg(&data).args(["--encoding", "UTF8", "--locale", "C.UTF-8", "-U", "admin", "-A", "trust", "--no-sync"]);
        run(init.stdout(Stdio::null()))?;
    }
    let mut postgres = unprivileged(&find("postgres")?)?;
    postgres.arg("-D").arg(&data).args(["-p", &port.to_string()]);
    postgres.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
    server.start(&mut postgres, port)?;
    wait_until_ready(port)?;
    Ok(url)
}

/// The port answers before a recovery is over.
fn wait_until_ready(port: u16) -> Result<()> {
    let mut is_ready = Command::new(find("pg_isready")?);
    is_ready.args(["--quiet", "--host", "127.0.0.1", "--port", &port.to_string()]);
    for _ in 0..RECOVERY_STEPS {
        if is_ready.status()?.success() {
            return Ok(());
        }
        std::thread::sleep(RECOVERY_STEP);
    }
    bail!("PostgreSQL on port {port} is not ready after {:?}", RECOVERY_STEP * RECOVERY_STEPS)
}

/// The newest installation that has this program: on the path, or where Debian puts it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin").join(name)))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.pop().or_else(|| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file()))
}

fn find(name: &str) -> Result<PathBuf> {
    program(name).with_context(|| format!("no {name} on this machine; on Debian: sudo apt-get install postgresql"))
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("cannot run id")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn unprivileged(program: &Path) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", "nogroup", "--clear-groups"]).arg(program);
    Ok(command)
}
