//! Keeper: keeps the guard in the cluster as it is rendered for the settings in force. All replicas
//! watch it, the leader writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{Config, Event};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};
use tenancy::settings::{OnUnready, Settings};
use tokio::sync::watch as channel;

use crate::context::Signals;
use crate::outcome::Outcomes;
use crate::supervisor::Pulse;
use crate::watch::Following;
use cluster::admission_policies::kinds::{KINDS, api};
use cluster::clock::{self, ANSWER_TIMEOUT};
use cluster::lease::Leadership;
use guard::difference::{Change, Id, Known, News};
use guard::{Guard, PROBE_NAMESPACE};

mod report;

/// How often the leader looks whether something is left to do.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// The wait after a write. Where two writers undo each other's work again and again, it doubles
/// after so many rounds, so that they do not keep the API server busy.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const QUICK_ROUNDS: u32 = 10;
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// Contention is over after so long without a write.
const QUIET_PERIOD: Duration = Duration::from_secs(120);
/// For so long the newer form of the guard has to answer before the older one goes: another API
/// server may take it up later than the one that answers.
const PROOF_PERIOD: Duration = Duration::from_secs(3);
/// A value of the tenant label that the seal does not let in.
const TRIAL: &str = "landlord-guard-trial";

/// How the guard is to be, where it differs from the settings.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    pub on_unready: Option<OnUnready>,
    pub place: bool,
}

/// See the module.
pub struct Keeper {
    pub client: Client,
    pub outcomes: Arc<Outcomes>,
    pub signals: Arc<Signals>,
    pub leadership: Leadership,
    pub settings: channel::Receiver<Option<Arc<Settings>>>,
    pub orders: Orders,
}

/// What it takes to see the guard.
const NEEDS: &str = "Kubernetes 1.36 and ClusterRole landlord:guard";

type Sighting = (usize, Result<Event<DynamicObject>, String>);

/// What became of one change.
enum Settled {
    Done,
    /// The others may be allowed.
    Forbidden,
    /// There is no point in going on.
    Failed,
}

/// Since when the newer form of the guard answers.
#[derive(Debug, Default)]
struct Proof {
    since: Option<Instant>,
    missed: bool,
}

/// When to write again.
#[derive(Debug, Default)]
struct Pause {
    rounds: u32,
    last: Option<Instant>,
}

impl Keeper {
    /// Keeps the guard. Does not return.
    pub async fn run(mut self, pulse: Pulse) {
        let mut sightings =
            stream::select_all((0..KINDS.len()).map(|kind| self.follow(kind, &pulse)));
        let (mut known, mut pause) = (Known::new(KINDS.len()), Pause::default());
        let mut proof = Proof::default();
        let mut looks = tokio::time::interval(CHECK_INTERVAL);
        loop {
            pulse.beat();
            tokio::select! {
                sighting = sightings.next() => match sighting {
                    Some(sighting) => take(&mut known, sighting),
                    None => return,
                },
                _ = looks.tick() => {}
            }
            let settings = self.settings.borrow_and_update().clone();
            if let Some(settings) = settings.filter(|_| pause.is_over()) {
                self.check_parts(&mut known, &mut pause, &mut proof, &settings).await;
            }
        }
    }

    /// Compares, and writes what differs.
    async fn check_parts(
        &self,
        known: &mut Known,
        pause: &mut Pause,
        proof: &mut Proof,
        settings: &Settings,
    ) {
        let mut guard = Guard { place: self.orders.place, ..Guard::new(settings) };
        guard.on_unready = self.orders.on_unready.unwrap_or(guard.on_unready);
        let mut changes = known.compare(&guard.objects());
        if changes.is_empty() || !self.leadership.holds() {
            return;
        }
        if changes.iter().any(Change::retires_older_form) && !self.prove(proof, settings).await {
            changes.retain(|change| !change.retires_older_form());
            if changes.is_empty() {
                return;
            }
        }
        pause.begin();
        for change in changes {
            if !self.leadership.holds() {
                return;
            }
            let answer = self.write(&change).await;
            match self.settle(known, &change, answer).await {
                Settled::Done | Settled::Forbidden => {}
                Settled::Failed => return,
            }
        }
    }

    /// Whether the newer form of the guard has been enforced for a while. The seal is installed
    /// after the stamp, and the API server takes both up in that order.
    async fn prove(&self, proof: &mut Proof, settings: &Settings) -> bool {
        if !self.is_sealed(settings.tenant_label()).await {
            proof.since = None;
            if !std::mem::replace(&mut proof.missed, true) {
                tracing::info!(
                    namespace = PROBE_NAMESPACE,
                    "the older form of the guard stays until the newer one is enforced there"
                );
            }
            return false;
        }
        let since = *proof.since.get_or_insert_with(clock::now);
        clock::now().saturating_duration_since(since) >= PROOF_PERIOD
    }

    /// Whether an edit of the tenant label, which is not stored, is put back instead of refused.
    async fn is_sealed(&self, label: &str) -> bool {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let params = PatchParams {
            dry_run: true,
            field_manager: Some(tenancy::keys::FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({"metadata": {"labels": {label: TRIAL}}}));
        let answer = namespaces.patch(PROBE_NAMESPACE, &params, &patch);
        clock::within(ANSWER_TIMEOUT, answer).await.is_ok_and(|namespace| {
            namespace.metadata.labels.unwrap_or_default().get(label).is_none_or(|it| it != TRIAL)
        })
    }

    /// Sends one change; `None` is an object that is gone.
    async fn write(&self, change: &Change) -> Result<Option<DynamicObject>, Error> {
        let api = api(&self.client, &change.id.kind);
        let decode = |object: &Value| {
            serde_json::from_value::<DynamicObject>(object.clone()).map_err(Error::SerdeError)
        };
        let params = PostParams {
            field_manager: Some(tenancy::keys::FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let name = &change.id.name;
        match &change.news {
            News::Installed(object) | News::Recreated(object) => {
                let object = decode(object)?;
                clock::within(ANSWER_TIMEOUT, api.create(&params, &object)).await.map(Some)
            }
            News::Updated(object) | News::Repaired(object) => {
                let object = decode(object)?;
                clock::within(ANSWER_TIMEOUT, api.replace(name, &params, &object)).await.map(Some)
            }
            News::Removed => {
                let params = DeleteParams::default();
                clock::within(ANSWER_TIMEOUT, api.delete(name, &params)).await.map(|_| None)
            }
        }
    }

    /// Takes in the answer.
    async fn settle(
        &self,
        known: &mut Known,
        change: &Change,
        answer: Result<Option<DynamicObject>, Error>,
    ) -> Settled {
        match answer {
            Ok(stored) => {
                let uid = stored
                    .as_ref()
                    .and_then(|object| object.metadata.uid.clone())
                    .unwrap_or_default();
                known.written(change, stored.map(|object| value(&object)));
                self.outcomes.guard_written(change, &uid);
            }
            // Another client was faster; the watch brings what they wrote.
            Err(Error::Api(status)) if [404, 409].contains(&status.code) => {
                tracing::debug!(
                    kind = change.id.kind,
                    name = change.id.name,
                    "guard changed meanwhile"
                );
            }
            Err(error) => {
                tracing::warn!(kind = change.id.kind, name = change.id.name, %error, "guard not written, trying again");
                let forbidden = matches!(&error, Error::Api(status) if status.code == 403);
                return if forbidden { Settled::Forbidden } else { Settled::Failed };
            }
        }
        Settled::Done
    }

    fn follow(&self, kind: usize, pulse: &Pulse) -> BoxStream<'static, Sighting> {
        let name = KINDS.get(kind).map_or("", |(name, _)| name);
        let api = api(&self.client, name);
        let following = Following::new(api, Config::default(), name, &self.signals, pulse.clone())
            .needing(NEEDS);
        stream::unfold(following, move |mut following| async move {
            Some(((kind, following.next().await), following))
        })
        .boxed()
    }
}

/// The object as the comparison reads it.
fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Takes in what the watch of one kind has seen.
fn take(known: &mut Known, (kind, event): Sighting) {
    let word = KINDS.get(kind).map_or("", |(name, _)| name);
    match event {
        Ok(Event::Init) => known.begin_list(kind),
        Ok(Event::InitApply(object)) => {
            known.list(kind, Id::new(word, &object.name_any()), value(&object))
        }
        Ok(Event::InitDone) => known.end_list(kind, word),
        Ok(Event::Apply(object)) => known.put(Id::new(word, &object.name_any()), value(&object)),
        Ok(Event::Delete(object)) => known.remove(&Id::new(word, &object.name_any())),
        // The log has it; what was read once stays known.
        Err(_) => {}
    }
}

impl Pause {
    fn is_over(&self) -> bool {
        let further = self.rounds.saturating_sub(QUICK_ROUNDS);
        let pause = clock::backoff(FIRST_PAUSE, further, LAST_PAUSE);
        self.last.is_none_or(|last| clock::now().saturating_duration_since(last) >= pause)
    }

    fn begin(&mut self) {
        let contended = self
            .last
            .is_some_and(|last| clock::now().saturating_duration_since(last) < QUIET_PERIOD);
        self.rounds = if contended { self.rounds.saturating_add(1) } else { 1 };
        self.last = Some(clock::now());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::sync::Mutex;

    use http::{Request, Response};
    use kube::client::Body;
    use rstest::rstest;

    use super::*;
    use crate::metrics::Metrics;
    use crate::supervisor::Supervisor;

    type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

    /// An API server that answers so, whatever it is asked for, and the paths that it was asked
    /// for.
    fn answering(code: u16) -> (Client, Asked) {
        let asked = Asked::default();
        let seen = Arc::clone(&asked);
        let service = tower::service_fn(move |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            *seen.lock().expect("counts").entry(path).or_default() += 1;
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "not for you"});
            let answer =
                Response::builder().status(code).body(Body::from(status.to_string().into_bytes()));
            async { Ok::<_, Infallible>(answer.expect("an answer")) }
        });
        (Client::new(service, "default"), asked)
    }

    /// Where the API server has no admission policies, or does not let the controller read them, it
    /// is asked ever more rarely, before the first list as well.
    #[rstest]
    #[tokio::test(start_paused = true)]
    async fn a_guard_that_cannot_be_read_is_asked_for_ever_more_rarely(
        #[values(403, 404, 500)] code: u16,
    ) {
        let (client, asked) = answering(code);
        let settings = Settings::from_value(&json!({})).expect("settings");
        let (_sender, settings) = channel::channel(Some(Arc::new(settings)));
        let keeper = Keeper {
            client,
            outcomes: Arc::new(Outcomes::new(Arc::new(Metrics::default()), None)),
            signals: Arc::default(),
            leadership: Leadership::forever(),
            settings,
            orders: Orders { on_unready: None, place: false },
        };
        let mut supervisor = Supervisor::default();
        supervisor.spawn("guard", Duration::from_secs(600), |pulse| keeper.run(pulse));
        tokio::time::sleep(Duration::from_secs(600)).await;
        let asked = asked.lock().expect("counts").clone();
        assert_eq!(asked.len(), KINDS.len(), "{asked:?}");
        assert!(asked.values().all(|times| (2..20).contains(times)), "{asked:?}");
    }
}
