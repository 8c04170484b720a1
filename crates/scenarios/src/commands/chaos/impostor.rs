//! Impostor: sits on the policy server's port with its certificate, and answers nonsense.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use local_cluster::Cluster;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// See the module. It ends with its handle.
pub(super) struct Impostor {
    handle: Handle<SocketAddr>,
    serving: JoinHandle<()>,
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

impl Impostor {
    /// Leaves the port free, and no connection behind that the API server might use again.
    pub(super) async fn end(mut self) {
        self.handle.shutdown();
        // However it ended.
        drop((&mut self.serving).await);
    }

    /// Takes the place of a policy server that is down.
    pub(super) async fn start(cluster: &Cluster, url: &str) -> Result<Self> {
        // A user may have chosen a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let read = |name: &str| std::fs::read(cluster.file(name));
        let tls =
            RustlsConfig::from_pem(read("policy-server.crt")?, read("policy-server.key")?).await?;
        let address: SocketAddr = url
            .strip_prefix("https://")
            .unwrap_or(url)
            .parse()
            .context("the policy server's address")?;
        let listener = TcpListener::bind(address).context("the policy server's port")?;
        listener.set_nonblocking(true)?;
        let turn = Arc::new(AtomicUsize::new(0));
        let answer =
            move |body: Bytes| async move { nonsense(turn.fetch_add(1, Ordering::Relaxed), &body) };
        let handle = Handle::new();
        let server = from_tcp_rustls(listener, tls)?
            .handle(handle.clone())
            .serve(Router::new().fallback(answer).into_make_service());
        Ok(Self { handle, serving: tokio::spawn(async move { drop(server.await) }) })
    }
}

/// Every sort of wrong answer in turn.
fn nonsense(turn: usize, request: &[u8]) -> Response {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let uid = &request["request"]["uid"];
    let review = |response: Value| {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}).to_string()
    };
    let patch =
        |text: &str| json!({"uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": text});
    match turn % 7 {
        0 => (StatusCode::INTERNAL_SERVER_ERROR, "panicked at 'no'".to_owned()).into_response(),
        1 => "<html>it works</html>".into_response(),
        2 => review(json!({"uid": "another-request", "allowed": true})).into_response(),
        3 => review(json!({"uid": uid})).into_response(),
        // Not base64; base64 of what is no patch; a patch of what is not there.
        4 => review(patch("%%%")).into_response(),
        5 => review(patch("e30K")).into_response(),
        _ => review(patch("W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL25vL3doZXJlIn1d")).into_response(),
    }
}
