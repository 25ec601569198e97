//! The page in a real browser: every view against the database, in both colour schemes and on a phone.

use std::fmt::Write as _;
use std::process::Command;

use crate::servers::{World, eventually, variable, workspace};

/// What people may call their buildings.
const NAMES: [&str; 5] = ["Building A", "O'Neil \"Hall\"", "<b>Lab</b> & Co", "مبنى الهندسة", "🏢 Turm 7"];

/// A day of readings every five minutes, three meters in each building; here and there one that is far from usual.
fn readings() -> String {
    let mut lines = String::new();
    for round in 0..288 {
        for (index, name) in NAMES.iter().enumerate() {
            for floor in 1..=3 {
                let far = (round * 7 + index * 11 + floor) % 97 == 0;
                let electricity = 150.0 + (round % 24) as f64 + if far { 130.0 } else { 0.0 };
                let water = 300.0 + (round % 24) as f64 + if far && floor == 2 { 400.0 } else { 0.0 };
                let reading = serde_json::json!({
                    "timestamp": format!("2025-12-04T{:02}:{:02}:00Z", round / 12, round % 12 * 5),
                    "building": name, "floor": floor, "electricity": electricity, "water": water,
                });
                writeln!(lines, "{reading}").unwrap();
            }
        }
    }
    lines
}

/// The same detector with a lower threshold.
fn more_careful_shadow(world: &World) {
    let (models, plugins) = (world.folder.path().join("models"), world.plugins());
    std::fs::create_dir(&models).unwrap();
    std::fs::copy(workspace().join("models/kmeans_energy.json"), models.join("careful.json")).unwrap();
    std::fs::write(models.join("careful.threshold.json"), r#"{ "threshold": 0.05 }"#).unwrap();
    std::fs::write(plugins.join("kmeans-2.toml"), "mode = \"shadow\"\nmodel = \"../models/careful.json\"\n").unwrap();
    std::fs::copy(plugins.join("kmeans.wasm"), plugins.join("kmeans-2.wasm")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_shows_what_the_database_has() {
    let world = World::with_plugins("page", &["calendar", "kmeans", "site"]);
    more_careful_shadow(&world);
    let file = world.folder.path().join("page.jsonl");
    std::fs::write(&file, readings()).unwrap();
    world.replay(&file);
    let running = world.start();
    let postgres = world.postgres().await;
    eventually("all windows", async || {
        let windows: i64 = sqlx::query_scalar("SELECT count(*) FROM aggregations").fetch_one(&postgres).await.ok()?;
        (windows == 288 * NAMES.len() as i64).then_some(())
    })
    .await;

    let more = world.folder.path().join("more.jsonl");
    std::fs::write(
        &more,
        r#"{"timestamp":"2025-12-05T00:00:00Z","building":"Building A","floor":1,"electricity":190.5,"water":350.0}"#,
    )
    .unwrap();
    let send = format!(
        "'{}' replay --bootstrap {} --topic {} '{}'",
        env!("CARGO_BIN_EXE_wattdog"),
        world.kafka,
        world.name,
        more.display()
    );
    let pictures = workspace().join("target/pictures");
    let mut drive = Command::new(variable("WATTDOG_TEST_PYTHON"));
    drive.arg(workspace().join("host/tests/page/drive.py"));
    drive.args(["--page", &world.page(), "--postgres", &world.postgres, "--send", &send]).arg("--pictures").arg(&pictures);
    let output = drive.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}\npictures are in {}", pictures.display());
    running.stop();
}
