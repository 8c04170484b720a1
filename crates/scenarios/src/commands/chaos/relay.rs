//! Relay: what stands between the controllers and the API server, so that their connections can be
//! slow and can break. It moves bytes and does not know what they mean.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CHUNK: usize = 64 * 1024;

/// See the module. It ends with its handle.
pub(super) struct Relay {
    address: SocketAddr,
    delay_ms: Arc<AtomicU64>,
    /// How often all connections were broken off.
    breaks: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Takes connections on a free port of loopback.
    pub(super) async fn start(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, delay_ms, breaks) =
            (listener.local_addr()?, Arc::new(AtomicU64::new(0)), watch::Sender::new(0));
        let (delay, broken) = (Arc::clone(&delay_ms), breaks.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (delay, mut broken) = (Arc::clone(&delay), broken.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        () = relay(client, target, &delay) => {}
                        _ = broken.changed() => {}
                    }
                });
            }
        });
        Ok(Self { address, delay_ms, breaks, accepting })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection that is open.
    pub(super) fn break_off(&self) {
        self.breaks.send_modify(|count| *count += 1);
    }

    /// Every piece takes so much longer from now on.
    pub(super) fn slow(&self, delay: Duration) {
        self.delay_ms
            .store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
        self.break_off();
    }
}

/// Until one side ends.
async fn relay(client: TcpStream, target: SocketAddr, delay: &AtomicU64) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        _ = pump(from_client, to_server, delay) => {}
        _ = pump(from_server, to_client, delay) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: &AtomicU64,
) -> std::io::Result<()> {
    let mut bytes = vec![0; CHUNK];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        to.write_all(bytes.get(..count).unwrap_or_default()).await?;
    }
}
