//! Server: HTTPS, a limit of workers, and an end in order.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use tokio::sync::Semaphore;

use super::metrics::Metrics;
use super::policies::ServedPolicy;
use super::review;

/// An AdmissionReview holds the object twice; the API server takes objects of up to 3 MiB.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// How long requests that are being worked on may take once the server is asked to end.
const GRACE: Duration = Duration::from_secs(5);

/// How to serve.
pub struct ServeOptions {
    /// Where to listen; port 0 is any free port.
    pub address: SocketAddr,
    /// Certificate chain and key, both PEM.
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
    /// How many requests are evaluated at a time; the others wait.
    pub workers: usize,
}

/// A server that listens.
pub struct Server {
    address: SocketAddr,
    listener: TcpListener,
    tls: RustlsConfig,
    router: Router,
}

/// A server that cannot listen, or stopped listening.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the certificate or its key cannot be used: {0}")]
    Certificate(std::io::Error),
    #[error("the server ended: {0}")]
    Ended(std::io::Error),
}

struct Shared {
    policies: BTreeMap<String, Arc<ServedPolicy>>,
    workers: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Listens; requests are answered once it runs.
    pub async fn listen(
        policies: BTreeMap<String, ServedPolicy>,
        options: ServeOptions,
    ) -> Result<Self, ServeError> {
        // A user may have chosen a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = RustlsConfig::from_pem(options.certificate, options.key)
            .await
            .map_err(ServeError::Certificate)?;
        let fault = |source| ServeError::Listen { address: options.address, source };
        let listener = TcpListener::bind(options.address).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let policies =
            policies.into_iter().map(|(name, policy)| (name, Arc::new(policy))).collect();
        let shared = Shared {
            policies,
            workers: Arc::new(Semaphore::new(options.workers)),
            metrics: Metrics::new(),
        };
        Ok(Self { address, listener, tls, router: router(Arc::new(shared)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end` comes; then takes no new connections and finishes what it has begun.
    pub async fn run(self, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let handle = Handle::new();
        let server = from_tcp_rustls(self.listener, self.tls).map_err(ServeError::Ended)?;
        let serving = server.handle(handle.clone()).serve(self.router.into_make_service());
        tokio::pin!(serving);
        tokio::select! {
            outcome = &mut serving => outcome.map_err(ServeError::Ended),
            () = end => {
                handle.graceful_shutdown(Some(GRACE));
                serving.await.map_err(ServeError::Ended)
            }
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/validate/{policy}", post(validate))
        .route("/readiness", get(|| async { "ready\n" }))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(shared)
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        shared.metrics.render(),
    )
}

async fn validate(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let Some(policy) = shared.policies.get(&name).cloned() else {
        return (StatusCode::NOT_FOUND, format!("no policy {name:?} is served here\n"))
            .into_response();
    };
    let request = match review::request(&body) {
        Ok(request) => request,
        Err(words) => return (StatusCode::BAD_REQUEST, words).into_response(),
    };
    let began = Instant::now();
    // The semaphore is never closed. The permit goes with the work, which goes on where the API
    // server has lost patience.
    let permit = Arc::clone(&shared.workers).acquire_owned().await;
    let evaluate = move || {
        let _permit = permit;
        policy.evaluate(&request)
    };
    let verdict = tokio::task::spawn_blocking(evaluate).await;
    match verdict {
        Ok(verdict) => {
            shared.metrics.record(&name, &verdict, began.elapsed());
            Json(review::answer(verdict)).into_response()
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("the evaluation failed: {error}\n"))
                .into_response()
        }
    }
}
