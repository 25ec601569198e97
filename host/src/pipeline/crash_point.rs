//! Places at which a test may have the process killed, since a clock would seldom hit them.
//!
//! `WATTDOG_CRASH_AT=<place>/<n>` kills the process, as `kill -9` would, when it passes the place for the n-th time. Only builds
//! with debug assertions look.

#[cfg(debug_assertions)]
pub(super) fn pass(place: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let armed = std::env::var("WATTDOG_CRASH_AT").ok()?;
        let (place, passes) = armed.split_once('/')?;
        Some((place.to_owned(), AtomicU64::new(passes.parse().ok()?)))
    });
    if let Some((_, left)) = ARMED.as_ref().filter(|(armed, _)| armed == place)
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // SAFETY: ends this process, which is what was asked for.
        unsafe { libc::raise(libc::SIGKILL) };
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn pass(_: &str) {}
