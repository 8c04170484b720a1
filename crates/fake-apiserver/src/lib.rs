//! An API server in memory: what a controller sees of one, for tests that need a stopped clock, a
//! fault at a certain moment, or more namespaces than a real server holds on a small machine. What
//! it answers is what a real one answers: growing versions, pages with tokens that expire, watches
//! with bookmarks and 410, conflicts, uid checks, dry runs, 429. It has no schemas and no
//! managedFields but for the bytes that they take: what depends on those is tested on the real one (the crate `local-cluster`).
//!
//! ```text
//! kube::Client ──tower──┐
//!                       ├─▶ faults ─▶ target (path) ─▶ read: list · watch    ─▶ store (objects, changes, revision)
//! HTTP (another process)┘                            ▶ write: create · patch …
//! ```
//!
//! Faults: admission that denies, reverts, strips or delays patches, by names and for a time
//! ([`AdmissionRule`]); patches and lists that are refused, answers that are lost or late, watches
//! that break off or are deaf ([`Faults`]); objects that change between two requests
//! ([`Faults::interfere`], [`InMemory::recreate`]); kinds that go and come back
//! ([`InMemory::withdraw`]); an etcd that is restored ([`InMemory::restore`]).

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Request, Response};
use kube::Client;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

mod admission;
mod answer;
mod connection;
mod faults;
mod read;
mod size;
mod store;
mod target;
mod watching;
mod write;

pub use self::admission::{Admission, AdmissionRule};
pub use self::connection::Connection;
pub use self::faults::{Faults, Try};
pub use self::store::{ADMISSION, Commit, Kind, Snapshot};

use self::answer::Refusal;
use self::store::State;
use self::target::{Target, Verb};

/// How late an answer is that watches overtake.
const LATE_BY: Duration = Duration::from_millis(100);
/// How long an answer to a GET waits for the next change of its object at most.
const LATEST: Duration = Duration::from_secs(5);
/// How long API servers are down for a restore of etcd.
const RESTART: Duration = Duration::from_secs(2);
/// Bytes of a request that are read at most, as a real server's limit.
const MAX_BODY_BYTES: usize = 3 << 20;

/// See the module. Clones are the same server.
#[derive(Clone)]
pub struct InMemory {
    state: Arc<Mutex<State>>,
    faults: Arc<Mutex<Faults>>,
    /// The newest revision: watches wait for it.
    revision: Arc<watch::Sender<u64>>,
    /// How often watches were broken off.
    breaks: Arc<watch::Sender<u64>>,
}

impl Default for InMemory {
    fn default() -> Self {
        let (revision, breaks) = (watch::Sender::new(0), watch::Sender::new(0));
        Self {
            state: Arc::default(),
            faults: Arc::default(),
            revision: Arc::new(revision),
            breaks: Arc::new(breaks),
        }
    }
}

impl InMemory {
    /// A client of this server in this process.
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let server = server.clone();
            async move { server.answer_client(request).await }
        });
        Client::new(service, "default")
    }

    /// Answers by HTTP on this address for as long as it is awaited.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let service = axum::Router::new().fallback(move |request: Request<Body>| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer_http(request).await) }
        });
        axum::serve(listener, service).await
    }

    /// An answer within this process; an error where the server is down.
    async fn answer_client(
        &self,
        request: Request<kube::client::Body>,
    ) -> std::io::Result<Response<Body>> {
        if self.faults().is_down() {
            return Err(std::io::ErrorKind::ConnectionRefused.into());
        }
        let (head, body) = request.into_parts();
        let bytes = body.collect_bytes().await.map_err(std::io::Error::other)?;
        Ok(self.answer(Request::from_parts(head, bytes.to_vec())).await)
    }

    async fn answer_http(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match to_bytes(body, MAX_BODY_BYTES).await {
            Ok(bytes) => self.answer(Request::from_parts(head, bytes.to_vec())).await,
            Err(error) => {
                Refusal::bad_request(format!("the body cannot be read: {error}")).response()
            }
        }
    }

    async fn answer(&self, request: Request<Vec<u8>>) -> Response<Body> {
        let target = self.state().target(&request);
        let target = match target {
            Ok(target) => target,
            Err(refusal) => return refusal.response(),
        };
        let (latency, refusal) = self.faults().meet(&target);
        if latency > Duration::ZERO {
            tokio::time::sleep(latency).await;
        }
        if let Some(refusal) = refusal {
            return refusal.response();
        }
        let answered = match target.verb {
            Verb::Watch => self.watch(target),
            Verb::Get => self.get(&target).await,
            Verb::List | Verb::Discover => self.state().read(&target),
            Verb::Patch => self.patch(&target, request.body()).await,
            _ => self.write(&target, request.body()),
        };
        answered.unwrap_or_else(Refusal::response)
    }

    /// A patch, with whatever goes wrong before and after it.
    async fn patch(&self, target: &Target, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let meddle = self.faults().meddle();
        if let Some(meddle) = meddle {
            meddle(self, &target.name);
        }
        let admission = self.faults().admission(target);
        if let Some(Admission::HangChange(pointer)) = &admission
            && self.state().is_changed(target, body, pointer)?
        {
            std::future::pending::<()>().await;
        }
        let answer = match admission {
            Some(admission) => self.state().patch_admitted(target, body, &admission),
            None => self.write(target, body),
        };
        self.announce();
        let meddle = self.faults().meddle_after();
        if let Some(meddle) = meddle {
            meddle(self, &target.name);
            tokio::time::sleep(LATE_BY).await;
        }
        let lost = self.faults().lose_answer();
        if lost {
            std::future::pending::<()>().await;
        }
        answer
    }

    /// An answer to a GET, with whatever goes wrong before it arrives.
    async fn get(&self, target: &Target) -> Result<Response<Body>, Refusal> {
        let answer = self.state().read(target);
        if target.plural != "namespaces" {
            return answer;
        }
        let meddle = self.faults().meddle_after_read();
        if let Some(meddle) = meddle {
            meddle(self, &target.name);
            tokio::time::sleep(LATE_BY).await;
        }
        if self.faults().read_late() {
            let _ = tokio::time::timeout(LATEST, self.next_change(target)).await;
            tokio::time::sleep(LATE_BY).await;
        }
        answer
    }

    /// Waits until the object is another.
    async fn next_change(&self, target: &Target) {
        let mut revision = self.revision.subscribe();
        let before = self.state().found(target).ok();
        while self.state().found(target).ok() == before {
            if revision.changed().await.is_err() {
                return;
            }
        }
    }

    fn write(&self, target: &Target, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let answer = self.state().write_as(target.who.clone(), target, body);
        self.announce();
        answer
    }

    /// Wakes the watches.
    fn announce(&self) {
        let revision = self.state().revision;
        self.revision.send_replace(revision);
    }

    /// What goes wrong from now on.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a kind beside those that are there from the beginning.
    pub fn define(&self, kind: Kind) {
        self.state().define(kind);
    }

    /// Takes a kind away, and with it its objects.
    pub fn undefine(&self, kind: &str) {
        self.state().undefine(kind);
        self.break_watches();
    }

    /// Takes a kind away the way that deleting its CustomResourceDefinition does: its objects are
    /// deleted one by one, which watches report, and then it is not served. Returns the kind, for
    /// [`Self::define`], and its objects, for [`Self::put`].
    pub fn withdraw(&self, kind: &str) -> Option<(Kind, Vec<Arc<Value>>)> {
        let withdrawn = self.state().withdraw(kind);
        // That ends the watches of it, after the deletions.
        self.announce();
        withdrawn
    }

    /// Whether a kind is served.
    pub fn serves(&self, kind: &str) -> bool {
        self.state().kinds().any(|one| one.kind == kind)
    }

    /// Deletes an object and creates another of its name, between two requests of anybody else.
    pub fn recreate(&self, object: Value) -> Result<(), String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let outcome = {
            let mut state = self.state();
            state.remove_by_name(&kind, &name);
            state.put(object).map_err(|refusal| refusal.message)
        };
        self.announce();
        outcome
    }

    /// Everything that is stored, for [`Self::restore`].
    pub fn snapshot(&self) -> Snapshot {
        self.state().snapshot()
    }

    /// Puts the store back to a snapshot, as a restored etcd and API servers that are restarted
    /// for it: objects and versions are those of then, watches break off, nobody is answered for a
    /// moment, and who comes again with a version from before the snapshot gets 410, with a later
    /// one nothing until the versions have grown past it.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.state().restore(snapshot);
        self.faults().go_down(RESTART);
        self.break_watches();
        self.announce();
    }

    /// Creates an object or replaces it, as another client would.
    pub fn put(&self, object: Value) -> Result<(), String> {
        let outcome = self.state().put(object).map_err(|refusal| refusal.message);
        self.announce();
        outcome
    }

    /// Removes an object, as another client would; whether it was there.
    pub fn remove(&self, kind: &str, name: &str) -> bool {
        let removed = self.state().remove_by_name(kind, name);
        self.announce();
        removed
    }

    /// An object as it is now.
    pub fn object(&self, kind: &str, name: &str) -> Option<Arc<Value>> {
        self.state().object_by_name(kind, name)
    }

    /// All objects of a kind, in order of their names.
    pub fn objects(&self, kind: &str) -> Vec<Arc<Value>> {
        self.state().objects(kind)
    }

    /// From now on, every change is recorded.
    pub fn record(&self) {
        self.state().record = Some(Vec::new());
    }

    /// The changes that were recorded since this was asked last, in their order.
    pub fn recorded(&self) -> Vec<Commit> {
        self.state().record.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Ends every watch that is open; clients have to come again.
    pub fn break_watches(&self) {
        self.breaks.send_modify(|count| *count += 1);
    }

    /// Forgets all changes so far: who wants to watch from before now gets 410.
    pub fn compact(&self) {
        self.state().compact();
    }
}
