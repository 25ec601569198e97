//! Folders to begin a plugin with: the examples of this repository under another name, with all that they need.

mod files;
mod manifest;
mod name;
mod readme;
mod rename;
mod scaffold;

pub use name::PluginName;
pub use scaffold::Scaffold;

use files::Embedded;

/// A language that there is a template for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// The smallest and fastest components.
    Rust,
    /// An interpreter comes along: 18 MB.
    Python,
    /// An engine comes along: 12 MB.
    #[value(alias = "js")]
    Javascript,
}

impl Lang {
    /// As it is written.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Javascript => "JavaScript",
        }
    }
}

/// What the plugin is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TemplateKind {
    /// Judges rows.
    Detector,
    /// Adds columns that detectors can read.
    Enricher,
}

/// An example of this repository.
struct Template {
    /// Files for both kinds, and files for this one.
    files: [&'static [Embedded]; 2],
    /// What it is called: as a plugin, and as a type.
    name: &'static str,
    type_name: &'static str,
    /// The file with the rule.
    rule: &'static str,
}

impl Template {
    fn of(lang: Lang, kind: TemplateKind) -> Self {
        let (files, name, type_name, rule) = match (lang, kind) {
            (Lang::Rust, TemplateKind::Detector) => ([&[], files::RUST], "stuck-meter", "StuckMeter", "src/lib.rs"),
            (Lang::Rust, TemplateKind::Enricher) => {
                ([&[], files::RUST_ENRICHER], "day-night-tariff", "DayNightTariff", "src/lib.rs")
            }
            (Lang::Python, TemplateKind::Detector) => {
                ([files::PYTHON, files::PYTHON_DETECTOR], "hour-of-week", "HourOfWeek", "detector.py")
            }
            (Lang::Python, TemplateKind::Enricher) => {
                ([files::PYTHON, files::PYTHON_ENRICHER], "working-hours", "WorkingHours", "enricher.py")
            }
            (Lang::Javascript, TemplateKind::Detector) => {
                ([files::JAVASCRIPT, files::JAVASCRIPT_DETECTOR], "night-waste", "NightWaste", "detector.js")
            }
            (Lang::Javascript, TemplateKind::Enricher) => {
                ([files::JAVASCRIPT, files::JAVASCRIPT_ENRICHER], "heating-season", "HeatingSeason", "enricher.js")
            }
        };
        Self { files, name, type_name, rule }
    }
}
