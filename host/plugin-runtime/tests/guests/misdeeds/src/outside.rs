//! Attempts at what is outside, with the standard library: where the guest is compiled for WASI, it asks the host.

#![allow(clippy::disallowed_methods, reason = "reading the clock is one of the attempts")]

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime};

/// What came of an attempt becomes the text of a panic, so that a test can read it.
pub(crate) fn act(deed: &str) {
    match deed {
        "read a file" => panic!("{:?}", std::fs::read("/etc/passwd").map(|bytes| bytes.len())),
        "write a file" => panic!("{:?}", std::fs::write("here", b"I was")),
        "list a folder" => panic!("{:?}", std::fs::read_dir("/").map(Iterator::count)),
        "call the network" => panic!("{:?}", std::net::TcpStream::connect("127.0.0.1:9092").map(drop)),
        "listen" => panic!("{:?}", std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
        "read the environment" => panic!("{} variables, {} arguments", std::env::vars().count(), std::env::args().count()),
        "ask the time" => panic!("{:?}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)),
        "wait" => panic!("{:?}", pause()),
        "throw dice" => panic!("{:?}", dice()),
        "end the process" => std::process::exit(7),
        "start a thread" => panic!("{:?}", std::thread::Builder::new().spawn(|| ()).map(drop)),
        "print" => {
            let _ = writeln!(std::io::stdout(), "to the standard output");
            let _ = writeln!(std::io::stderr(), "to the standard error");
        }
        _ => {}
    }
}

fn pause() -> Duration {
    let started = Instant::now();
    std::thread::sleep(Duration::from_millis(200));
    started.elapsed()
}

/// The seed of a hash map is the host's.
fn dice() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(1)
}
