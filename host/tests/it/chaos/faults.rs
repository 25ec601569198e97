//! What goes wrong.

use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand_xoshiro::Xoshiro256PlusPlus;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::disk::SmallDisk;
use super::hosts::Hosts;
use super::load::Load;
use super::topics::{STANDSTILL, Topics};
use super::ways::Ways;
use super::{SESSION, load};
use crate::faults::service;
use crate::feeder::PARTITIONS;
use crate::proxy::Way;
use crate::servers::World;

const PLACES: [&str; 6] = ["before-produce", "after-produce", "before-commit", "after-commit", "while-restoring", "swapped"];
const SERVERS: [&str; 3] = ["kafka", "postgres", "ferretdb"];
/// An armed host that does not come by its place lives on.
const ARMED: Duration = Duration::from_secs(12);

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// `kill -9`, and another life at once or after its session.
    Kill {
        returns_at_once: bool,
    },
    /// `kill -9` at a place of the code.
    KillAt {
        place: &'static str,
        pass: u64,
    },
    /// It stands still for longer than its session, and goes on.
    Freeze,
    /// A server is stopped and started.
    Server {
        name: &'static str,
        away_s: u64,
    },
    /// One more host, or one less.
    HostAdded,
    HostRemoved,
    /// Another version of a detector.
    Swap {
        version: u64,
    },
    /// A record of the state topic is overwritten with nonsense, and the lane's host killed.
    DamagedState {
        partition: i32,
    },
    StateDeleted,
    /// The way to a server is slow, cut, or silent.
    Way {
        to: &'static str,
        is: Way,
        for_s: u64,
    },
    /// The database has no room.
    DiskFull {
        for_s: u64,
    },
    /// Records of the input are deleted while hosts stand still.
    InputCut,
    /// The input is deleted and made anew.
    InputMadeAnew,
    /// The input gets one more partition.
    InputGrown,
    /// Rows are deleted before a store has read them.
    ResultsCut,
}

/// What faults need beside the hosts.
pub(super) struct Ground {
    pub(super) ways: Ways,
    pub(super) disk: SmallDisk,
    /// What lanes read.
    pub(super) input: String,
    /// Where they keep their state.
    pub(super) state: String,
    pub(super) topics: Topics,
    pub(super) load: Load,
    /// Lanes read the input itself. What it loses is then in no window, and what follows from a state that is built anew cannot be
    /// told by anybody, so it is left as it is.
    pub(super) keyed: bool,
}

impl Fault {
    pub(super) fn any(random: &mut Xoshiro256PlusPlus, keyed: bool) -> Self {
        match random.random_range(0..34) {
            28..30 if !keyed => Self::InputCut,
            30 if !keyed => Self::InputMadeAnew,
            31 if !keyed => Self::InputGrown,
            28..34 => Self::ResultsCut,
            0..5 => Self::Kill { returns_at_once: random.random_range(0..4) > 0 },
            5..11 => Self::KillAt { place: PLACES[random.random_range(0..PLACES.len())], pass: random.random_range(1..12) },
            11..13 => Self::Freeze,
            13..15 => Self::Server { name: SERVERS[random.random_range(0..SERVERS.len())], away_s: random.random_range(1..5) },
            15 => Self::HostAdded,
            16 => Self::HostRemoved,
            17 => Self::Swap { version: random.random_range(1..4) },
            18..24 => Self::Way {
                to: SERVERS[random.random_range(0..SERVERS.len())],
                is: [Way::Slow, Way::Cut, Way::Silent][random.random_range(0..3)],
                for_s: random.random_range(1..8),
            },
            24 => Self::DiskFull { for_s: random.random_range(2..6) },
            25 => Self::StateDeleted,
            _ => Self::DamagedState { partition: random.random_range(0..PARTITIONS) },
        }
    }

    pub(super) async fn strike(self, world: &World, ground: &mut Ground, hosts: &mut Hosts<'_>, random: &mut Xoshiro256PlusPlus) {
        let victim = hosts.any(random);
        match self {
            Self::Kill { returns_at_once } => {
                let name = hosts.kill(victim);
                if !returns_at_once {
                    std::thread::sleep(SESSION);
                }
                hosts.start(name, None);
            }
            Self::KillAt { place, pass } => {
                let name = hosts.kill(victim);
                let pass = if place == "while-restoring" || place == "swapped" { 1 } else { pass };
                let loaded = world.loaded_by(&name);
                let (started, last) = (Instant::now(), hosts.start(name.clone(), Some(&format!("{place}/{pass}"))));
                if place == "swapped" {
                    while world.loaded_by(&name) == loaded && started.elapsed() < ARMED {
                        std::thread::sleep(LOOK);
                    }
                    load::drop_tally(world, random.random_range(1..4));
                }
                while hosts.get(last).lives() && started.elapsed() < ARMED {
                    std::thread::sleep(LOOK);
                }
                let name = hosts.kill(last);
                hosts.start(name, None);
            }
            Self::Freeze => {
                hosts.get(victim).signal("STOP");
                std::thread::sleep(SESSION + Duration::from_secs(3));
                hosts.get(victim).signal("CONT");
            }
            Self::Server { name, away_s } => {
                service("stop", name);
                std::thread::sleep(Duration::from_secs(away_s));
                service("start", name);
            }
            Self::HostAdded => hosts.add(),
            Self::HostRemoved => hosts.remove(victim),
            Self::Swap { version } => load::drop_tally(world, version),
            Self::DamagedState { partition } => {
                let name = hosts.kill(victim);
                damage(world, ground, partition);
                hosts.start(name, None);
            }
            Self::StateDeleted => delete_state(world, &ground.state).await,
            Self::Way { to, is, for_s } => ground.ways.make(is, to, Duration::from_secs(for_s)),
            Self::DiskFull { for_s } => ground.disk.fill(Duration::from_secs(for_s)),
            Self::InputCut => {
                hosts.signal_all("STOP");
                std::thread::sleep(STANDSTILL);
                ground.topics.cut_input().await;
                hosts.signal_all("CONT");
            }
            Self::InputMadeAnew => {
                ground.topics.make_input_anew(world, &ground.load).await;
            }
            Self::InputGrown => ground.topics.grow_input().await,
            Self::ResultsCut => {
                service("stop", "postgres");
                std::thread::sleep(STANDSTILL);
                ground.topics.cut_rows().await;
                hosts.all_anew(|| service("start", "postgres"));
            }
        }
    }
}

fn damage(world: &World, ground: &Ground, partition: i32) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    let key = format!("{}/{}/lane", world.name, ground.input);
    let record = BaseRecord::to(&ground.state).partition(partition).key(&key).payload("nonsense");
    producer.send(record).expect("the queue has room");
    producer.flush(Duration::from_secs(30)).expect("the broker takes it");
}

async fn delete_state(world: &World, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &world.kafka).create().unwrap();
    // It may be gone already.
    let _ = admin.delete_topics(&[topic], &AdminOptions::new()).await.expect("the broker answers");
}
