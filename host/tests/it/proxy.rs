//! Stands before a server and makes the way to it bad: slow, cut, or silent.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a slow way takes for each piece.
const SLOW: Duration = Duration::from_millis(150);

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Good,
    Slow,
    /// Connections end in the middle, and new ones are not taken.
    Cut,
    /// Connections are taken, and nothing is answered.
    Silent,
}

/// Takes connections until it is dropped.
pub(crate) struct Proxy {
    /// `host:port`, to be used instead of the server's.
    pub(crate) address: String,
    way: Arc<AtomicU8>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    pub(crate) fn before(server: &str) -> Self {
        Self::at("127.0.0.1:0", server)
    }

    pub(crate) fn at(address: &str, server: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (way, ended) = (Arc::new(AtomicU8::new(Way::Good as u8)), Arc::new(AtomicBool::new(false)));
        let (server, this_way, has_ended) = (server.to_owned(), Arc::clone(&way), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if has_ended.load(Ordering::Relaxed) {
                    return;
                }
                if this_way.load(Ordering::Relaxed) == Way::Cut as u8 {
                    continue;
                }
                // The server itself may be away.
                let Ok(server) = TcpStream::connect(&server) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let way = Arc::clone(&this_way);
                    thread::spawn(move || pass(from, to, &way));
                }
            }
        });
        Self { address, way, ended, thread: Some(thread) }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.store(way as u8, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    /// Its address is free afterwards.
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // It waits for a connection.
        if TcpStream::connect(&self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// What comes while it is silent is lost, and the connection with it.
fn pass(mut from: TcpStream, mut to: TcpStream, way: &AtomicU8) {
    let mut buffer = [0; 16_384];
    let mut lost = false;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let way = way.load(Ordering::Relaxed);
        if way == Way::Cut as u8 {
            break;
        }
        if way == Way::Slow as u8 {
            thread::sleep(SLOW);
        }
        lost |= way == Way::Silent as u8;
        if !lost && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
