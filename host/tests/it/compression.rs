//! Messages are read whatever their producer compressed them with.

use crate::feeder::{Feeder, make_topic};
use crate::oracle;
use crate::servers::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_read() {
    let world = World::new("compression");
    let file = world.readings(8_000);
    make_topic(&world).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (codec, lines) in ["gzip", "snappy", "lz4", "zstd"].iter().zip(lines.chunks(lines.len() / 4)) {
        let feeder = Feeder::new(&world, codec);
        lines.iter().for_each(|line| feeder.send_line(line));
        feeder.finish();
    }
    let expected = oracle::expected(&file);
    let running = world.start();
    oracle::stores_have_all(&world, running, &expected).await;
}
