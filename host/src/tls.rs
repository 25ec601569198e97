//! The cryptography of those TLS clients that take the process's own.

/// Chooses it, once for the process; call before such a client is made.
pub(crate) fn prepare() {
    // An error: it is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
