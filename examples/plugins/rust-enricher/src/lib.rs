//! An enricher to copy: says of each reading which tariff it falls under, and what it costs.
//!
//! Detectors read the new columns under this plugin's name, as `day-night-tariff.cost`.

use serde::Deserialize;
use wattdog_plugin::{Batch, Description, Enriched, Enricher, Error, Model, ParamSpec, ParamType, Plugin, Result, export_enricher};

const ELECTRICITY: usize = 0;
const TARIFF: usize = 0;
const COST: usize = 1;
const US_PER_HOUR: f64 = 3.6e9;
const HOURS_OF_DAY: f64 = 24.0;

/// The plugin, configured. It keeps nothing about a meter.
pub struct DayNightTariff {
    settings: Settings,
}

/// The parameters, by the names that `describe` gives them.
#[derive(Deserialize)]
pub struct Settings {
    day_begins: f64,
    night_begins: f64,
    day_price: f64,
    night_price: f64,
}

impl Plugin for DayNightTariff {
    type Params = Settings;

    fn describe() -> Description {
        let hour = |name, text, hour: f64| {
            ParamSpec::new(name, ParamType::Float, text).unit("h").default_value(hour).at_least(0.0).at_most(HOURS_OF_DAY)
        };
        let price = |name, text, price: f64| {
            ParamSpec::new(name, ParamType::Float, text).unit("EUR/kWh").default_value(price).at_least(0.0)
        };
        Description::new("day-night-tariff", env!("CARGO_PKG_VERSION"), "Adds the tariff of each reading, and what it costs.")
            .optional_input("electricity", "kWh")
            .text_output("tariff")
            .output("cost", "EUR")
            .param(hour("day_begins", "From this hour on, UTC, the day tariff holds.", 6.0))
            .param(hour("night_begins", "From this hour on, UTC, the night tariff holds.", 22.0))
            .param(price("day_price", "By day a kilowatt-hour costs so much.", 0.30))
            .param(price("night_price", "By night a kilowatt-hour costs so much.", 0.22))
    }

    fn configure(settings: Settings, _: Model<'_>) -> Result<Self> {
        let Settings { day_begins, night_begins, .. } = settings;
        if day_begins >= night_begins {
            let message = format!("`day_begins` is {day_begins} and `night_begins` {night_begins}: the day comes first");
            return Err(Error::InvalidConfig(message));
        }
        Ok(Self { settings })
    }
}

impl Enricher for DayNightTariff {
    fn enrich(&mut self, batch: &Batch<'_>, enriched: &mut Enriched<'_>) -> Result<()> {
        let Settings { day_begins, night_begins, day_price, night_price } = self.settings;
        for (row, &time_us) in batch.event_times_us().iter().enumerate() {
            let hour = (time_us as f64 / US_PER_HOUR).rem_euclid(HOURS_OF_DAY);
            let is_day = (day_begins..night_begins).contains(&hour);
            let (tariff, price) = if is_day { ("day", day_price) } else { ("night", night_price) };
            // A text crosses to the host once; rows have its code.
            enriched.codes(TARIFF)[row] = enriched.intern(TARIFF, tariff);
            // What a missing reading costs is missing too: NaN.
            enriched.floats(COST)[row] = batch.floats(ELECTRICITY)[row] * price;
        }
        Ok(())
    }
}

export_enricher!(DayNightTariff);
