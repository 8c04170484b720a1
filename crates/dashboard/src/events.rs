//! Events: when what the page shows has changed. Nobody watching costs nothing; anyone who watches
//! gets two notices a second at most, and asks then for what it shows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{FutureExt, Stream, StreamExt, stream};
use tokio::sync::{Notify, Semaphore, watch};

use super::problem::Problem;
use super::{Dashboard, ended};

/// How often it is looked whether something changed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// So that nobody between takes a quiet stream for a dead one.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// Streams at a time.
const MAX_STREAMS: usize = 64;

/// See the module.
pub(super) struct Pulse {
    revision: watch::Sender<u64>,
    viewer: Notify,
    places: Arc<Semaphore>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            revision: watch::Sender::new(0),
            viewer: Notify::new(),
            places: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }
}

/// What changes with everything that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signature {
    snapshots: u64,
    journal: u64,
    written: u64,
    failures: u64,
    queue: usize,
    held: Option<usize>,
    samples: u64,
    leads: bool,
    ready: bool,
}

/// Looks for as long as a user watches. Does not return.
pub(super) async fn beat(dashboard: Arc<Dashboard>) {
    let (pulse, mut last) = (&dashboard.pulse, Signature::default());
    loop {
        if pulse.revision.receiver_count() == 0 {
            pulse.viewer.notified().await;
        }
        let now = dashboard.signature();
        if now != last {
            last = now;
            pulse.revision.send_modify(|revision| *revision += 1);
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

impl Dashboard {
    fn signature(&self) -> Signature {
        let (samples, leads, ready) =
            (self.history().count(), self.leads(), self.subject.readiness.is_complete());
        let journal = self.subject.journal.count();
        let figures = self.subject.snapshots.figures();
        Signature {
            snapshots: figures.revision,
            journal,
            written: figures.written,
            failures: figures.failures,
            queue: figures.queued,
            held: figures.held_pods,
            samples,
            leads,
            ready,
        }
    }
}

/// The stream of changes: `event: change` with `data: {"revision": N}`, the first at once.
pub(super) async fn stream(
    State(dashboard): State<Arc<Dashboard>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&dashboard.pulse.places).try_acquire_owned();
    let place = place.map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{MAX_STREAMS} others are watching: close some of their pages"),
        )
    })?;
    let receiver = dashboard.pulse.revision.subscribe();
    dashboard.pulse.viewer.notify_one();
    let first = stream::once(std::future::ready(event(*receiver.borrow())));
    let later = stream::unfold((receiver, place), |(mut receiver, place)| async move {
        receiver.changed().await.ok()?;
        let revision = *receiver.borrow_and_update();
        Some((event(revision), (receiver, place)))
    });
    let events = first.chain(later).take_until(ended(dashboard.end.clone()).boxed());
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

fn event(revision: u64) -> Result<Event, Infallible> {
    Ok(Event::default().event("change").data(format!("{{\"revision\":{revision}}}")))
}
