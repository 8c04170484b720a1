//! Connection: a client by name, whose line can be cut or held. What was sent over a held line
//! arrives when it is open again, even if nobody waits for the answer any more: that is how the
//! last words of a frozen process come late.

use std::sync::Arc;

use axum::body::Body;
use futures::StreamExt;
use http::{Request, Response};
use kube::Client;
use tokio::sync::watch;

use super::InMemory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open,
    Held,
    Cut,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(super) struct Who(pub(super) Arc<str>);

/// See the module. When it is dropped, nothing is heard of this client any more.
pub struct Connection(watch::Sender<Line>);

impl Connection {
    /// Nothing comes through.
    pub fn hold(&self) {
        self.0.send_replace(Line::Held);
    }

    /// What was held comes through, and all that follows.
    pub fn open(&self) {
        self.0.send_replace(Line::Open);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.send_replace(Line::Cut);
    }
}

impl InMemory {
    /// A client whose writes are recorded under this name.
    pub fn connect(&self, who: &str) -> (Client, Connection) {
        let (sender, line) = watch::channel(Line::Open);
        let (server, who) = (self.clone(), Who(who.into()));
        let service = tower::service_fn(move |mut request: Request<kube::client::Body>| {
            request.extensions_mut().insert(who.clone());
            // A task of its own: what is sent cannot be taken back.
            let sent = tokio::spawn(send(server.clone(), line.clone(), request));
            async move { sent.await.map_err(std::io::Error::other)? }
        });
        (Client::new(service, "default"), Connection(sender))
    }
}

async fn send(
    server: InMemory,
    mut line: watch::Receiver<Line>,
    request: Request<kube::client::Body>,
) -> std::io::Result<Response<Body>> {
    until_open(&mut line).await;
    let answer = server.answer_client(request).await?;
    until_open(&mut line).await;
    let held = move |chunk| (chunk, line.clone());
    Ok(answer.map(|body| {
        Body::from_stream(body.into_data_stream().map(held).then(|(chunk, mut line)| async move {
            until_open(&mut line).await;
            chunk
        }))
    }))
}

/// A line that is cut is never open again.
async fn until_open(line: &mut watch::Receiver<Line>) {
    if line.wait_for(|line| *line == Line::Open).await.is_err() {
        std::future::pending::<()>().await;
    }
}
