//! What an author of plugins needs: a folder to begin with, and the same questions that a host would ask.
//!
//! A component is driven here as a lane drives it, through [`wattdog_plugin_runtime::Instance`], but without a host around it.

mod template;

pub use template::{Lang, PluginName, Scaffold, TemplateKind};
