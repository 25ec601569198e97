//! What an author of plugins needs: a folder to begin with, and the same questions that a host would ask.
//!
//! A component is driven here as a lane drives it, through [`wattdog_plugin_runtime::Instance`], but without a host around it.

mod answers;
pub mod bench;
pub mod cases;
pub mod check;
mod component;
mod driver;
pub mod inspect;
mod readings;
mod rows;
mod template;

pub use component::{Component, Setup};
pub use driver::{Answer, Driver, States};
pub use readings::{Reading, made_up, read_readings};
pub use rows::Rows;
pub use template::{Lang, PluginName, Scaffold, TemplateKind};
