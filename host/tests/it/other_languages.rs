//! Detectors in Python and in JavaScript are dropped into a running host, as their authors leave them, and find what they are for.

use std::path::Path;

use crate::feeder::{Feeder, make_topic};
use crate::servers::{World, eventually, workspace};

/// The sidecar of the example, with the parameters of the case.
fn sidecar(example: &Path, name: &str, case: &Path) -> String {
    let text = std::fs::read_to_string(example.join(format!("{name}.toml"))).unwrap();
    let mut sidecar: toml::Table = text.parse().unwrap();
    let case: toml::Table = std::fs::read_to_string(case.join("plugin.toml")).unwrap().parse().unwrap();
    sidecar.insert("params".into(), case["params"].clone());
    sidecar.insert("warm_start".into(), "0s".into());
    sidecar.to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "compiles forty megabytes, which needs the machine for itself; `cargo xtask test` runs it alone"]
async fn detectors_in_python_and_javascript_run_as_they_are_dropped() {
    let world = World::with_plugins("languages", &["kmeans"]);
    make_topic(&world).await;
    let feeder = Feeder::new(&world, "none");
    let running = world.start();
    let is_loaded = |name: &str| world.audit().iter().any(|(event, file, ..)| event == "loaded" && file == name).then_some(());
    eventually("the program runs", async || is_loaded("kmeans")).await;
    let examples = [("python", "hour-of-week", "a_spike_and_a_new_level"), ("javascript", "night-waste", "lights_left_on")];
    for (language, name, case) in examples {
        let example = workspace().join("examples/plugins").join(language);
        let case = example.join("testcases").join(case);
        std::fs::write(world.plugins().join(format!("{name}.toml")), sidecar(&example, name, &case)).unwrap();
        let component = workspace().join("target/guests").join(format!("{name}.wasm"));
        std::fs::copy(&component, world.plugins().join(format!("{name}.wasm")))
            .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test`", component.display()));
        eventually(&format!("{name} is loaded"), async || is_loaded(name)).await;
    }
    eventually("the last has come to all lanes", async || {
        let swapped =
            world.audit().iter().filter(|(event, .., line)| event == "swapped" && line["plugin"] == "night-waste").count();
        (swapped == 3).then_some(())
    })
    .await;
    for (language, _, case) in examples {
        let readings = workspace().join("examples/plugins").join(language).join("testcases").join(case).join("readings.jsonl");
        std::fs::read_to_string(readings).unwrap().lines().for_each(|line| {
            // Each in a building of its own: both tell of the same weeks, and a building's late readings are set aside.
            feeder.send(language, Some(line.replace("Building", language).as_bytes()));
        });
    }
    feeder.finish();
    let postgres = world.postgres().await;
    for (_, name, _) in examples {
        eventually(&format!("{name} finds something"), async || {
            let found: i64 = sqlx::query_scalar("SELECT count(*) FROM anomalies WHERE detector = $1 AND reason <> ''")
                .bind(name)
                .fetch_one(&postgres)
                .await
                .ok()?;
            (found > 0).then_some(())
        })
        .await;
    }
    running.stop();
}
