//! The plugin `site`: what kind of building is a reading from, and how much is it for each square metre?
//!
//! This file is the contract's side; [`Building`] is what is known.

mod site;

pub use site::{Building, check};

use std::collections::BTreeMap;

use serde::Deserialize;
use wattdog_plugin::{
    Batch, Description, Enriched, Enricher, Error, MISSING, Meter, Model, ParamSpec, ParamType, Plugin, Result, columns,
    export_enricher,
};

const FLOOR_AREA_M2: usize = 0;
const USE: usize = 1;
const OCCUPANCY: usize = 2;
/// The first of the columns `<measure>_per_m2`, one for each input.
const PER_M2: usize = 3;

/// The plugin, configured.
pub struct Plug {
    params: Params,
    known: Known,
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
        Ok(Self { params, known: Known::default() })
    }

    fn description(&self) -> Description {
        self.params.measures.iter().fold(Self::describe(), |description, (measure, unit)| {
            description.input(measure, unit).output(&format!("{measure}_per_m2"), &format!("{unit}/m²"))
        })
    }
}

impl Enricher for Plug {
    fn enrich(&mut self, batch: &Batch<'_>, enriched: &mut Enriched<'_>) -> Result<()> {
        batch.new_meters().for_each(|meter| self.meet(meter, enriched));
        let (Known { floor_areas_m2, purposes, occupancies }, meters) = (&self.known, batch.meters());
        columns::map(enriched.floats(FLOOR_AREA_M2), meters, |code| floor_areas_m2[code as usize]);
        columns::map(enriched.codes(USE), meters, |code| purposes[code as usize]);
        columns::map(enriched.floats(OCCUPANCY), meters, |code| occupancies[code as usize]);
        for measure in 0..self.params.measures.len() {
            let per_m2 = |value, code| value / floor_areas_m2[code as usize];
            columns::zip(enriched.floats(PER_M2 + measure), batch.floats(measure), meters, per_m2);
        }
        Ok(())
    }
}

/// What is known of each meter's building, by meter code.
#[derive(Default)]
struct Known {
    floor_areas_m2: Vec<f64>,
    purposes: Vec<u32>,
    occupancies: Vec<f64>,
}

impl Plug {
    /// Looks up what is known of a meter's building.
    fn meet(&mut self, meter: &Meter, enriched: &mut Enriched<'_>) {
        let building = self.params.buildings.get(&meter.building).cloned().unwrap_or_default();
        let purpose = building.purpose.map_or(MISSING, |purpose| enriched.intern(USE, &purpose));
        let Known { floor_areas_m2, purposes, occupancies } = &mut self.known;
        set(floor_areas_m2, meter.code, building.floor_area_m2.unwrap_or(f64::NAN), f64::NAN);
        set(purposes, meter.code, purpose, MISSING);
        set(occupancies, meter.code, building.occupancy.unwrap_or(f64::NAN), f64::NAN);
    }
}

/// Sets the value of a code; codes below it that are not met yet are unknown.
fn set<T: Copy>(values: &mut Vec<T>, code: u32, value: T, unknown: T) {
    let index = code as usize;
    if values.len() <= index {
        values.resize(index + 1, unknown);
    }
    values[index] = value;
}

export_enricher!(Plug);
