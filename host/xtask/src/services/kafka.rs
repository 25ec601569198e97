//! Apache Kafka, one node, from Maven's registry.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::process::{Server, remove_folder};
use crate::{run, say};

/// Starts it and returns its address.
pub(super) fn up(root: &Path, folder: &Path, port: u16) -> Result<String> {
    let server = Server::new("kafka", folder);
    let address = format!("127.0.0.1:{port}");
    if server.running().is_some() {
        return Ok(address);
    }
    let home = server.folder();
    let (libs, data) = (libraries(root, &server)?, server.data());
    let properties = home.join("server.properties");
    std::fs::write(&properties, settings(port, &data))?;
    if !data.join("meta.properties").exists() {
        let mut format = java(&libs);
        format.args(["kafka.tools.StorageTool", "format", "-t", "d2F0dGRvZy10ZXN0cy0xMg", "-c"]).arg(&properties);
        run(format.stdout(Stdio::null()).stderr(Stdio::null()))?;
    }
    let mut kafka = java(&libs);
    kafka.arg("kafka.Kafka").arg(&properties);
    server.start(&mut kafka, port)?;
    Ok(address)
}

/// Its libraries, installed when they are not those of the file.
pub(super) fn libraries(root: &Path, server: &Server) -> Result<PathBuf> {
    let home = server.folder();
    let (libs, pom) = (home.join("libs"), std::fs::read(root.join("host/xtask/services/kafka.pom.xml"))?);
    let installed = libs.join("installed.xml");
    if std::fs::read(&installed).ok().is_some_and(|installed| installed == pom) {
        return Ok(libs);
    }
    say("installing Apache Kafka");
    // Another version may neither load beside it nor read its data.
    remove_folder(&libs)?;
    server.discard_data()?;
    std::fs::create_dir_all(home)?;
    std::fs::write(home.join("pom.xml"), &pom)?;
    let mut maven = Command::new("mvn");
    maven.current_dir(home).args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DoutputDirectory=libs"]);
    run(maven.stdout(Stdio::null()))?;
    std::fs::write(&installed, &pom)?;
    Ok(libs)
}

fn java(libs: &Path) -> Command {
    let mut java = Command::new("java");
    java.arg("-Xmx512m").arg("-cp").arg(libs.join("*"));
    java
}

fn settings(port: u16, data: &Path) -> String {
    // A second listener says that it is where a test's proxy is.
    let [controller, behind, before] = [port + 1, port + 2, port + 3];
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},PROXIED://127.0.0.1:{behind}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{before}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=3\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=3\n\
         group.initial.rebalance.delay.ms=0\n\
         auto.create.topics.enable=false\n",
        data.display()
    )
}
