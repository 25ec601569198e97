//! The same answers, whatever stands beside a row in its batch.

use std::collections::VecDeque;

use super::Verdict;
use super::subject::{LARGEST_BATCH, Subject, failed};
use crate::kit::driver::lines_in_batches;
use crate::kit::rows::Rows;

const LENGTHS: [usize; 3] = [1, 7, 64];
const CUTS_REMEDY: &str = "an answer must not depend on where a batch ends: keep nothing but in a meter's state";
const ORDER_REMEDY: &str = "an answer must not depend on other meters' rows: keep nothing but in a meter's state";

pub(super) fn cuts(subject: &Subject) -> Verdict {
    for length in LENGTHS {
        let how = format!("in batches of {length}");
        let lines = lines_in_batches(&subject.setup, &subject.rows, length).map_err(|fault| failed(&how, &fault))?;
        subject.same(&subject.all(), &lines, &how, CUTS_REMEDY)?;
    }
    Ok(format!("the same to the bit in batches of 1, 7, 64 and {}", LARGEST_BATCH.min(subject.rows.count())))
}

pub(super) fn interleaving(subject: &Subject) -> Verdict {
    for (how, order) in [("with rows meter by meter", by_meter(subject)), ("with rows of meters in turn", in_turn(subject))] {
        let rows = Rows::new(order.iter().map(|&reading| &subject.readings[reading]), &subject.description.inputs);
        let lines = lines_in_batches(&subject.setup, &rows, LARGEST_BATCH).map_err(|fault| failed(how, &fault))?;
        subject.same(&order, &lines, how, ORDER_REMEDY)?;
    }
    Ok("the same to the bit with rows as they came, meter by meter, and in turn".into())
}

fn by_meter(subject: &Subject) -> Vec<usize> {
    let mut order = subject.all();
    order.sort_by_key(|&reading| std::cmp::Reverse(subject.rows.meters[reading]));
    order
}

/// One reading of each meter, then the next of each.
fn in_turn(subject: &Subject) -> Vec<usize> {
    let mut queues = vec![VecDeque::new(); subject.rows.meter_count()];
    subject.all().into_iter().for_each(|reading| queues[subject.rows.meters[reading] as usize].push_back(reading));
    let mut order = Vec::with_capacity(subject.rows.count());
    while order.len() < subject.rows.count() {
        order.extend(queues.iter_mut().rev().filter_map(VecDeque::pop_front));
    }
    order
}
