//! What is known about buildings.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One building; what is not known of it is left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Building {
    /// Heated floor area in square metres.
    pub floor_area_m2: Option<f64>,
    /// What it is used for: `office`, `library`, `hall of residence`.
    #[serde(rename = "use")]
    pub purpose: Option<String>,
    /// People that it is made for.
    pub occupancy: Option<f64>,
}

/// Checks what the buildings are said to be.
///
/// # Errors
/// An area that is not above 0, or an occupancy below it; the message names the building.
pub fn check(buildings: &BTreeMap<String, Building>) -> Result<(), String> {
    for (name, building) in buildings {
        if let Some(area) = building.floor_area_m2.filter(|area| *area <= 0.0) {
            return Err(format!("buildings.\"{name}\".floor_area_m2 is {area}, expected a number above 0"));
        }
        if let Some(occupancy) = building.occupancy.filter(|occupancy| *occupancy < 0.0) {
            return Err(format!("buildings.\"{name}\".occupancy is {occupancy}, expected 0 or more"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_figures_are_named() {
        let buildings = |building| BTreeMap::from([("Building A".to_owned(), building)]);
        let area = Building { floor_area_m2: Some(0.0), ..Building::default() };
        assert_eq!(check(&buildings(area)), Err("buildings.\"Building A\".floor_area_m2 is 0, expected a number above 0".into()));
        let occupancy = Building { occupancy: Some(-1.0), ..Building::default() };
        assert_eq!(check(&buildings(occupancy)), Err("buildings.\"Building A\".occupancy is -1, expected 0 or more".into()));
        assert_eq!(check(&buildings(Building::default())), Ok(()));
    }
}
