//! Attacks by answers to alerts.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Siege;
use crate::feeder::Feeder;
use crate::servers::{World, eventually};

/// Answers each request with status 500 and zeros for as long as they are taken; counts what it could send.
fn endless(listener: TcpListener) -> Arc<AtomicU64> {
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4 << 10];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 3000000000\r\n\r\n");
            while stream.write_all(&[b'0'; 1 << 16]).is_ok() {
                count.fetch_add(1 << 16, Ordering::Relaxed);
            }
        }
    });
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_read_at_its_beginning() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut world = World::with_plugins("endless_answer", &["kmeans"]);
    world.configure(&format!("[alerts.webhook]\nurl = \"http://{}/hook\"\n", listener.local_addr().unwrap()));
    let sent = endless(listener);
    let siege = Siege::begin(world).await;
    let feeder = Feeder::new(&siege.world, "none");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let reading = format!("{{\"timestamp\":{now},\"building\":\"Lab\",\"floor\":4,\"electricity\":9000.0,\"water\":300.0}}");
    feeder.send_lines([reading]);
    let said = "the receiver answers 500 Internal Server Error";
    eventually("the answer is told", async || siege.world.log().contains(said).then_some(())).await;
    let after = sent.load(Ordering::Relaxed);
    assert!(after < 1 << 30, "{after} bytes of answers were taken");
    siege.end("7", "a webhook answers 500 with 3 GB", 600.0).await;
}
