//! Which detectors and enrichers run: every `.wasm` of the plugin folder that holds what its sidecar and the contract say.
//!
//! The [`Keeper`] watches the folder. What it finds becomes a [`Loaded`] plugin or a reason why not, and all that may run a
//! [`Lineup`], which lanes take over between two batches. A file that cannot run disturbs nothing.

mod audit;
mod canary;
mod columns;
mod examine;
mod folder;
mod health;
mod keeper;
mod last_run;
mod life;
mod lineup;
mod lineups;
mod load;
mod scores;
mod sidecar;
mod trust;
mod versions;

pub use audit::{Audit, AuditLine};
pub(crate) use canary::run as survive_canary;
pub use columns::{Catalogue, ColumnSource};
pub use examine::{Examined, examine};
pub use health::{Condition, Health};
pub use keeper::{Keeper, KeeperConfig};
pub use life::{PluginInfo, State};
pub use lineup::{Lineup, Plugin, Role};
pub use lineups::{LaneReport, Lineups, Swap, WarmUp};
pub use load::{Loaded, Refusal, load_file};
pub(crate) use load::{Model, check_kind, compiler, json_params, log_to, read_component, read_model};
pub use scores::{Scores, Spread};
pub use sidecar::{Mode, PluginInput, PluginKind, Sidecar};
pub use trust::Trust;
pub use versions::Versions;
