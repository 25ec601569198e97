//! Servers stop and start under load: the program lives, says so, goes on, and nothing is lost or doubled.

use std::process::Command;
use std::time::Duration;

use crate::feeder::{Feeder, make_topic};
use crate::oracle;
use crate::servers::{World, workspace};

const READINGS: u32 = 60_000;
const PER_SECOND: f64 = 1_500.0;
/// Long enough that every client notices.
const AWAY: Duration = Duration::from_secs(4);
const BETWEEN: Duration = Duration::from_secs(4);

pub(crate) fn service(action: &str, name: &str) {
    let mut xtask = Command::new(env!("CARGO"));
    let status = xtask.current_dir(workspace()).args(["xtask", "services", action, name]).status().unwrap();
    assert!(status.success(), "cargo xtask services {action} {name}: this test stops servers, so they must be the project's own");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stops the servers that other tests use; `cargo xtask test` runs it alone"]
async fn servers_that_stop_one_by_one_cost_no_row_and_double_none() {
    let world = World::new("faults");
    let file = world.readings(READINGS);
    make_topic(&world).await;
    let expected = oracle::expected(&file);
    let mut running = world.start();
    let feeder = Feeder::new(&world, "lz4");
    let load = std::thread::spawn(move || {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            feeder.send_line(line);
            std::thread::sleep(Duration::from_secs_f64(1.0 / PER_SECOND));
        }
        feeder.finish();
    });
    for server in ["ferretdb", "postgres", "kafka"] {
        std::thread::sleep(BETWEEN);
        service("stop", server);
        std::thread::sleep(AWAY);
        service("start", server);
    }
    assert!(!load.is_finished(), "all servers were away under load");
    load.join().unwrap();
    assert!(running.lives(), "the program lives");
    oracle::stores_have_all(&world, running, &expected).await;
    let log = world.log();
    for said in ["sink=\"mongodb\"", "sink=\"postgres\"", "the store is away", "the kafka client complains"] {
        assert!(log.contains(said), "the log does not say {said}:\n{log}");
    }
}
