//! The real program.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use wattdog::web::client;

const PATIENCE: Duration = Duration::from_secs(120);

/// One that runs; ended when dropped.
pub(crate) struct Program {
    child: Child,
    address: String,
    log: PathBuf,
}

/// An address that nobody listens on.
pub(crate) fn free_address() -> Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

impl Program {
    /// `config`: what is to be in its file, but for the page's address. The file, and what the program says, go to the folder.
    pub(crate) fn start(config: &str, folder: &Path, variables: &[(String, String)]) -> Result<Self> {
        let (address, file, log) = (free_address()?, folder.join("wattdog.toml"), folder.join("log"));
        std::fs::write(&file, format!("{config}[web]\nlisten = \"{address}\"\n"))?;
        let said = std::fs::File::options().create(true).append(true).open(&log)?;
        let mut program = Command::new(env!("CARGO_BIN_EXE_wattdog"));
        program.arg("run").arg("--config").arg(&file).stdout(said.try_clone()?).stderr(said);
        let child = program.envs(variables.iter().cloned()).spawn()?;
        Ok(Self { child, address, log })
    }

    pub(crate) fn until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while client::get(&self.address, "/readyz", None).is_err() {
            let ended = self.child.try_wait()?;
            ensure!(ended.is_none(), "the program has ended: {}", std::fs::read_to_string(&self.log)?);
            ensure!(started.elapsed() < PATIENCE, "the program is not ready");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Where its page is.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What Prometheus would read.
    pub(crate) fn metrics(&self) -> Result<String> {
        self.ask("/metrics")
    }

    /// The answer to a question of the page.
    pub(crate) fn ask(&self, path: &str) -> Result<String> {
        Ok(client::get(&self.address, path, None)?)
    }

    /// As an operator would.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "wattdog run: {status}");
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
