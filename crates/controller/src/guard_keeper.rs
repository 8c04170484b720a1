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
use self::pause::Pause;
use crate::readiness::{GUARD, Readiness};

mod form;
mod pause;
mod report;

/// How often the leader looks whether something is left to do.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
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

#[cfg(test)]
mod tests;
