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

use crate::metrics::Metrics;
use crate::outcome::Outcomes;
use crate::readiness::Readiness;
use crate::snapshot::{Compliance, Figures, Snapshots};
use crate::supervisor::Health;

/// What the pages show.
#[derive(Clone)]
pub struct Admin {
    pub readiness: Arc<Readiness>,
    pub snapshots: Arc<Snapshots>,
    pub outcomes: Arc<Outcomes>,
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
    let metrics = admin.outcomes.metrics();
    (
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        measured(metrics, &admin.snapshots.figures()),
    )
}

/// The metrics, after those are set that are counted on request.
pub(crate) fn measured(metrics: &Metrics, figures: &Figures) -> String {
    show(metrics, figures);
    metrics.render()
}

fn show(metrics: &Metrics, figures: &Figures) {
    metrics.set_depths(figures.depths, figures.backing_off);
    metrics.set_pace(figures.pace);
    for state in Compliance::ALL {
        metrics.set_namespaces(state.word(), figures.totals.count(state));
    }
    metrics.set_troubled(&figures.reasons);
    metrics.set_held_pods(figures.held_by_state);
    if let Some(summary) = &figures.audit {
        metrics.show_audit(summary);
    }
}
