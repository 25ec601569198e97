//! An input that is not keyed by building: the host sees it, and each reading goes once to the partition of its building.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::Message as _;

use crate::equality::all_have_partitions;
use crate::failing_detector::{line, with_tally};
use crate::feeder::Feeder;
use crate::servers::{Running, World, eventually};
use crate::topics::read_topic;

const READINGS: usize = 12_000;
/// What is there before the first host looks.
const FIRST: usize = 600;
const SPLIT: &str = "a building's readings come in several partitions";

/// Each reading of a building in another partition.
fn send(feeder: &Feeder, readings: std::ops::Range<usize>) {
    for reading in readings {
        feeder.send(&format!("gateway {reading}"), Some(line(reading).as_bytes()));
        if reading % 10 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    feeder.finish();
}

/// The detector reports each reading, with how many of its meter it has seen.
async fn all_are_scored(world: &World) {
    let postgres = world.postgres().await;
    eventually("all are scored, once, each as the next of its meter", async || {
        let query = "SELECT count(DISTINCT (building, context->>'seen')), count(*) FROM anomalies WHERE detector = 'tally'";
        let counts: (i64, i64) = sqlx::query_as(query).fetch_one(&postgres).await.ok()?;
        (counts == (READINGS as i64, READINGS as i64)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_without_keys_gives_the_rows_of_one_with_keys_whoever_is_killed() {
    let (world, feeder) = with_tally("repartition").await;
    send(&feeder, 0..FIRST);
    let feeding = std::thread::spawn(move || send(&feeder, FIRST..READINGS));
    let places = [("host-1", "before-commit/9"), ("host-2", "after-produce/5"), ("host-1", "after-commit/4")];
    let mut hosts = BTreeMap::new();
    for (name, place) in places {
        hosts.insert(name, world.start_host(name, Some(place)));
        std::thread::sleep(Duration::from_secs(3));
    }
    for name in ["host-1", "host-2"] {
        hosts.remove(name);
        hosts.insert(name, world.start_host(name, None));
    }
    feeding.join().unwrap();
    all_are_scored(&world).await;
    let postgres = world.postgres().await;
    eventually("each is in one window", async || {
        let sum = "SELECT coalesce(sum(count), 0)::bigint FROM aggregations";
        let readings: i64 = sqlx::query_scalar(sum).fetch_one(&postgres).await.ok()?;
        (readings == READINGS as i64).then_some(())
    })
    .await;
    let (mut homes, mut readings) = (BTreeMap::<String, BTreeSet<i32>>::new(), BTreeSet::new());
    let mut count = 0;
    read_topic(&world.kafka, &format!("{}.repartition", world.name), |message| {
        let reading = std::str::from_utf8(message.payload().unwrap()).unwrap().to_owned();
        let building = std::str::from_utf8(message.key().unwrap()).unwrap().to_owned();
        assert!(reading.contains(&format!("\"building\":\"{building}\"")), "{reading} has key {building}");
        homes.entry(building).or_default().insert(message.partition());
        readings.insert(reading);
        count += 1;
    });
    assert_eq!((readings.len(), count), (READINGS, READINGS));
    assert!(homes.values().all(|partitions| partitions.len() == 1), "{homes:?}");
    assert!(world.log().contains("a building comes in several partitions of the input"), "{}", world.log());
    hosts.into_values().for_each(|host| host.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_has_read_the_input_itself_goes_on_there_through_the_topic_that_is_keyed() {
    let (world, feeder) = with_tally("to_keyed").await;
    send(&feeder, 0..READINGS / 2);
    let postgres_has = async |wanted: usize| {
        let postgres = world.postgres().await;
        eventually(&format!("{wanted} readings are scored"), async || {
            let query = "SELECT count(*) FROM anomalies WHERE detector = 'tally'";
            let count: i64 = sqlx::query_scalar(query).fetch_one(&postgres).await.ok()?;
            assert!(count <= wanted as i64, "{count} of {wanted}");
            (count == wanted as i64).then_some(())
        })
        .await;
    };
    let running = world.start_with(&[("WATTDOG__INPUT__REPARTITION", "never")]);
    postgres_has(READINGS / 2).await;
    assert!(world.log().contains(SPLIT), "{}", world.log());
    running.stop();
    send(&feeder, READINGS / 2..READINGS);
    let running = world.start_with(&[("WATTDOG__INPUT__REPARTITION", "always")]);
    postgres_has(READINGS).await;
    for queue in ["repartition_lag", "consumer_lag", "input_queued_records", "results_queued_records", "outbox_bytes"] {
        eventually(&format!("{queue} is nothing"), async || {
            world.metrics().contains(&format!("wattdog_{queue}{{partition=\"0\"}} 0\n")).then_some(())
        })
        .await;
    }
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_building_that_several_hosts_have_is_seen_by_one_that_starts() {
    let (mut world, feeder) = with_tally("several_hosts").await;
    world.variables.push(("WATTDOG__INPUT__REPARTITION", "never".into()));
    let mut hosts = Vec::from(["host-1", "host-2", "host-3"].map(|name| world.start_host(name, None)));
    // A partition each.
    all_have_partitions(&world, hosts.len()).await;
    send(&feeder, 0..FIRST);
    let postgres = world.postgres().await;
    eventually("all are scored", async || {
        let query = "SELECT count(*) FROM anomalies WHERE detector = 'tally'";
        let count: i64 = sqlx::query_scalar(query).fetch_one(&postgres).await.ok()?;
        (count == FIRST as i64).then_some(())
    })
    .await;
    assert!(!world.log().contains(SPLIT), "{}", world.log());
    drop(hosts.pop());
    hosts.push(world.start_host("host-3", None));
    eventually("it is said", async || world.log().contains(SPLIT).then_some(())).await;
    hosts.into_iter().for_each(Running::stop);
}
