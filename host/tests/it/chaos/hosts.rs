//! One to three hosts of one group.

use rand::RngExt as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::servers::{Running, World};

const MOST: usize = 3;

pub(super) struct Hosts<'w> {
    world: &'w World,
    /// With the name that each has in the group.
    running: Vec<(String, Running)>,
    named: usize,
}

impl<'w> Hosts<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self { world, running: Vec::new(), named: 0 }
    }

    pub(super) fn add(&mut self) {
        if self.running.len() < MOST {
            self.named += 1;
            let name = format!("host-{}", self.named);
            let host = self.world.start_host(&name, None);
            self.running.push((name, host));
        }
    }

    pub(super) fn any(&self, random: &mut Xoshiro256PlusPlus) -> usize {
        random.random_range(0..self.running.len())
    }

    pub(super) fn get(&mut self, at: usize) -> &mut Running {
        &mut self.running[at].1
    }

    pub(super) fn signal_all(&self, name: &str) {
        self.running.iter().for_each(|(_, host)| host.signal(name));
    }

    /// `kill -9` for all, and another life of each after `meanwhile`.
    pub(super) fn all_anew(&mut self, meanwhile: impl FnOnce()) {
        let names: Vec<_> = self.running.drain(..).map(|(name, _)| name).collect();
        meanwhile();
        for name in names {
            self.start(name, None);
        }
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self, at: usize) -> String {
        self.running.remove(at).0
    }

    /// It comes back under its name; `crash_at` says where it ends by itself. Returns where it is now.
    pub(super) fn start(&mut self, name: String, crash_at: Option<&str>) -> usize {
        let host = self.world.start_host(&name, crash_at);
        self.running.push((name, host));
        self.running.len() - 1
    }

    /// As an operator would.
    pub(super) fn remove(&mut self, at: usize) {
        if self.running.len() > 1 {
            self.running.remove(at).1.stop();
        }
    }

    /// A host that has ended by itself is started again, and one more now and then.
    pub(super) fn keep_one(&mut self, random: &mut Xoshiro256PlusPlus) {
        self.restart_ended();
        if self.running.is_empty() || (self.running.len() < MOST && random.random_range(0..6) == 0) {
            self.add();
        }
    }

    /// As a service manager does: a host whose name in the group another life has ends.
    pub(super) fn restart_ended(&mut self) {
        let mut ended = Vec::new();
        self.running.retain_mut(|(name, host)| {
            let lives = host.lives();
            ended.extend((!lives).then(|| name.clone()));
            lives
        });
        for name in ended {
            self.start(name, None);
        }
    }

    /// Input offsets that the running hosts have counted as deleted before they were read; none when a host does not answer.
    pub(super) fn counted_lost(&self) -> Option<i64> {
        let of_one = |host: &Running| {
            let metrics = host.told("/metrics")?;
            let values = metrics.lines().filter(|line| line.starts_with("wattdog_lost_records_total{reader=\"repartition\""));
            values.map(|line| line.rsplit(' ').next()?.parse::<i64>().ok()).sum::<Option<i64>>()
        };
        self.running.iter().map(|(_, host)| of_one(host)).sum()
    }

    pub(super) fn stop(self) {
        self.running.into_iter().for_each(|(_, host)| host.stop());
    }
}
