//! Clients that nobody waits for.

/// Ends a client on a thread of its own: one whose broker went away, or whose group does not answer, may take minutes.
pub(super) fn let_go(client: impl Send + 'static) {
    // Without a thread it ends here.
    let _ = std::thread::Builder::new().name("client-end".into()).spawn(move || drop(client));
}
