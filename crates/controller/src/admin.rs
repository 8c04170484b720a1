//! Admin: what the cluster asks of the controller by HTTP – is it alive, is it ready, how is it
//! doing.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use cluster::clock;

use crate::readiness::Readiness;
use crate::reconciler::Reconciler;
use crate::store::Compliance;
use crate::supervisor::Health;

/// What the pages show.
#[derive(Clone)]
pub struct Admin {
    pub readiness: Arc<Readiness>,
    pub reconciler: Arc<Reconciler>,
    pub health: Health,
}

impl Admin {
    /// Serves until `end` comes.
    pub async fn serve(
        self,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let router = Router::new()
            .route("/healthz", get(healthy))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self);
        axum::serve(listener, router).with_graceful_shutdown(end).await
    }

    /// Listens; the address with the port that was given for port 0.
    pub async fn listen(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }
}

/// Whether each task has made a round within its bound.
async fn healthy(State(admin): State<Admin>) -> impl IntoResponse {
    let silent = admin.health.silent(clock::now());
    if silent.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let lines = silent.iter().map(|(name, silence)| {
        format!("task {name:?} has made no round for {} s\n", silence.as_secs())
    });
    (StatusCode::SERVICE_UNAVAILABLE, lines.collect())
}

async fn ready(State(admin): State<Admin>) -> impl IntoResponse {
    match admin.readiness.missing().as_slice() {
        [] => (StatusCode::OK, "ready\n".to_owned()),
        missing => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", missing.join("; ")))
        }
    }
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        measured(&admin.reconciler),
    )
}

/// The metrics, after those are set that are counted on request.
pub(crate) fn measured(reconciler: &Reconciler) -> String {
    let shared = reconciler.shared();
    let metrics = reconciler.outcomes().metrics();
    metrics.set_depths(shared.work.queue.depths(), shared.progress.backing_off(clock::now()));
    metrics.pace.set(i64::try_from(shared.work.pace.limit()).unwrap_or(i64::MAX));
    let states =
        [Compliance::Compliant, Compliance::Pending, Compliance::Conflicted, Compliance::Failed];
    for state in states {
        let standing = shared.store.standings().filter(|(_, _, one)| one.state == state);
        let labels = crate::metrics::State { state: state.word() };
        metrics
            .namespaces
            .get_or_create(&labels)
            .set(i64::try_from(standing.count()).unwrap_or(i64::MAX));
    }
    metrics.set_troubled(shared.store.standings().filter_map(|(_, _, one)| one.reason));
    drop(shared);
    metrics.set_held_pods(reconciler.gated().pods().map(|(_, pod)| pod.state.word()));
    metrics.text()
}

impl Compliance {
    /// A bounded word for metrics and status.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Pending => "pending",
            Self::Conflicted => "conflicted",
            Self::Failed => "failed",
        }
    }
}
