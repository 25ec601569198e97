//! Readings as they would come in, only faster.

use super::INTERVAL;
use crate::clock;
use crate::config::Span;
use crate::domain::EventTime;
use crate::generate::{Campus, Shape};
use crate::kafka::Feeder;
use crate::readings_file::{ReadingsFile, Sender, Sorter};
use crate::replay::Pace;

/// Generated readings begin so long ago, so that they reach the present only when a day has long been played.
const BEGINNING: Span = Span::from_secs(28 * 86_400);

/// Sends readings as they would come in: the past at once, the rest as time goes on.
pub(super) struct Player {
    pub(super) feeder: Feeder,
    /// How much of the readings is the past.
    pub(super) history: Span,
    /// Where the past ends; known with the first reading.
    pub(super) present: Option<EventTime>,
    pub(super) pace: Pace,
}

impl Player {
    pub(super) fn generated(&mut self) -> anyhow::Result<()> {
        let shape = Shape { buildings: 3, floors: 5, interval_us: INTERVAL.micros(), anomaly_rate: 0.004 };
        let now = clock::now().as_microsecond() - BEGINNING.micros();
        let start = EventTime(now.div_euclid(INTERVAL.micros()) * INTERVAL.micros());
        for reading in Campus::new(shape, start, 42) {
            self.send(Some(reading.time), &reading.building, reading.json().as_bytes())?;
        }
        Ok(())
    }

    /// In the order of their time.
    pub(super) fn recorded(&mut self, file: &ReadingsFile, in_order: bool) -> anyhow::Result<()> {
        let mut sender = Sender::unchanged(file);
        if in_order {
            return sender.for_each(|time, building, record| self.send(time, building, record));
        }
        let (mut sorter, mut last) = (Sorter::new(), EventTime::MIN);
        sender.for_each(|time, building, record| {
            last = time.unwrap_or(last);
            sorter.push(last, building, record)
        })?;
        sorter.finish(|time, building, record| self.send(Some(time), building, record))
    }

    fn send(&mut self, time: Option<EventTime>, key: &str, message: &[u8]) -> anyhow::Result<()> {
        let present = time.map(|time| *self.present.get_or_insert(EventTime(time.0 + self.history.micros())));
        if time > present {
            self.pace.wait(0, time);
        }
        Ok(self.feeder.send(key.as_bytes(), message)?)
    }
}
