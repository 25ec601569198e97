//! Events of the file system, where it gives any.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// Wakes the keeper early; without it, it looks from time to time.
pub(super) struct Wakeups {
    events: Receiver<notify::Result<notify::Event>>,
    _watcher: Option<RecommendedWatcher>,
}

impl Wakeups {
    pub(super) fn of(dir: &Path) -> Self {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender).and_then(|mut watcher| {
            watcher.watch(dir, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            tracing::warn!(dir = %dir.display(), %error, "no events from the plugin folder; it is looked at from time to time");
        }
        Self { events, _watcher: watcher.ok() }
    }

    /// True when something in the folder has changed, apart from being read.
    pub(super) fn wait(&self, longest: Duration) -> bool {
        match self.events.recv_timeout(longest) {
            Ok(first) => {
                std::iter::once(first).chain(self.events.try_iter()).any(|event| event.is_ok_and(|e| !e.kind.is_access()))
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(longest);
                false
            }
        }
    }
}
