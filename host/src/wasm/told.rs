//! What an instance has been told: meters and dictionary entries cross once.

use wattdog_plugin_runtime as runtime;

use super::Names;
use crate::domain::MeterId;
use crate::registry::ColumnSource;

/// Kept for the instance of now; forgets all with the instance.
#[derive(Default)]
pub(super) struct Told {
    /// The life in which a meter was told; 0: never.
    meters: Vec<u32>,
    life: u32,
    /// All meters below this have been told.
    all_below: u32,
    /// Entries told of each input's dictionary.
    entries: Vec<usize>,
}

/// New dictionary entries of one text input.
pub(super) struct Entries<'a> {
    column: u32,
    first_code: u32,
    values: Vec<&'a str>,
}

impl Told {
    pub(super) fn new(inputs: usize) -> Self {
        Self { meters: Vec::new(), life: 1, all_below: 0, entries: vec![0; inputs] }
    }

    /// A fresh instance knows nothing.
    pub(super) fn forget(&mut self) {
        self.life += 1;
        self.all_below = 0;
        self.entries.fill(0);
    }

    /// Those of the meters that the instance has not been told, each once; they count as told from here on.
    pub(super) fn strangers(&mut self, meters: &[MeterId], names: Names<'_>) -> Vec<MeterId> {
        let mut strangers = Vec::new();
        // All but always there is none, and then no reading is to be looked at.
        if self.all_below as usize == names.meters.count() {
            return strangers;
        }
        for &meter in meters {
            let index = meter.0 as usize;
            if self.meters.len() <= index {
                self.meters.resize(index + 1, 0);
            }
            if self.meters[index] != self.life {
                self.meters[index] = self.life;
                strangers.push(meter);
            }
        }
        let told = self.meters[self.all_below as usize..].iter().take_while(|told| **told == self.life).count();
        self.all_below += told as u32;
        strangers
    }

    /// They have not been told after all.
    pub(super) fn untell(&mut self, meters: &[MeterId]) {
        for meter in meters {
            self.meters[meter.0 as usize] = 0;
            self.all_below = self.all_below.min(meter.0);
        }
    }

    /// What the dictionaries have grown by.
    pub(super) fn new_entries<'a>(&self, inputs: &[ColumnSource], names: Names<'a>) -> Vec<Entries<'a>> {
        let mut new = Vec::new();
        for ((source, &known), column) in inputs.iter().zip(&self.entries).zip(0..) {
            let ColumnSource::Enriched(at) = *source else { continue };
            let entries = &names.dictionaries[at];
            if entries.len() > known {
                let values = entries[known..].iter().map(String::as_str).collect();
                new.push(Entries { column, first_code: known as u32, values });
            }
        }
        new
    }

    /// These have been taken.
    pub(super) fn told(&mut self, entries: &[Entries<'_>]) {
        for new in entries {
            self.entries[new.column as usize] = new.first_code as usize + new.values.len();
        }
    }
}

impl Entries<'_> {
    pub(super) fn param(&self) -> runtime::DictionaryAppendParam<'_> {
        runtime::DictionaryAppendParam { column: self.column, first_code: self.first_code, values: &self.values }
    }
}

/// Meters as the contract has them.
pub(super) fn meter_params<'a>(meters: &[MeterId], names: Names<'a>) -> Vec<runtime::Meter<'a>> {
    let param = |&id: &MeterId| {
        let meter = names.meters.meter(id);
        runtime::Meter {
            code: id.0,
            name: &meter.name,
            building: names.meters.building(meter.building),
            floor: meter.floor.as_deref(),
        }
    };
    meters.iter().map(param).collect()
}
