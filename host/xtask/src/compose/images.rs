//! The product's image from its own Dockerfile, and stand-ins under the tags of images that no package registry has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::docker::Docker;
use crate::{run, say, services};

const BASE: &str = "debian:bookworm-slim";
const TOOLCHAIN: &str = "rust:1.95-bookworm";

/// Where Debian keeps the certificates that a machine's owner adds.
const AUTHORITIES: &str = "/usr/local/share/ca-certificates";

/// Folder in `services/compose`, and the image for which `compose.yaml` asks. In order: MongoDB's is made from PostgreSQL's.
const SERVICES: [(&str, &str); 5] = [
    ("kafka", "apache/kafka:4.1.1"),
    ("postgres", "postgres:16"),
    ("mongo", "mongo:7"),
    ("prometheus", "prom/prometheus:v3.14.0"),
    ("grafana", "grafana/grafana:12.2.0"),
];

pub(super) fn build(root: &Path, docker: &Docker) -> Result<()> {
    if !docker.succeeds(&["image", "inspect", BASE])? {
        base(&super::folder(root).join("rootfs"), docker)?;
    }
    for (name, tag) in SERVICES {
        docker.build(tag, &folder(root).join(name).join("Dockerfile"), &context(root, name)?)?;
    }
    let output = Command::new("rustc").current_dir(root).args(["--print", "sysroot"]).output().context("cannot run rustc")?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    docker.build(TOOLCHAIN, &folder(root).join("rust/Dockerfile"), &sysroot.canonicalize()?)?;
    docker.build("wattdog:latest", &root.join("host/deploy/Dockerfile"), root)
}

/// Dockerfiles of the stand-ins.
pub(super) fn folder(root: &Path) -> PathBuf {
    root.join("host/xtask/services/compose")
}

/// Debian's smallest system, from its packages.
fn base(rootfs: &Path, docker: &Docker) -> Result<()> {
    say(&format!("building {BASE}"));
    run(Command::new("debootstrap").args(["--variant=minbase", "bookworm"]).arg(rootfs).stdout(Stdio::null()))?;
    let tidy = "apt-get clean && rm -rf /var/lib/apt/lists/*";
    run(Command::new("chroot").arg(rootfs).args(["sh", "-c", tidy]))?;
    // A network may have an authority of its own, which this machine has been told to trust.
    if Path::new(AUTHORITIES).is_dir() {
        let to = rootfs.join("usr/local/share");
        run(Command::new("cp").arg("-r").arg(AUTHORITIES).arg(to))?;
    }
    let mut tar = Command::new("tar").arg("-C").arg(rootfs).args(["-c", "."]).stdout(Stdio::piped()).spawn()?;
    let archive = tar.stdout.take().context("a pipe was asked for")?;
    run(docker.command().args(["import", "-", BASE]).stdin(archive).stdout(Stdio::null()))?;
    tar.wait()?;
    Ok(std::fs::remove_dir_all(rootfs)?)
}

/// The stand-in's folder, with the servers of the tests where it needs them.
fn context(root: &Path, name: &str) -> Result<PathBuf> {
    let own = folder(root).join(name);
    let installed = match name {
        "kafka" => services::kafka_libraries(root)?,
        "mongo" => services::ferretdb_program(root)?,
        _ => return Ok(own),
    };
    let context = super::folder(root).join(name);
    std::fs::create_dir_all(&context)?;
    for source in [own.join("."), installed] {
        run(Command::new("cp").arg("-r").arg(source).arg(&context))?;
    }
    Ok(context)
}
