//! Web: the dashboard – a page, the read-only API that it asks, and events that say when to ask
//! again. Off unless a user wants it, and for this machine alone unless a user says otherwise.
//!
//! ```text
//! browser ─▶ assets (embedded)                      snapshots, journal ─▶ view (JSON) ─▶ /api/v1/…
//!         ─▶ access ─▶ routes ─▶ view            recorder ─▶ history ─┘
//!         ◀─ events ◀─ pulse (looks only while a user watches)
//! ```
//!
//! Everything shown is what the controller knows anyway. Only a tenant's Pods, the strategy, what
//! protects Pods and unknown tokens are asked of the API server, when a user looks, and not more
//! often than once in a while.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::watch::Receiver;

use cluster::lease::Leadership;
use controller::outcome::journal::Journal;
use controller::readiness::Readiness;
use controller::snapshot::Snapshots;

mod access;
mod assets;
mod events;
mod history;
mod openapi;
mod pods;
mod problem;
mod protection;
mod route;
mod routes;
mod strategies;
mod view;

pub use self::access::Access;
use self::access::Gatekeeper;
use self::events::Pulse;
use self::history::History;
use self::pods::PodDesk;
use self::protection::ProtectionDesk;
use self::strategies::StrategyDesk;

/// Where the dashboard listens, and for whom.
pub struct Door {
    listener: TcpListener,
    pub address: SocketAddr,
    access: Access,
}

impl Door {
    /// Listens at this address. Without a choice of who may come in, it is open on a loopback
    /// address and asks for a token on any other.
    pub async fn listen(address: SocketAddr, access: Option<Access>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let access =
            access.unwrap_or(if address.ip().is_loopback() { Access::Open } else { Access::Token });
        if access == Access::Open && !address.ip().is_loopback() {
            tracing::warn!(%address, "the dashboard names tenants and namespaces to every client that reaches this address");
        }
        Ok(Self { listener, address, access })
    }
}

/// What the dashboard is about.
pub struct Subject {
    pub client: Client,
    pub snapshots: Arc<Snapshots>,
    pub readiness: Arc<Readiness>,
    pub leadership: Leadership,
    pub journal: Arc<Journal>,
    /// The ClusterAdmissionPolicy's name.
    pub policy: String,
    /// Of the strategy's record.
    pub namespace: String,
}

/// See the module.
pub struct Dashboard {
    subject: Subject,
    gatekeeper: Gatekeeper,
    history: Mutex<History>,
    pulse: Pulse,
    pods: PodDesk,
    strategies: StrategyDesk,
    protections: ProtectionDesk,
    /// Anyone who sorts and filters: one at a time, so that the rest of the program has a
    /// processor.
    reader: Semaphore,
    /// Streams of events end by it.
    end: Receiver<bool>,
}

impl Dashboard {
    /// What has to run, by name; all of it ends some time after `end` comes.
    pub fn tasks(
        door: Door,
        subject: Subject,
        end: Receiver<bool>,
    ) -> [(&'static str, BoxFuture<'static, ()>); 3] {
        let Door { listener, access, .. } = door;
        let gatekeeper = Gatekeeper::new(access, subject.client.clone());
        let dashboard = Arc::new(Self {
            subject,
            gatekeeper,
            history: Mutex::default(),
            pulse: Pulse::default(),
            pods: PodDesk::default(),
            strategies: StrategyDesk::default(),
            protections: ProtectionDesk::default(),
            reader: Semaphore::new(1),
            end: end.clone(),
        });
        let record = history::record(Arc::clone(&dashboard)).boxed();
        let beat = events::beat(Arc::clone(&dashboard)).boxed();
        let serve = axum::serve(listener, router(dashboard)).with_graceful_shutdown(ended(end));
        let pages = async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the dashboard has ended");
            }
        };
        [("dashboard", pages.boxed()), ("dashboard-history", record), ("dashboard-events", beat)]
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an answer of what may be many rows, beside the threads that the controller works on.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        view: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        // It is never closed.
        let _place = self.reader.acquire().await;
        let this = Arc::clone(self);
        match tokio::task::spawn_blocking(move || view(&this)).await {
            Ok(answer) => answer,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn leads(&self) -> bool {
        self.subject.leadership.holds()
    }
}

fn router(dashboard: Arc<Dashboard>) -> Router {
    let api = routes::router(&dashboard).fallback(|| async { problem::Problem::nothing_here() });
    let api = api.layer(from_fn_with_state(Arc::clone(&dashboard), access::admit));
    let router = Router::new()
        .nest("/api", api)
        .fallback(assets::serve)
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED });
    router.layer(from_fn_with_state(dashboard, access::judge_host)).layer(from_fn(assets::protect))
}

async fn ended(mut end: Receiver<bool>) {
    // A sender that is gone is an end as well.
    let _ = end.wait_for(|ended| *ended).await;
}
