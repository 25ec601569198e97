//! What a fresh machine may lack: installed where that is possible, else the command is named.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::{run, say};

/// A program that must be there, and the Debian package that has it.
type Needed = (&'static str, &'static str);

const BUILD: [Needed; 3] = [("cc", "gcc"), ("make", "make"), ("pkg-config", "pkg-config")];
const SERVICES: [Needed; 5] = [
    ("java", "openjdk-17-jre-headless"),
    ("mvn", "maven"),
    ("go", "golang"),
    ("chromium", "chromium"),
    ("pgbouncer", "pgbouncer"),
];
const CONTAINERS: [Needed; 3] = [("dockerd", "docker.io"), ("debootstrap", "debootstrap"), ("iptables", "iptables")];

/// A C compiler, make and OpenSSL's headers, for librdkafka.
pub(crate) fn for_building() -> Result<()> {
    let mut packages = missing(&BUILD);
    if !succeeds(Command::new("pkg-config").args(["--exists", "openssl"])) {
        packages.push("libssl-dev");
    }
    install(&packages)
}

/// What the servers of the tests run on, the pooler before PostgreSQL, and the browser that looks at the page.
pub(crate) fn for_services() -> Result<()> {
    let mut packages = missing(&SERVICES);
    if crate::services::postgres_program("initdb").is_none() {
        packages.push("postgresql");
    }
    install(&packages)
}

/// A Docker daemon and a Debian to make images of, with what the stand-ins are built from.
pub(crate) fn for_containers() -> Result<()> {
    for_building()?;
    for_services()?;
    install(&missing(&CONTAINERS))
}

/// A Python that makes environments, for tools that come as its packages.
pub(crate) fn for_python() -> Result<()> {
    if succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        return Ok(());
    }
    install(&["python3", "python3-venv"])
}

/// What the examples in Python and JavaScript are built with.
pub(crate) fn for_other_languages() -> Result<()> {
    for_python()?;
    install(&missing(&[("node", "nodejs"), ("npm", "npm")]))
}

fn missing(needed: &[Needed]) -> Vec<&'static str> {
    needed.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect()
}

/// True when a program of this name is on the path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers lie where only root's path leads.
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.any(|folder| folder.join(program).is_file())
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
    if !is_root || !on_path("apt-get") {
        bail!("this machine lacks {list}; on Debian: sudo apt-get install {list}");
    }
    say(&format!("installing {list}"));
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq"]).args(packages).stdout(Stdio::null()))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
