//! Stands before a server and can fall silent: connections are taken, and nothing is answered.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Lives as long as the process.
pub(crate) struct Proxy {
    /// `host:port`, to be used instead of the server's.
    pub(crate) address: String,
    silent: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let silent = Arc::new(AtomicBool::new(false));
        let (server, silence) = (server.to_owned(), Arc::clone(&silent));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let silence = Arc::clone(&silence);
                    thread::spawn(move || pass(from, to, &silence));
                }
            }
        });
        Self { address, silent }
    }

    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(crate) fn speak(&self) {
        self.silent.store(false, Ordering::Relaxed);
    }
}

/// What comes while it is silent is lost, and the connection with it.
fn pass(mut from: TcpStream, mut to: TcpStream, silent: &AtomicBool) {
    let mut buffer = [0; 16_384];
    let mut lost = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        lost |= silent.load(Ordering::Relaxed);
        if !lost && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
