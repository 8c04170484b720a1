//! Releaser: takes the gated Pod whose turn it is, decides on the freshest copies, sends the patch
//! at its own pace, and reports.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use assessment::{Fault, Reason};
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::gated_pod::PodKey;
use cluster::lease::Leadership;
use cluster::pod_release::{Clash, Verdict, release};
use cluster::pod_writer::PodWriter;
use cluster::writer::{ApplyMode, Failure, Writer, Written};
use guard::GATE;
use kube::Error;
use tokio::task::JoinSet;

use crate::attempts::FIRST_RETRY;
use crate::context::Context;
use crate::gated_pods::{GatedPods, HeldPod, State};
use crate::outcome::{CONFLICT, GONE, Outcomes, Payer, Topic, WINDOW};
use crate::pace::Subject;
use crate::reconciler::until;
use crate::supervisor::{Pulse, join, reap};
use crate::work::{Job, OnDrop, within_permit};

mod reads;
mod report;

use self::reads::Reads;

/// How often it is looked for Pods that wait for long.
const WAITING_INTERVAL: Duration = Duration::from_secs(5);

/// One try of a Pod.
struct Turn<'a> {
    key: &'a PodKey,
    pod: &'a HeldPod,
    took: Duration,
}

/// How far the release of a Pod came.
enum Step {
    Sent(Written, Duration),
    Clash(Clash),
    /// The namespace could not be read.
    Unread(Failure),
}

/// See the module.
pub(crate) struct Releaser {
    context: Context,
    leadership: Leadership,
    writer: PodWriter,
    namespaces: Writer,
    reads: Reads,
}

impl Releaser {
    pub(crate) fn new(context: Context, leadership: Leadership) -> Self {
        let writer = PodWriter(context.client.clone());
        let namespaces = Writer::new(context.client.clone(), ApplyMode::PlanOnly);
        Self { context, leadership, writer, namespaces, reads: Reads::default() }
    }

    /// Releases Pods for as long as this replica leads. Does not return; a job that panics ends it.
    pub(crate) async fn run(self, pulse: Pulse) {
        let this = Arc::new(self);
        let wake = Arc::clone(&this.gated().wake);
        let mut leadership = this.leadership.clone();
        let mut jobs = JoinSet::new();
        loop {
            pulse.beat_while(leadership.gained()).await;
            reap(&mut jobs);
            let wait = match this.next() {
                Ok(job) => {
                    let this = Arc::clone(&this);
                    jobs.spawn(async move { this.work(job).await });
                    continue;
                }
                Err(wait) => wait,
            };
            // The end of a patch wakes this as well: it makes room.
            tokio::select! {
                () = pulse.beat_while(wake.notified()) => {}
                () = until(wait) => {}
                () = join(&mut jobs) => {}
            }
        }
    }

    /// Says to the owners of Pods that wait for long what they wait for. Does not return.
    pub(crate) async fn report_waiting(context: Context, leadership: Leadership, pulse: Pulse) {
        loop {
            pulse.beat();
            tokio::time::sleep(WAITING_INTERVAL).await;
            if !leadership.holds() || !context.readiness.is_complete() {
                continue;
            }
            report_long_waits(&context);
        }
    }

    fn next(&self) -> Result<Job<PodKey>, Option<Instant>> {
        let mut gated = self.gated();
        // Once all is known, every namespace is looked at, and that wakes anyone who waits.
        if gated.is_known() && self.context.readiness.is_complete() {
            gated.work.next(clock::now())
        } else {
            Err(None)
        }
    }

    async fn work(&self, job: Job<PodKey>) {
        let key = job.key.clone();
        let group = Arc::clone(&job.place.group);
        let _back = OnDrop(|| {
            let mut gated = self.gated();
            gated.work.done(&key, &group);
            gated.wake.notify_one();
        });
        let on_hang = || {
            let mut gated = self.gated();
            gated.work.hang(&key, &group);
            gated.wake.notify_one();
        };
        match within_permit(job.permit, self.try_release(&key), on_hang).await {
            Some((pod, Step::Sent(written, took))) => {
                self.settle(&Turn { key: &key, pod: &pod, took }, written);
            }
            Some((pod, Step::Clash(clash))) => self.clash(&key, &pod, clash),
            Some((pod, Step::Unread(failure))) => {
                let took = Duration::ZERO;
                self.fail(&Turn { key: &key, pod: &pod, took }, failure);
            }
            None => {}
        }
    }

    /// Decides, and sends the patch if the freshest copy of the namespace says the same.
    async fn try_release(&self, key: &PodKey) -> Option<(HeldPod, Step)> {
        let (mut pod, mut verdict) = self.decide(key)?;
        if matches!(verdict, Verdict::Release(_)) {
            if let Err(failure) = self.refresh(&key.namespace, pod.taken_in).await {
                return Some((pod, Step::Unread(failure)));
            }
            (pod, verdict) = self.decide(key)?;
        }
        let patch = match verdict {
            Verdict::Release(patch) => patch,
            Verdict::Clash(clash) => return Some((pod, Step::Clash(clash))),
            Verdict::Wait => return None,
        };
        let (written, took) = self.writer.write(&key.namespace, &key.name, patch, GATE).await;
        let name = key.to_string();
        let mut gated = self.gated();
        let placement = gated.placement(&key.namespace);
        let tenant = placement.as_ref().and_then(|placement| placement.tenant.as_deref());
        let subject = Subject { key: &name, tenant: tenant.unwrap_or_default() };
        gated.work.pace.book(clock::now(), subject, &written, took);
        drop(gated);
        Some((pod, Step::Sent(written, took)))
    }

    /// Reads the namespace anew. What the watch knows may be a moment old, and in that moment the
    /// namespace may have been moved to another tenant, or another of its name been made; the patch
    /// of a Pod has no guard against that.
    async fn refresh(&self, namespace: &str, taken_in: Instant) -> Result<(), Failure> {
        self.reads.refresh(namespace, taken_in, self.read(namespace)).await
    }

    async fn read(&self, namespace: &str) -> Result<(), Failure> {
        let (epoch, known) = {
            let shared = self.context.reconciler.shared();
            (shared.store.epoch(), shared.store.namespace(namespace).map(|known| known.uid.clone()))
        };
        match self.namespaces.read(namespace).await {
            Ok(Some(meta)) => {
                self.context
                    .reconciler
                    .shared()
                    .store
                    .update_namespace(CachedNamespace::from_meta(&meta), epoch);
                self.context.reconciler.consider(namespace, true, clock::now());
            }
            Ok(None) => self.context.reconciler.shared().forget(namespace, known.as_deref()),
            Err(error) => return Err(unread(namespace, &error)),
        }
        Ok(())
    }

    /// `None` where the Pod is gone, or where this is not the time to decide; it gets another turn
    /// then.
    fn decide(&self, key: &PodKey) -> Option<(HeldPod, Verdict)> {
        let mut gated = self.gated();
        if !self.leadership.holds() || !self.context.readiness.is_complete() {
            gated.add(key, clock::now());
            return None;
        }
        let pod = gated.pod(key)?.clone();
        let verdict = release(gated.placement(&key.namespace).as_deref(), &pod);
        Some((pod, verdict))
    }

    /// Tells the Pod's owner, once for each new clash, as soon as the budget of Events allows.
    fn clash(&self, key: &PodKey, pod: &HeldPod, clash: Clash) {
        let message = clash.to_string();
        let is_news = self.gated().stand(key, State::Clashing(clash)) || !pod.told;
        if is_news {
            let told = self.outcomes().clashed(key, &pod.uid, &self.payer(key), message);
            let mut gated = self.gated();
            gated.set_told(key, told);
            if !told {
                gated.add(key, clock::now() + WINDOW);
            }
        }
    }

    fn settle(&self, turn: &Turn<'_>, written: Written) {
        let Turn { key, pod, took, .. } = *turn;
        match written {
            Written::Done(_) => {
                self.gated().settle(key, &pod.uid);
                self.outcomes().released(key, took, pod.waited(key, clock::now()));
            }
            Written::Gone => {
                self.outcomes().not_released(key, GONE, took);
                self.gated().settle(key, &pod.uid);
            }
            Written::Conflict(message) => {
                self.outcomes().not_released(key, CONFLICT, took);
                self.come_again(turn, message);
            }
            Written::Dry => {}
            Written::Reverted(_, missing) if missing.iter().any(|one| one == GATE) => {
                self.fail(turn, reverted());
            }
            Written::Reverted(_, missing) => self.report_stripped(turn, &missing),
            Written::Failed(failure) => self.fail(turn, failure),
        }
    }

    /// After a conflict: at once if the watch has brought the newer state already; else it will,
    /// and that is a turn. Conflicts on a state that nobody changes are a refusal.
    fn come_again(&self, turn: &Turn<'_>, message: String) {
        if !self.conflict(turn.key, turn.pod) {
            self.fail(turn, Failure::of_object(Reason::Refused, message));
        }
    }

    /// False where there were too many on the same state.
    fn conflict(&self, key: &PodKey, pod: &HeldPod) -> bool {
        let mut gated = self.gated();
        let now = clock::now();
        let Some(known) = gated.pod_mut(key) else { return true };
        let is_newer = known.version != pod.version;
        // On another state it says nothing about the last one.
        if known.conflicted.as_ref() != Some(&pod.version) {
            known.attempts.forget_conflicts();
        }
        known.conflicted = Some(pod.version.clone());
        let again = known.attempts.conflict(now);
        if !is_newer && known.attempts.are_many_conflicts() {
            return false;
        }
        gated.stand(key, State::Waiting);
        gated.put_off(key, if is_newer { again } else { again.max(now + FIRST_RETRY) });
        true
    }

    /// The Pod is released without what it was to get. Nothing holds it any more, so there is no
    /// second try, and this is reported at once.
    fn report_stripped(&self, Turn { key, pod, took }: &Turn<'_>, missing: &[String]) {
        let payer = self.payer(key);
        self.gated().settle(key, &pod.uid);
        self.outcomes().release_failed(key, &pod.uid, &payer, &stripped(missing), *took);
    }

    fn fail(&self, Turn { key, pod, took }: &Turn<'_>, failure: Failure) {
        let Failure { reason, message, retry_after, .. } = failure;
        if self.put_off(key, &message, retry_after) {
            let payer = self.payer(key);
            let fault = Fault { reason, message };
            self.outcomes().release_failed(key, &pod.uid, &payer, &fault, *took);
        } else {
            self.outcomes().not_released(key, reason.word(), *took);
        }
    }

    /// One more failure of this Pod's; whether it is time to report it.
    fn put_off(&self, key: &PodKey, message: &str, retry_after: Option<Duration>) -> bool {
        let mut gated = self.gated();
        let Some(pod) = gated.pod_mut(key) else { return false };
        let again = pod.attempts.fail(clock::now(), retry_after);
        let is_reported = pod.attempts.are_reported();
        if is_reported {
            gated.stand(key, State::Failing(message.to_owned()));
        }
        gated.put_off(key, again);
        is_reported
    }

    fn gated(&self) -> MutexGuard<'_, GatedPods> {
        self.context.reconciler.gated()
    }

    /// Whose share of Events one about this Pod is taken from.
    fn payer(&self, key: &PodKey) -> Payer {
        self.context.reconciler.shared().store.payer(&key.namespace)
    }

    fn outcomes(&self) -> &Outcomes {
        self.context.reconciler.outcomes()
    }
}

fn reverted() -> Failure {
    let message = format!(
        "the API server accepted the release, but admission put the gate {GATE} back: a mutating webhook or policy does that"
    );
    Failure::of_object(Reason::Reverted, message)
}

fn stripped(missing: &[String]) -> Fault {
    let message = format!(
        "released, but admission took {} away: a mutating webhook or policy does that. The Pod may run outside of its tenant's pool: delete it once that has ended",
        missing.join(", ")
    );
    Fault { reason: Reason::Reverted, message }
}

fn unread(namespace: &str, error: &Error) -> Failure {
    let message = format!("namespace {namespace:?} could not be read before the release: {error}");
    Failure::of_object(Reason::Unreachable, message)
}

/// Says why it waits of each Pod that its namespace keeps waiting for long, once, as far as the
/// budget allows; of those it does not, at the next look.
fn report_long_waits(context: &Context) {
    let outcomes = context.reconciler.outcomes();
    let waiting = context.reconciler.gated().waiting_unreported(clock::now());
    for (key, uid) in waiting {
        let payer = context.reconciler.shared().store.payer(&key.namespace);
        if outcomes.would_afford(Topic::Wait, &payer) {
            let told = outcomes.pod_waits(&key, &uid, &payer, waits_for(context, &key));
            context.reconciler.gated().set_told(&key, told);
        }
    }
}

/// What a Pod waits for, and who can end it.
fn waits_for(context: &Context, key: &PodKey) -> String {
    let shared = context.reconciler.shared();
    let namespace = &key.namespace;
    match shared.progress.trouble(namespace) {
        Some(trouble) => format!(
            "waits until namespace {namespace:?} is ready: {}: {}",
            trouble.reason, trouble.message
        ),
        None if shared.store.namespace(namespace).is_none() => {
            format!("waits until the controller knows namespace {namespace:?}")
        }
        None => format!(
            "waits until namespace {namespace:?} carries its tenant's placement; `landlord explain {namespace}` shows what is missing"
        ),
    }
}
