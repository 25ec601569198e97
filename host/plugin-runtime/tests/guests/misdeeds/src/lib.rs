//! A detector that misbehaves on request: `misdeed` says what it does, and `place` where.
//!
//! What it does before it has any parameter is written into the component itself: a test replaces the bytes of [`AT_ONCE`].

mod deeds;
mod outside;

use std::cell::Cell;

use serde::Deserialize;
use wattdog_plugin::{Batch, Description, Detector, Error, Model, ParamSpec, ParamType, Plugin, Result, Scored, export_detector};

/// What `describe` does, padded with spaces.
#[used]
static AT_ONCE: [u8; 64] = *b"at-once:                                                        ";

/// What it keeps about each meter.
const STATE: &[u8] = b"mine";

/// What it does instead of its duty, and where.
#[derive(Deserialize)]
pub struct Misdeeds {
    misdeed: String,
    place: String,
    /// Batches so far, for what it does the second time only.
    #[serde(skip)]
    batches: Cell<u32>,
}

impl Misdeeds {
    fn act(&self, place: &str) {
        if self.place == place {
            deeds::act(&self.misdeed);
        }
    }
}

impl Plugin for Misdeeds {
    type Params = Self;

    fn describe() -> Description {
        // SAFETY: a static of this module; volatile, since its bytes may be others than the compiler saw.
        let at_once = unsafe { std::ptr::read_volatile(&raw const AT_ONCE) };
        let deed = std::str::from_utf8(&at_once["at-once:".len()..]).unwrap_or_default().trim();
        deeds::act(deed);
        let text = |name: &str, about: &str| ParamSpec::new(name, ParamType::Text, about);
        let description = Description::new("misdeeds", "1.0.0", "Misbehaves on request.")
            .input("electricity", "kWh")
            .number("five", "", "Always five.")
            .param(text("misdeed", "What to do."))
            .param(text("place", "Where to do it.").default_value("score"))
            .state(2, 1);
        deeds::lie(deed, description)
    }

    fn configure(params: Self, _: Model<'_>) -> Result<Self> {
        params.act("configure");
        if params.misdeed == "refuse" && params.place == "configure" {
            return Err(Error::InvalidConfig("no, not like this".into()));
        }
        Ok(params)
    }

    fn description(&self) -> Description {
        let description = Self::describe();
        if self.misdeed == "be another afterwards" { Description { version: "2.0.0".into(), ..description } } else { description }
    }

    fn export_state(&self, _: u32) -> Result<Option<Vec<u8>>> {
        self.act("export-state");
        Ok(match self.misdeed.as_str() {
            "state bomb" => Some(vec![7; 1 << 20]),
            "refuse" if self.place == "export-state" => return Err(Error::Internal("it is mine".into())),
            _ => Some(STATE.to_vec()),
        })
    }

    fn import_state(&mut self, _: u32, _: u32, bytes: &[u8]) -> Result<()> {
        self.act("import-state");
        if bytes != STATE {
            return Err(Error::IncompatibleState(format!("{} bytes that another plugin wrote", bytes.len())));
        }
        Ok(())
    }

    fn forget(&mut self, _: u32) {
        self.act("forget");
    }
}

impl Detector for Misdeeds {
    fn score(&mut self, batch: &Batch<'_>, scored: &mut Scored) -> Result<()> {
        self.batches.set(self.batches.get() + 1);
        scored.scores().iter_mut().zip(batch.floats(0)).for_each(|(score, value)| *score = value.abs());
        self.act("score");
        match self.misdeed.as_str() {
            "panic with the reading" => panic!("the reading {} is more than I can bear", batch.floats(0)[0]),
            "panic on 13" => assert!(!batch.floats(0).contains(&13.0), "unlucky"),
            "score by the place in the batch" => (0u32..).zip(scored.scores()).for_each(|(row, score)| *score = row.into()),
            "refuse" if self.place == "score" => return Err(Error::InvalidInput("I would rather not".into())),
            "count batches" => scored.scores().fill(f64::from(self.batches.get())),
            deed => deeds::answer(deed, scored),
        }
        Ok(())
    }
}

export_detector!(Misdeeds);
