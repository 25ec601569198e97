//! The plugin `site`: what kind of building is a reading from, and how much is it for each square metre?
//!
//! This file is the contract's side; [`Building`] is what is known.

mod site;

pub use site::{Building, check};

use std::collections::BTreeMap;

use serde::Deserialize;
use wattdog_plugin::{
    Batch, Description, Enriched, Enricher, Error, MISSING, Model, ParamSpec, ParamType, Plugin, Result, export_enricher,
};

const FLOOR_AREA_M2: usize = 0;
const USE: usize = 1;
const OCCUPANCY: usize = 2;
/// The first of the columns `<measure>_per_m2`, one for each input.
const PER_M2: usize = 3;

/// The plugin, configured.
pub struct Plug {
    params: Params,
    /// For each meter code, what is known of its building; none where the meter has not been met.
    meters: Vec<Option<Known>>,
}

/// The parameters.
#[derive(Deserialize)]
pub struct Params {
    buildings: BTreeMap<String, Building>,
    measures: BTreeMap<String, String>,
}

impl Plugin for Plug {
    type Params = Params;

    fn describe() -> Description {
        let table = |name, text| ParamSpec::new(name, ParamType::Table, text);
        Description::new("site", env!("CARGO_PKG_VERSION"), "Adds a building's area, use and occupancy, and consumption per m².")
            .param(
                table("buildings", "Buildings by name, each { floor_area_m2 = 4200, use = \"office\", occupancy = 180 }.")
                    .default_value(serde_json::json!({})),
            )
            .param(
                table("measures", "Measures to give per square metre, with their units.")
                    .default_value(serde_json::json!({ "electricity": "kWh" })),
            )
            .output("floor_area_m2", "m²")
            .text_output("use")
            .output("occupancy", "persons")
    }

    fn configure(params: Params, _model: Model<'_>) -> Result<Self> {
        check(&params.buildings).map_err(Error::InvalidConfig)?;
        Ok(Self { params, meters: Vec::new() })
    }

    fn description(&self) -> Description {
        self.params.measures.iter().fold(Self::describe(), |description, (measure, unit)| {
            description.input(measure, unit).output(&format!("{measure}_per_m2"), &format!("{unit}/m²"))
        })
    }
}

impl Enricher for Plug {
    fn enrich(&mut self, batch: &Batch<'_>, enriched: &mut Enriched<'_>) -> Result<()> {
        batch.meters().iter().for_each(|&code| self.look_up(batch, code, enriched));
        let known = || batch.meters().iter().map(|&code| self.meters[code as usize].as_ref().expect("looked up just now"));
        let fill = |column: &mut [f64], value: fn(&Known) -> f64| {
            column.iter_mut().zip(known()).for_each(|(cell, known)| *cell = value(known));
        };
        fill(enriched.floats(FLOOR_AREA_M2), |known| known.floor_area_m2);
        fill(enriched.floats(OCCUPANCY), |known| known.occupancy);
        enriched.codes(USE).iter_mut().zip(known()).for_each(|(cell, known)| *cell = known.purpose);
        for measure in 0..self.params.measures.len() {
            let cells = enriched.floats(PER_M2 + measure).iter_mut().zip(batch.floats(measure)).zip(known());
            cells.for_each(|((cell, value), known)| *cell = value / known.floor_area_m2);
        }
        Ok(())
    }
}

/// What is known of a building, as the columns want it.
#[derive(Clone, Copy)]
struct Known {
    floor_area_m2: f64,
    purpose: u32,
    occupancy: f64,
}

impl Plug {
    /// What is known of a meter's building, looked up by its name once.
    fn look_up(&mut self, batch: &Batch<'_>, code: u32, enriched: &mut Enriched<'_>) {
        let index = code as usize;
        if self.meters.len() <= index {
            self.meters.resize(index + 1, None);
        }
        let buildings = &self.params.buildings;
        self.meters[index].get_or_insert_with(|| {
            let building = buildings.get(&batch.meter(code).building);
            let number = |value: Option<f64>| value.unwrap_or(f64::NAN);
            Known {
                floor_area_m2: number(building.and_then(|building| building.floor_area_m2)),
                purpose: building
                    .and_then(|building| building.purpose.as_deref())
                    .map_or(MISSING, |purpose| enriched.intern(USE, purpose)),
                occupancy: number(building.and_then(|building| building.occupancy)),
            }
        });
    }
}

export_enricher!(Plug);
