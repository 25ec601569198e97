//! Whatever a message holds, it is a row or a reject, and the batch stays in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wattdog::config::Config;
use wattdog::decode::Decoder;
use wattdog::domain::{Batch, Message, MeterTable};

fuzz_target!(|payload: &[u8]| {
    let mut decoder = Decoder::new(&Config::default().input);
    let (mut batch, mut meters) = (Batch::new(2), MeterTable::default());
    let message = Message { timestamp_ms: 1_764_864_120_000, ..Message::of(payload) };
    let rows = usize::from(decoder.decode(&message, &mut meters, &mut batch).is_ok());
    assert_eq!((batch.len(), batch.meters.len(), batch.event_times_us.len()), (rows, rows, rows));
    assert!(batch.measures.iter().all(|column| column.len() == rows && column.iter().all(|value| value.is_finite())));
});
