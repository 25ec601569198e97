//! `[alerts]`

use serde::{Deserialize, Serialize};

use super::{email, webhook};
use crate::config::Span;
use crate::results::Severity;

/// Whom to tell of what. Nobody is told where neither `[alerts.webhook]` nor `[alerts.email]` is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// From this severity on.
    pub severity: Severity,
    /// For so long nothing more is told of a building and a detector, unless it is worse; then how many findings there were.
    pub quiet: Span,
    /// Findings that were made longer ago are not told: a new receiver hears nothing of last year.
    pub max_age: Span,
    /// Longest wait for an answer. Then the receiver counts as away, and is asked again.
    pub timeout: Span,
    /// Where people find the page; a message links to the building there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// `[alerts.webhook]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<webhook::Config>,
    /// `[alerts.email]`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<email::Config>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            severity: Severity::Anomaly,
            quiet: Span::from_secs(3_600),
            max_age: Span::from_secs(86_400),
            timeout: crate::sink::DEFAULT_TIMEOUT,
            page: None,
            webhook: None,
            email: None,
        }
    }
}

impl Config {
    /// Whether it can be used.
    ///
    /// # Errors
    /// Naming the key that cannot.
    pub fn validate(&self) -> Result<(), String> {
        if self.timeout.micros() <= 0 {
            return Err("`alerts.timeout` must be longer than nothing".into());
        }
        self.webhook.as_ref().map_or(Ok(()), webhook::Config::validate)?;
        self.email.as_ref().map_or(Ok(()), email::Config::validate)
    }
}
