//! Browsers that follow the events of a run.

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// So many open streams, read and thrown away; closed when this is dropped.
pub(crate) async fn open(address: &str, count: u32) -> Result<JoinSet<()>> {
    let mut streams = JoinSet::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        streams.spawn(async move {
            let mut events = vec![0; 64 << 10];
            while stream.read(&mut events).await.is_ok_and(|read| read > 0) {}
        });
    }
    Ok(streams)
}
