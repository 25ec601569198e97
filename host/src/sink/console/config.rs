//! `[sink.console]`

use serde::{Deserialize, Serialize};

/// There is nothing to set.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
