//! What a sink's store says of itself, for whoever asks how the host is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Since when, and why, a store does not answer; nothing while it does.
#[derive(Clone, Default)]
pub struct Standing(Arc<Mutex<Option<(Instant, String)>>>);

impl Standing {
    /// For how long the store has been away, and its last words.
    #[must_use]
    pub fn away(&self) -> Option<(Duration, String)> {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        standing.as_ref().map(|(since, reason)| (since.elapsed(), reason.clone()))
    }

    pub(super) fn set_away(&self, since: Instant, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((since, reason.to_owned()));
    }

    pub(super) fn set_there(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
