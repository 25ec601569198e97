//! Every line of the log that the documents promise is written with the default levels, as text and as JSON.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::failing_detector::drop_tally;
use crate::feeder::{Feeder, PARTITIONS, make_topic};
use crate::servers::{World, eventually, workspace};

/// Of topics that a host makes: windows, findings, the shadow's, dead letters, state.
const MADE_TOPICS: usize = 5;

/// Waits until the log has so many of each line.
async fn says(world: &World, lines: &[(usize, &str)]) {
    for (count, line) in lines {
        let found = async || (world.log().matches(line).count() >= *count).then_some(());
        eventually(&format!("the log has {count} times `{line}`"), found).await;
    }
}

fn reading(building: &str, second: u32, electricity: f64) -> String {
    format!(
        r#"{{"timestamp":{},"building":"{building}","floor":1,"electricity":{electricity},"water":300}}"#,
        1_764_806_400 + second
    )
}

/// Deletes everything that the input holds, as a short retention does.
async fn delete_records(world: &World) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(&world.name, partition, Offset::End).unwrap();
    }
    admin.delete_records(&all, &AdminOptions::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_logs_its_start_its_troubles_and_its_end() {
    let mut world = World::with_plugins("logs", &["kmeans"]);
    world.log_levels = None;
    let folder = world.folder.path().to_owned();
    std::fs::write(world.plugins().join("broken.wasm"), "no component").unwrap();
    std::fs::set_permissions(world.plugins(), std::fs::Permissions::from_mode(0o777)).unwrap();
    world.configure(&format!("[sink.sqlite]\npath = {:?}\n", folder.join("missing/rows.db")));
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    feeder.send_lines((0..30).map(|second| reading("First", second, 150.0)));
    let running = world.start_with(&[
        ("WATTDOG__PLUGINS__AUDIT", folder.to_str().unwrap()),
        ("WATTDOG__WEB__LISTEN", "0.0.0.0:0"),
        ("WATTDOG__INPUT__REPARTITION", "never"),
    ]);
    says(
        &world,
        &[
            (MADE_TOPICS, "created topic"),
            (1, "plugin loaded"),
            (1, "plugin refused"),
            (1, "others can write to the plugin folder, and what lies there runs"),
            (1, "cannot write the audit record of plugins"),
            (1, "everybody who reaches this address sees page, readings and metrics"),
            (PARTITIONS as usize, "the lane knows what its last life knew"),
            (PARTITIONS as usize, "lane runs"),
            (1, "wattdog runs page="),
            (1, "the store is away; rows wait in Kafka, nothing is lost"),
        ],
    )
    .await;
    for gateway in 0..20 {
        feeder.send(&format!("gateway {gateway}"), Some(reading("Split", gateway, 150.0).as_bytes()));
    }
    std::fs::create_dir(folder.join("missing")).unwrap();
    let (postgres, refused) = (world.postgres().await, "CHECK (building <> 'Refused')");
    sqlx::query(sqlx::AssertSqlSafe(format!("ALTER TABLE aggregations ADD CONSTRAINT c {refused}")))
        .execute(&postgres)
        .await
        .unwrap();
    feeder.send_lines([reading("Refused", 0, 150.0)]);
    std::fs::remove_file(world.plugins().join("kmeans.wasm")).unwrap();
    says(
        &world,
        &[
            (1, "a building's readings come in several partitions, so no lane sees all of its windows"),
            (1, "the store is back"),
            (1, "rows are set aside"),
            (1, "plugin removed"),
            (1, "no detector runs: readings are aggregated, none is judged"),
        ],
    )
    .await;
    running.stop();
    says(&world, &[(1, "stopping: finishing what was read"), (PARTITIONS as usize, "lane stopped")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_readings_and_a_failing_detector_are_logged_as_objects() {
    let mut world = World::with_plugins("logs_json", &[]);
    world.log_levels = None;
    world.variables.push(("WATTDOG_LOG_FORMAT", "json".into()));
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let building = |reading: u32| format!("B{}", reading % 9);
    feeder.send_lines((0..90).map(|second| reading(&building(second), second, 150.0)));
    let running = world.start();
    says(&world, &[(PARTITIONS as usize, r#""message":"lane runs""#)]).await;
    world.postgres().await;
    running.stop();

    feeder.send_lines((90..180).map(|second| reading(&building(second), second, 150.0)));
    delete_records(&world).await;
    drop_tally(&world, "tally-1", "unbearable = 7.0");
    let running = world.start();
    says(&world, &[(1, "the input no longer holds "), (PARTITIONS as usize * 2, r#""message":"lane runs""#)]).await;
    feeder.send_lines((180..2_180).map(|second| reading(&building(second), second, 7.0)));
    says(&world, &[(1, r#""message":"plugin loaded""#), (1, "plugin quarantined; it is tried again after a while")]).await;
    running.stop();
    let log = world.log();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{line}");
    }
    let lost = log.lines().find(|line| line.contains("the input no longer holds ")).unwrap();
    assert!(lost.contains(r#""level":"ERROR""#), "{lost}");
}

#[test]
fn commands_log_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let readings = folder.path().join("readings.jsonl");
    std::fs::write(&readings, reading("First", 0, 150.0) + "\n").unwrap();
    let world = World::new("logs_commands");
    let said = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wattdog"));
        let output = command.args(arguments).env_remove("WATTDOG_LOG").output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(output.status.success(), "{said}");
        said
    };
    let readings = readings.to_str().unwrap();
    let sent = said(&["replay", readings, "--bootstrap", &world.kafka, "--topic", &world.name]);
    assert!(sent.contains("sent") && sent.contains("readings=1"), "{sent}");
    let plugin = workspace().join("plugins/kmeans.wasm");
    let scored = said(&["score", "--plugin", plugin.to_str().unwrap(), "--input", readings, "--output", "-"]);
    assert!(scored.contains("scored readings=1"), "{scored}");
}
