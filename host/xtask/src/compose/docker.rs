//! A Docker daemon of our own, and compose as a plugin of its client.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{run, say};

const COMPOSE: &str = "github.com/docker/compose/v2/cmd@v2.32.4";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(200);

/// Ends with the value.
pub(super) struct Docker {
    folder: PathBuf,
    daemon: Child,
}

impl Docker {
    /// Its images and volumes stay under `target/compose` until that is removed.
    pub(super) fn start(root: &Path) -> Result<Self> {
        let folder = super::folder(root).join("docker");
        std::fs::create_dir_all(&folder)?;
        install_compose(&folder)?;
        let log = File::create(folder.join("log"))?;
        let mut daemon = Command::new("dockerd");
        daemon.arg("--data-root").arg(folder.join("data")).arg("--exec-root").arg(folder.join("exec"));
        daemon.arg("--pidfile").arg(folder.join("pid")).arg("--host").arg(host(&folder));
        let daemon = daemon.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let docker = Self { daemon: daemon.spawn().context("cannot start dockerd")?, folder };
        let begun = Instant::now();
        while !docker.succeeds(&["info"])? {
            ensure!(begun.elapsed() < START_TIMEOUT, "dockerd does not answer; its log: {}", docker.folder.join("log").display());
            std::thread::sleep(STEP);
        }
        Ok(docker)
    }

    /// A command that finds this daemon, and compose.
    pub(super) fn environment(&self, mut command: Command) -> Command {
        command.env("DOCKER_HOST", host(&self.folder)).env("DOCKER_CONFIG", self.folder.join("config"));
        // The builder that comes with the daemon: the newer one is another plugin.
        command.env("DOCKER_BUILDKIT", "0");
        command
    }

    pub(super) fn command(&self) -> Command {
        self.environment(Command::new("docker"))
    }

    pub(super) fn succeeds(&self, arguments: &[&str]) -> Result<bool> {
        let status = self.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        Ok(status.context("cannot run docker")?.success())
    }

    pub(super) fn build(&self, tag: &str, dockerfile: &Path, context: &Path) -> Result<()> {
        say(&format!("building {tag}"));
        let mut build = self.command();
        // Steps install packages over the machine's own network.
        build.args(["build", "--quiet", "--network=host", "--tag", tag, "--file"]).arg(dockerfile).arg(context);
        run(build.stdout(Stdio::null()))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let ended = Command::new("kill").arg(self.daemon.id().to_string()).status().and_then(|_| self.daemon.wait());
        if let Err(error) = ended {
            say(&format!("dockerd, process {}, was not ended: {error}", self.daemon.id()));
        }
    }
}

fn host(folder: &Path) -> String {
    format!("unix://{}", folder.join("socket").display())
}

fn install_compose(folder: &Path) -> Result<()> {
    let plugins = folder.join("config/cli-plugins");
    let compose = plugins.join("docker-compose");
    if compose.is_file() {
        return Ok(());
    }
    say("building docker compose");
    std::fs::create_dir_all(&plugins)?;
    run(Command::new("go").args(["install", COMPOSE]).env("GOBIN", &plugins))?;
    std::fs::rename(plugins.join("cmd"), &compose).context("go has left no program")
}
