//! The page's events in a flood: what is more than a tick can show is skipped and said, and they go on with the latest.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::servers::{World, eventually};

const FLOOD: u32 = 200_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// Lines of the stream up to one with `word`.
fn until(stream: &mut impl Iterator<Item = String>, word: &str) {
    let begun = Instant::now();
    let mut in_time = stream.take_while(|_| begun.elapsed() < PATIENCE);
    assert!(in_time.any(|line| line.contains(word)), "no `{word}` came within {PATIENCE:?}");
}

fn reading(building: &str, electricity: f64) -> String {
    let reading = serde_json::json!({
        "timestamp": "2025-12-04T00:00:00Z", "building": building, "floor": 1, "electricity": electricity, "water": 300.0,
    });
    format!("{reading}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_skipped_and_said() {
    let world = World::new("flood");
    let running = world.start();
    eventually("readiness", async || world.told("/readyz")).await;
    let address = world.page().replace("http://", "");
    let mut socket = TcpStream::connect(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut stream = BufReader::new(socket).lines().map_while(Result::ok);
    until(&mut stream, "event: status");

    // Something is found with every one of them.
    let file = world.folder.path().join("flood.jsonl");
    let lines = (0..FLOOD).map(|number| reading("Flood", f64::from(number).mul_add(0.001, 5_000.0)));
    std::fs::write(&file, lines.collect::<String>()).unwrap();
    world.replay(&file);
    until(&mut stream, "event: missed");

    let after = world.folder.path().join("after.jsonl");
    std::fs::write(&after, reading("Afterwards", 150.0)).unwrap();
    world.replay(&after);
    until(&mut stream, "Afterwards");
    running.stop();
}
