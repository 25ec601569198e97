//! The plugin `calendar`: what does the calendar on the wall say when a reading is taken?
//!
//! This file is the contract's side; [`Calendar`] knows the rest.

mod calendar;

pub use calendar::{Calendar, CalendarError, Stretch};

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use wattdog_plugin::{
    Batch, Description, Enriched, Enricher, Error, MISSING, Model, ParamSpec, ParamType, Plugin, Result, columns, export_enricher,
};

const LOCAL_HOUR: usize = 0;
const DAY_OF_WEEK: usize = 1;
const HOLIDAY: usize = 2;
const HOLIDAY_NAME: usize = 3;
const PERIOD: usize = 4;

/// The plugin, configured.
pub struct Plug {
    calendar: Calendar,
    recent: Recent,
}

/// The parameters.
#[derive(Deserialize)]
pub struct Params {
    time_zone: String,
    holidays: BTreeMap<String, String>,
    terms: BTreeMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    from: String,
    to: String,
}

impl Plugin for Plug {
    type Params = Params;

    fn describe() -> Description {
        let table = |name, text| ParamSpec::new(name, ParamType::Table, text).default_value(serde_json::json!({}));
        Description::new("calendar", env!("CARGO_PKG_VERSION"), "Adds local hour, day of week, holiday and term.")
            .param(ParamSpec::new("time_zone", ParamType::Text, "IANA name of the meters' time zone.").default_value("UTC"))
            .param(table("holidays", "Holidays by date, such as 2026-12-25 = \"Christmas Day\"."))
            .param(table("terms", "Terms by name, each { from = \"2026-10-06\", to = \"2026-12-04\" }, both days included."))
            .output("local_hour", "h")
            .output("day_of_week", "")
            .output("holiday", "")
            .text_output("holiday_name")
            .text_output("period")
    }

    fn configure(params: Params, _model: Model<'_>) -> Result<Self> {
        let terms = params.terms.into_iter().map(|(name, term)| (name, (term.from, term.to))).collect();
        let calendar = Calendar::new(&params.time_zone, &params.holidays, &terms);
        let calendar = calendar.map_err(|error| Error::InvalidConfig(error.to_string()))?;
        Ok(Self { calendar, recent: Recent::default() })
    }
}

impl Enricher for Plug {
    fn enrich(&mut self, batch: &Batch<'_>, enriched: &mut Enriched<'_>) -> Result<()> {
        // Rows that follow one another are nearly always of one hour, so columns are filled run by run.
        let times = batch.event_times_us();
        let mut start = 0;
        while start < times.len() {
            let known = self.recent.find(times[start], || Known::new(&self.calendar, times[start], enriched));
            let length = columns::run_length(&times[start..], |time| known.instants_us.contains(&time));
            // An instant of which nothing is known is a run of its own.
            let run = start..start + length.max(1);
            columns::fill(&mut enriched.floats(LOCAL_HOUR)[run.clone()], known.local_hour);
            columns::fill(&mut enriched.floats(DAY_OF_WEEK)[run.clone()], known.day_of_week);
            columns::fill(&mut enriched.floats(HOLIDAY)[run.clone()], known.holiday);
            columns::fill(&mut enriched.codes(HOLIDAY_NAME)[run.clone()], known.holiday_name);
            columns::fill(&mut enriched.codes(PERIOD)[run.clone()], known.period);
            start = run.end;
        }
        Ok(())
    }
}

/// What the calendar says in a stretch of time, as the columns want it.
#[derive(Clone)]
struct Known {
    instants_us: Range<i64>,
    local_hour: f64,
    day_of_week: f64,
    holiday: f64,
    holiday_name: u32,
    period: u32,
}

impl Known {
    fn nothing() -> Self {
        let missing = f64::NAN;
        Self {
            instants_us: 0..0,
            local_hour: missing,
            day_of_week: missing,
            holiday: missing,
            holiday_name: MISSING,
            period: MISSING,
        }
    }

    fn new(calendar: &Calendar, instant_us: i64, enriched: &mut Enriched<'_>) -> Self {
        let Some(said) = calendar.at(instant_us) else { return Self::nothing() };
        let name = said.holiday.filter(|name| !name.is_empty());
        let period = said.in_term.map(|in_term| if in_term { "term" } else { "vacation" });
        Self {
            instants_us: said.instants_us,
            local_hour: said.local_hour.into(),
            day_of_week: said.day_of_week.into(),
            holiday: if said.holiday.is_some() { 1.0 } else { 0.0 },
            holiday_name: name.map_or(MISSING, |name| enriched.intern(HOLIDAY_NAME, name)),
            period: period.map_or(MISSING, |period| enriched.intern(PERIOD, period)),
        }
    }
}

/// The stretches that were asked for last. Meters tell nearly the same time, and one that resends its day is a few hours off.
struct Recent {
    slots: [Known; Self::SLOTS],
}

impl Recent {
    /// Two days and a half, when each slot holds an hour.
    const SLOTS: usize = 64;
    const HOUR_US: i64 = 3_600_000_000;

    fn find(&mut self, instant_us: i64, ask: impl FnOnce() -> Known) -> Known {
        let slot = &mut self.slots[instant_us.div_euclid(Self::HOUR_US).rem_euclid(Self::SLOTS as i64) as usize];
        if !slot.instants_us.contains(&instant_us) {
            *slot = ask();
        }
        slot.clone()
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self { slots: std::array::from_fn(|_| Known::nothing()) }
    }
}

export_enricher!(Plug);
