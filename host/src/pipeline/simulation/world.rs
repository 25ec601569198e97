//! Hosts that come and go, their lanes, and the one who decides what happens next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::broker::{Input, Partition, Planted};
use super::log::{Crash, Fault, SimLog};
use crate::pipeline::lane::{Lane, Orders, Shared};
use crate::pipeline::log::LogError;

/// How deep lanes run inside of each other's calls.
const MAX_DEPTH: u32 = 2;

/// One life of a lane. While it runs, the lane is elsewhere.
struct Life {
    partition: usize,
    owner: (usize, u64),
    orders: Arc<Orders>,
    begun: bool,
    lane: Option<Lane<SimLog>>,
}

/// Everything; single-threaded, and the same for the same seed.
pub(super) struct World {
    shared: Arc<Shared>,
    random: RefCell<Xoshiro256PlusPlus>,
    partitions: RefCell<Vec<Partition>>,
    lives: RefCell<Vec<Life>>,
    dead: RefCell<BTreeSet<usize>>,
    /// Numbers of hosts that are thought to be alive.
    hosts: RefCell<Vec<usize>>,
    next_host: Cell<usize>,
    generation: Cell<u64>,
    now: Cell<Instant>,
    depth: Cell<u32>,
    /// Nothing goes wrong any more, so that the end is reached.
    is_calm: Cell<bool>,
    planted: Option<Planted>,
    /// What went wrong, to be read when the outcome is wrong too.
    pub(super) faults: Cell<u32>,
}

impl World {
    pub(super) fn new(shared: Arc<Shared>, seed: u64, partitions: usize, hosts: usize, planted: Option<Planted>) -> Rc<Self> {
        let world = Rc::new(Self {
            shared,
            random: RefCell::new(Xoshiro256PlusPlus::seed_from_u64(seed)),
            partitions: RefCell::new((0..partitions).map(|_| Partition::default()).collect()),
            lives: RefCell::default(),
            dead: RefCell::default(),
            hosts: RefCell::new((0..hosts).collect()),
            next_host: Cell::new(hosts),
            generation: Cell::new(0),
            now: Cell::new(crate::clock::monotonic()),
            depth: Cell::new(0),
            is_calm: Cell::new(false),
            planted,
            faults: Cell::new(0),
        });
        (0..partitions).for_each(|partition| world.assign(partition));
        world
    }

    pub(super) fn random(&self, range: RangeInclusive<u64>) -> u64 {
        self.random.borrow_mut().random_range(range)
    }

    fn one_in(&self, chances: u64) -> bool {
        self.random(1..=chances) == 1
    }

    pub(super) fn partition<T>(&self, partition: usize, work: impl FnOnce(&mut Partition) -> T) -> T {
        work(&mut self.partitions.borrow_mut()[partition])
    }

    pub(super) fn append(&self, partition: usize, input: Input) {
        self.partition(partition, |partition| partition.input.push(input));
    }

    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(super) fn pass(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    pub(super) fn planted(&self) -> Option<Planted> {
        self.planted
    }

    pub(super) fn is_dead(&self, host: usize) -> bool {
        self.dead.borrow().contains(&host)
    }

    /// What goes wrong with the call that is being made.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.pass(Duration::from_millis(self.random(0..=12)));
        if self.is_calm.get() || !self.one_in(25) {
            return None;
        }
        self.faults.set(self.faults.get() + 1);
        Some(match self.random(0..=5) {
            0 => Fault::LostCall,
            1 => Fault::LostAnswer,
            2 => Fault::Aborted,
            3 => Fault::Broken,
            4 => Fault::KilledBefore,
            _ => Fault::KilledAfter,
        })
    }

    /// The broker is away while the input is asked.
    pub(super) fn is_silent(&self) -> bool {
        let is_silent = !self.is_calm.get() && self.one_in(25);
        self.faults.set(self.faults.get() + u32::from(is_silent));
        is_silent
    }

    /// In the middle of a call another lane may take a turn, or the whole group change.
    pub(super) fn interleave(self: &Rc<Self>) {
        if self.is_calm.get() || self.depth.get() >= MAX_DEPTH || !self.one_in(6) {
            return;
        }
        self.depth.set(self.depth.get() + 1);
        self.act();
        self.depth.set(self.depth.get() - 1);
    }

    /// One thing happens.
    pub(super) fn act(self: &Rc<Self>) {
        match if self.is_calm.get() { 0 } else { self.random(0..=60) } {
            1 => self.kill(),
            2 => self.presume_dead(),
            3 | 4 => self.move_in_order(),
            5 => self.any_partition(Partition::time_out),
            6 => self.swap(),
            7 => self.damage_state(),
            8 => self.start_host(),
            _ => self.turn(),
        }
    }

    pub(super) fn calm_down(&self) {
        self.is_calm.set(true);
    }

    fn any_partition(&self, work: impl FnOnce(&mut Partition)) {
        let count = self.partitions.borrow().len() as u64;
        self.partition(self.random(0..=count - 1) as usize, work);
    }

    fn any_host(&self) -> usize {
        let hosts = self.hosts.borrow();
        hosts[self.random(0..=hosts.len() as u64 - 1) as usize]
    }

    fn start_host(&self) {
        if self.hosts.borrow().len() < 3 {
            self.hosts.borrow_mut().push(self.next_host.get());
            self.next_host.set(self.next_host.get() + 1);
        }
    }

    /// The host leaves the group, and another one is there if it was the last.
    fn leave(&self, host: usize) {
        self.hosts.borrow_mut().retain(|other| *other != host);
        if self.hosts.borrow().is_empty() {
            self.start_host();
        }
        let mut orphans = Vec::new();
        for (index, partition) in self.partitions.borrow().iter().enumerate() {
            orphans.extend(partition.owner.filter(|(owner, _)| *owner == host).map(|_| index));
        }
        orphans.into_iter().for_each(|partition| self.assign(partition));
    }

    fn assign(&self, partition: usize) {
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        let owner = (self.any_host(), generation);
        self.partition(partition, |partition| partition.owner = Some(owner));
        self.lives.borrow_mut().push(Life { partition, owner, orders: Arc::default(), begun: false, lane: None });
    }

    fn kill(&self) {
        let host = self.any_host();
        self.faults.set(self.faults.get() + 1);
        self.bury(host);
    }

    fn bury(&self, host: usize) {
        self.dead.borrow_mut().insert(host);
        let buried: Vec<Life> = self.lives.borrow_mut().extract_if(.., |life| life.owner.0 == host).collect();
        drop(buried);
        self.leave(host);
    }

    /// Frozen for longer than its session: its lanes thaw later, and believe in what was.
    fn presume_dead(&self) {
        self.faults.set(self.faults.get() + 1);
        self.leave(self.any_host());
    }

    fn swap(&self) {
        let next = super::lineup(self.shared.lineups.generation() + 1);
        self.shared.lineups.publish(next);
    }

    fn damage_state(&self) {
        self.faults.set(self.faults.get() + 1);
        let (at, deletes) = (self.random(0..=u64::MAX), self.one_in(3));
        self.any_partition(|partition| {
            if deletes {
                partition.state.clear();
            } else if let Some(count) = partition.state.len().checked_sub(1) {
                let (_, value) = &mut partition.state[at as usize % (count + 1)];
                if let Some(value) = value.as_mut().filter(|value| !value.is_empty()) {
                    let at = at as usize % value.len();
                    value[at] ^= 1 << (at % 8);
                }
            }
        });
    }

    /// The lane of a life, which nobody else runs meanwhile; none: it does not live yet, or runs already.
    fn with_lane(self: &Rc<Self>, at: usize, work: impl FnOnce(&mut Lane<SimLog>) -> Result<(), LogError>) {
        let Some((owner, lane)) = self.lives.borrow_mut().get_mut(at).and_then(|life| Some((life.owner, life.lane.take()?)))
        else {
            return;
        };
        let mut lane = lane;
        let ended = catch_unwind(AssertUnwindSafe(|| work(&mut lane)));
        match ended {
            Ok(Ok(())) => {
                // It may have been buried meanwhile.
                if let Some(life) = self.lives.borrow_mut().iter_mut().find(|life| life.owner == owner) {
                    life.lane = Some(lane);
                }
            }
            Ok(Err(_)) => self.end(owner),
            Err(panic) => self.died(owner, panic),
        }
    }

    /// This life is over. Another one follows if the host still has the partition.
    fn end(&self, owner: (usize, u64)) {
        let mut lives = self.lives.borrow_mut();
        let Some(at) = lives.iter().position(|life| life.owner == owner) else { return };
        let is_owner = self.partition(lives[at].partition, |partition| partition.owner == Some(owner));
        if is_owner {
            (lives[at].orders, lives[at].begun) = (Arc::default(), false);
        } else {
            lives.swap_remove(at);
        }
    }

    fn died(&self, owner: (usize, u64), panic: Box<dyn std::any::Any + Send>) {
        if !panic.is::<Crash>() {
            resume_unwind(panic);
        }
        if !self.is_dead(owner.0) {
            self.bury(owner.0);
        }
    }

    /// A lane takes a turn, or begins to live.
    fn turn(self: &Rc<Self>) {
        let count = self.lives.borrow().len() as u64;
        if count == 0 {
            return;
        }
        let at = self.random(0..=count - 1) as usize;
        if self.lives.borrow()[at].begun {
            // Unless it is in the middle of a call further down the stack.
            self.with_lane(at, Lane::turn);
            return;
        }
        let (partition, owner, orders) = {
            let life = &mut self.lives.borrow_mut()[at];
            life.begun = true;
            (life.partition, life.owner, Arc::clone(&life.orders))
        };
        let log = SimLog::new(self, partition, owner, &orders);
        match catch_unwind(AssertUnwindSafe(|| Lane::begin(Arc::clone(&self.shared), log, orders))) {
            Ok(Ok(lane)) => {
                if let Some(life) = self.lives.borrow_mut().iter_mut().find(|life| life.owner == owner) {
                    life.lane = Some(lane);
                }
            }
            Ok(Err(_)) => self.end(owner),
            Err(panic) => self.died(owner, panic),
        }
    }

    /// A rebalance as it should be: the lane comes to rest, then another host gets the partition.
    fn move_in_order(self: &Rc<Self>) {
        let partition = self.random(0..=self.partitions.borrow().len() as u64 - 1) as usize;
        let owner = self.partition(partition, |partition| partition.owner);
        let at = self.lives.borrow().iter().position(|life| Some(life.owner) == owner && life.lane.is_some());
        let Some(at) = at else { return };
        let mut rested = false;
        self.with_lane(at, |lane| {
            let ended = lane.rest();
            rested = ended.is_ok();
            ended
        });
        if rested && self.partition(partition, |partition| partition.owner) == owner {
            self.lives.borrow_mut().retain(|life| Some(life.owner) != owner);
            self.assign(partition);
        }
    }

    /// Everything was read, committed, and every open window shown.
    pub(super) fn is_at_rest(&self) -> bool {
        self.partitions.borrow().iter().all(|partition| partition.committed == Some(partition.input.len() as i64))
    }

    pub(super) fn take_partitions(&self) -> Vec<Partition> {
        self.lives.borrow_mut().clear();
        self.partitions.take()
    }
}
