//! The ways between the hosts and the servers.

use std::time::Duration;

use crate::proxy::{Proxy, Way};
use crate::servers::World;

/// What the project's own broker has for clients behind a proxy, above its port: where it listens, and where it says that it does.
const KAFKA_BEHIND: u16 = 2;
const KAFKA_BEFORE: u16 = 3;

/// A proxy before each server; hosts go through these, load and oracle do not.
pub(super) struct Ways {
    kafka: Proxy,
    postgres: Proxy,
    mongodb: Proxy,
}

impl Ways {
    pub(super) fn of(world: &mut World) -> Self {
        let (host, port) = world.kafka.rsplit_once(':').unwrap();
        let port: u16 = port.parse().unwrap();
        let kafka = Proxy::at(&format!("{host}:{}", port + KAFKA_BEFORE), &format!("{host}:{}", port + KAFKA_BEHIND));
        let [postgres, mongodb] = [&world.postgres, &world.mongodb].map(|url| Proxy::before(server_of(url)));
        let through = |url: &str, proxy: &Proxy| url.replace(server_of(url), &proxy.address);
        world.variables = vec![
            ("WATTDOG__KAFKA__BOOTSTRAP", kafka.address.clone()),
            ("WATTDOG__SINK__POSTGRES__URL", through(&world.postgres, &postgres)),
            ("WATTDOG__SINK__MONGODB__URL", through(&world.mongodb, &mongodb)),
        ];
        Self { kafka, postgres, mongodb }
    }

    pub(super) fn make(&self, way: Way, to: &str, time: Duration) {
        let proxy = match to {
            "kafka" => &self.kafka,
            "postgres" => &self.postgres,
            _ => &self.mongodb,
        };
        proxy.set(way);
        std::thread::sleep(time);
        proxy.set(Way::Good);
    }
}

/// `host:port` of a URL.
fn server_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    authority.rsplit('@').next().unwrap()
}
