//! Keeper: keeps the guard in the cluster as it is rendered for the settings in force, in the form
//! that the API server can have. All replicas watch it, the leader writes.

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
use tokio::time::MissedTickBehavior;

use crate::context::Signals;
use crate::outcome::Outcomes;
use crate::supervisor::Pulse;
use crate::watch::Following;
use cluster::admission_policies::kinds::{api, served_kinds};
use cluster::clock::{self, ANSWER_TIMEOUT};
use cluster::error::message;
use cluster::lease::Leadership;
use guard::difference::{Change, Id, Known, News};
use guard::form::{Form, Served};
use guard::{Guard, PROBE_NAMESPACE};

use self::form::{Discovery, FORM_INTERVAL, Upcoming};
use crate::readiness::{GUARD, Readiness};

mod form;
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
    pub readiness: Arc<Readiness>,
    pub settings: channel::Receiver<Option<Arc<Settings>>>,
    /// The ClusterAdmissionPolicy's name, whose webhook may judge namespaces.
    pub policy: String,
    pub orders: Orders,
}

/// What it takes to see the guard.
const NEEDS: &str = "ClusterRole landlord:guard";

/// An event of one kind; an error, and whether the kind is not served.
struct Sighting {
    kind: usize,
    event: Result<Event<DynamicObject>, String>,
    is_not_served: bool,
}

/// What is known of the guard in one form.
struct Picture {
    discovery: Discovery,
    kinds: Vec<&'static str>,
    known: Known,
    pause: Pause,
    proof: Proof,
    is_reported: bool,
}

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
        let mut discovery = self.find_form(&pulse).await;
        loop {
            discovery = self.keep(discovery, &pulse).await;
        }
    }

    /// Keeps it for as long as the API server serves the same kinds; what it serves then.
    async fn keep(&mut self, discovery: Discovery, pulse: &Pulse) -> Discovery {
        let served = discovery.served;
        let mut picture = Picture::new(discovery);
        self.outcomes.metrics().set_guard_form(Some(discovery.form));
        let kinds = picture.kinds.iter().enumerate();
        let mut sightings =
            stream::select_all(kinds.map(|(kind, name)| self.follow(kind, name, served, pulse)));
        let mut upcoming = Upcoming::default();
        let mut looks = tokio::time::interval(CHECK_INTERVAL);
        let mut asks = tokio::time::interval(FORM_INTERVAL);
        asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        asks.reset();
        loop {
            pulse.beat();
            tokio::select! {
                Some(sighting) = sightings.next() => {
                    if picture.take(sighting) {
                        asks.reset_immediately();
                    }
                }
                _ = looks.tick() => {}
                _ = asks.tick() => {
                    if let Some(next) = self.look_again(&mut upcoming, picture.discovery).await {
                        if next.served != served {
                            return next;
                        }
                        picture.change(next);
                        self.outcomes.metrics().set_guard_form(Some(next.form));
                    }
                }
            }
            let settings = self.settings.borrow_and_update().clone();
            if let Some(settings) = settings.filter(|_| picture.pause.is_over()) {
                self.check_parts(&mut picture, &settings).await;
            }
        }
    }

    /// Another discovery to go by. While nothing answers, the last one holds.
    async fn look_again(&self, upcoming: &mut Upcoming, before: Discovery) -> Option<Discovery> {
        match self.discover().await {
            Ok(now) => upcoming.see(before, now),
            Err(why) => {
                tracing::debug!(why, "the form of the guard stays");
                None
            }
        }
    }

    /// Compares, and writes what differs.
    async fn check_parts(&self, picture: &mut Picture, settings: &Settings) {
        if !picture.known.is_listed() {
            return;
        }
        let mut guard = Guard { place: self.orders.place, ..Guard::new(settings) };
        guard.on_unready = self.orders.on_unready.unwrap_or(guard.on_unready);
        guard.form = picture.discovery.form;
        let mut changes = picture.known.compare(&guard.objects());
        if self.leadership.holds() && !std::mem::replace(&mut picture.is_reported, true) {
            self.report_form(&picture.discovery);
        }
        if changes.is_empty() || !self.leadership.holds() {
            self.readiness.pass(GUARD);
            return;
        }
        let goes_last = |change: &Change| picture.discovery.goes_last(change);
        if changes.iter().any(goes_last) && !self.may_go(picture, settings).await {
            changes.retain(|change| !picture.discovery.goes_last(change));
            if changes.is_empty() {
                self.readiness.pass(GUARD);
                return;
            }
        }
        picture.pause.begin();
        for change in changes {
            if !self.leadership.holds() {
                return;
            }
            let answer = self.write(picture.discovery.served, &change).await;
            match self.settle(&mut picture.known, &change, answer).await {
                Settled::Done | Settled::Forbidden => {}
                Settled::Failed => return,
            }
        }
    }

    /// Whether what takes over has been in force for long enough, so that what judged before it may
    /// go.
    async fn may_go(&self, picture: &mut Picture, settings: &Settings) -> bool {
        match picture.discovery.form {
            Form::Mutating(_) => self.prove(&mut picture.proof, settings).await,
            // The webhook, since it was seen.
            Form::BesideWebhook => picture.proof.lasts(),
            Form::Validating => true,
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
        proof.lasts()
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
    async fn write(&self, served: Served, change: &Change) -> Result<Option<DynamicObject>, Error> {
        let api = api(&self.client, served, &change.id.kind);
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
                let what = format!("{} {}", change.id.kind, change.id.name);
                self.readiness
                    .fail(GUARD, format!("{what} cannot be written: {}", message(&error)));
                let forbidden = matches!(&error, Error::Api(status) if status.code == 403);
                return if forbidden { Settled::Forbidden } else { Settled::Failed };
            }
        }
        Settled::Done
    }

    fn follow(
        &self,
        kind: usize,
        name: &'static str,
        served: Served,
        pulse: &Pulse,
    ) -> BoxStream<'static, Sighting> {
        let api = api(&self.client, served, name);
        let following = Following::new(api, Config::default(), name, &self.signals, pulse.clone())
            .needing(NEEDS);
        stream::unfold(following, move |mut following| async move {
            let event = following.next().await;
            let is_not_served = event.is_err() && following.is_not_served();
            Some((Sighting { kind, event, is_not_served }, following))
        })
        .boxed()
    }
}

/// The object as the comparison reads it.
fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

impl Discovery {
    /// Whether it takes away what judges users' requests, which is to be done once something else
    /// does.
    fn goes_last(&self, change: &Change) -> bool {
        match self.form {
            Form::Mutating(_) => change.retires_older_form(),
            Form::BesideWebhook => change.news.is_removal(),
            Form::Validating => false,
        }
    }
}

impl Picture {
    fn new(discovery: Discovery) -> Self {
        let kinds = served_kinds(discovery.served);
        let known = Known::new(kinds.len());
        let (pause, proof) = (Pause::default(), Proof::default());
        Self { discovery, kinds, known, pause, proof, is_reported: false }
    }

    /// Another form of the same kinds.
    fn change(&mut self, discovery: Discovery) {
        self.discovery = discovery;
        self.proof = Proof::default();
        self.is_reported = false;
    }

    /// Takes in what the watch of one kind has seen. Whether that kind is not served any more.
    fn take(&mut self, Sighting { kind, event, is_not_served }: Sighting) -> bool {
        let word = self.kinds.get(kind).copied().unwrap_or_default();
        let id = |object: &DynamicObject| Id::new(word, &object.name_any());
        match event {
            Ok(Event::Init) => self.known.begin_list(kind),
            Ok(Event::InitApply(object)) => self.known.list(kind, id(&object), value(&object)),
            Ok(Event::InitDone) => self.known.end_list(kind, word),
            Ok(Event::Apply(object)) => self.known.put(id(&object), value(&object)),
            Ok(Event::Delete(object)) => self.known.remove(&id(&object)),
            // The log has it; what was read once stays known.
            Err(_) => {}
        }
        is_not_served
    }
}

impl Proof {
    /// Whether it has held for long enough, from the first time that this is asked on.
    fn lasts(&mut self) -> bool {
        let since = *self.since.get_or_insert_with(clock::now);
        clock::now().saturating_duration_since(since) >= PROOF_PERIOD
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
    use std::collections::{BTreeMap, BTreeSet};
    use std::convert::Infallible;
    use std::sync::Mutex;

    use http::{Request, Response};
    use kube::client::Body;
    use rstest::rstest;

    use super::*;
    use crate::metrics::Metrics;
    use crate::readiness::{NAMESPACES, SETTINGS, TENANTS};
    use crate::supervisor::Supervisor;

    type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

    /// The answer to a path: code and body.
    type Answer = fn(&str) -> (u16, Value);

    fn failure(code: u16) -> (u16, Value) {
        (
            code,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "not for you"}),
        )
    }

    /// An API server that answers so, and the paths that it was asked for.
    fn answering(
        answer: impl Fn(&str) -> (u16, Value) + Clone + Send + 'static,
    ) -> (Client, Asked) {
        let asked = Asked::default();
        let seen = Arc::clone(&asked);
        let service = tower::service_fn(move |request: Request<Body>| {
            let path = request.uri().path().to_owned();
            *seen.lock().expect("counts").entry(path.clone()).or_default() += 1;
            let (code, body) = answer(&path);
            let answer =
                Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            async { Ok::<_, Infallible>(answer.expect("an answer")) }
        });
        (Client::new(service, "default"), asked)
    }

    /// The paths that a keeper asks for within ten minutes, how often, and why it is not ready.
    async fn keep(
        answer: impl Fn(&str) -> (u16, Value) + Clone + Send + 'static,
    ) -> (BTreeMap<String, usize>, Vec<String>, String) {
        let (client, asked) = answering(answer);
        let settings = Settings::from_value(&json!({})).expect("settings");
        let (_sender, settings) = channel::channel(Some(Arc::new(settings)));
        let readiness = Arc::new(Readiness::default());
        for part in [NAMESPACES, TENANTS, SETTINGS] {
            readiness.reach(part);
        }
        let outcomes = Arc::new(Outcomes::new(Arc::new(Metrics::default()), None));
        let keeper = Keeper {
            client,
            outcomes: Arc::clone(&outcomes),
            signals: Arc::default(),
            leadership: Leadership::forever(),
            readiness: Arc::clone(&readiness),
            settings,
            policy: "landlord".to_owned(),
            orders: Orders { on_unready: None, place: false },
        };
        let mut supervisor = Supervisor::default();
        supervisor.spawn("guard", Duration::from_secs(600), |pulse| keeper.run(pulse));
        tokio::time::sleep(Duration::from_secs(600)).await;
        let asked = asked.lock().expect("counts").clone();
        (asked, readiness.missing(), outcomes.metrics().render())
    }

    /// Where the API server has no admission policies, or does not let the controller read them, it
    /// is asked ever more rarely, before the first list as well, and the replica is not ready.
    #[rstest]
    #[case(403, 1)]
    #[case(404, 2)]
    #[case(500, 1)]
    #[tokio::test(start_paused = true)]
    async fn a_guard_that_cannot_be_read_is_asked_for_ever_more_rarely(
        #[case] code: u16,
        #[case] paths: usize,
    ) {
        let (asked, missing, _) = keep(move |_| failure(code)).await;
        assert_eq!(asked.len(), paths, "{asked:?}");
        assert!(asked.values().all(|times| (2..20).contains(times)), "{asked:?}");
        assert!(missing.iter().any(|why| why.starts_with("guard: ")), "{missing:?}");
    }

    fn kinds(kinds: &[&str]) -> (u16, Value) {
        let resource = |kind: &&str| json!({"name": kind.to_lowercase(), "singularName": "", "namespaced": false, "kind": kind, "verbs": ["list"]});
        let resources: Vec<Value> = kinds.iter().map(resource).collect();
        (
            200,
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "x", "resources": resources}),
        )
    }

    /// Only kinds that are served are asked for, and no version but theirs.
    #[rstest]
    #[case::validating(|path: &str| match path {
        "/apis/admissionregistration.k8s.io/v1" => kinds(&["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
        "/apis/admissionregistration.k8s.io/v1beta1" => kinds(&["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"]),
        path if path.ends_with("/mutatingwebhookconfigurations") => (200, json!({"metadata": {}, "items": []})),
        _ => failure(500),
    }, "validating", &["v1/validatingadmissionpolicies", "v1/validatingadmissionpolicybindings", "v1/mutatingwebhookconfigurations"])]
    #[case::beta(|path: &str| match path {
        "/apis/admissionregistration.k8s.io/v1" => kinds(&["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
        "/apis/admissionregistration.k8s.io/v1beta1" => kinds(&["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
        _ => failure(500),
    }, "mutating-v1beta1", &["v1/validatingadmissionpolicies", "v1/validatingadmissionpolicybindings",
                             "v1beta1/mutatingadmissionpolicies", "v1beta1/mutatingadmissionpolicybindings"])]
    #[tokio::test(start_paused = true)]
    async fn only_what_is_served_is_watched(
        #[case] answer: Answer,
        #[case] form: &str,
        #[case] expected: &[&str],
    ) {
        let (asked, _, metrics) = keep(answer).await;
        let group = "/apis/admissionregistration.k8s.io/";
        let listed = asked.keys().filter_map(|path| path.strip_prefix(group));
        let listed: BTreeSet<&str> = listed.filter(|path| path.contains('/')).collect();
        assert_eq!(listed, expected.iter().copied().collect());
        assert!(asked.values().all(|times| (2..80).contains(times)), "{asked:?}");
        assert!(
            metrics.contains(&format!("landlord_guard_form{{form=\"{form}\"}} 1")),
            "{metrics}"
        );
    }
}
