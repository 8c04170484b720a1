//! Releaser: takes the Pod whose turn it is, decides on the freshest copies, sends the patch at its own pace, and reports.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::{Clash, HeldPod, PodKey, State, Terms, Verdict, release};
use crate::outcome::{Outcomes, WINDOW};
use crate::reconciler::{FIRST_RETRY, QUICK_CONFLICTS, Shared, backoff, until};
use crate::watch::Watch;
use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::lease::Leadership;
use cluster::pod_writer::PodWriter;
use cluster::writer::{ApplyMode, Failure, Writer, Written};

/// See the module.
pub struct Releaser {
    watch: Watch,
    leadership: Leadership,
    writer: PodWriter,
    namespaces: Writer,
}

impl Releaser {
    pub fn new(watch: Watch, leadership: Leadership) -> Self {
        let (writer, namespaces) = (PodWriter(watch.client.clone()), Writer::new(watch.client.clone(), ApplyMode::PlanOnly));
        Self { watch, leadership, writer, namespaces }
    }

    /// Follows Pods, and works for as long as this replica leads. Does not return; without `wanted` it does nothing.
    pub async fn run(self, wanted: bool) {
        if wanted {
            let this = Arc::new(self);
            tokio::join!(this.watch.clone().pods(), Arc::clone(&this).take_turns());
        }
    }

    async fn take_turns(self: Arc<Self>) {
        let (wake, mut leadership) = (Arc::clone(&self.shared().holds.wake), self.leadership.clone());
        loop {
            leadership.gained().await;
            match self.next() {
                Ok(key) => {
                    let this = Arc::clone(&self);
                    tokio::spawn(async move { this.work(&key).await });
                }
                // The end of a patch wakes this as well: it makes room.
                Err(wait) => tokio::select! {
                    () = wake.notified() => {}
                    () = until(wait) => {}
                },
            }
        }
    }

    fn next(&self) -> Result<PodKey, Option<Instant>> {
        let mut shared = self.shared();
        // Once all is known, every namespace is looked at, and that wakes whoever waits.
        if self.watch.readiness.is_complete() { shared.holds.next(clock::now()) } else { Err(None) }
    }

    async fn work(&self, key: &PodKey) {
        let mut decision = self.decide(key);
        if matches!(decision, Some((_, Verdict::Release(_)))) {
            decision = if self.refresh(&key.namespace).await { self.decide(key) } else { self.put_off_unread(key) };
        }
        match decision {
            Some((pod, Verdict::Release(patch))) => {
                let (written, took) = self.writer.write(&key.namespace, &key.name, patch).await;
                self.settle(key, &pod, written, took).await;
            }
            Some((pod, Verdict::Clash(clash))) => self.clash(key, &pod, clash).await,
            Some((_, Verdict::Wait)) | None => self.shared().holds.pace.end(),
        }
        let mut shared = self.shared();
        shared.holds.turns.done(key);
        shared.holds.wake.notify_one();
    }

    /// Reads the namespace anew. What the watch knows may be a moment old, and in that moment somebody may have moved it to another tenant,
    /// or made another of its name; the patch of a Pod has no guard against that. False where there is no answer.
    async fn refresh(&self, namespace: &str) -> bool {
        match self.namespaces.read(namespace).await {
            Ok(Some(meta)) => drop(self.shared().store.put_namespace(CachedNamespace::of(&meta))),
            Ok(None) => self.shared().forget(namespace, None),
            Err(error) => {
                tracing::debug!(namespace, %error, "not read again");
                return false;
            }
        }
        true
    }

    fn put_off_unread(&self, key: &PodKey) -> Option<(HeldPod, Verdict)> {
        self.shared().holds.turns.add_later(key, clock::now() + FIRST_RETRY);
        None
    }

    /// `None` where the Pod is gone, or where this is not the time to decide; it gets another turn then.
    fn decide(&self, key: &PodKey) -> Option<(HeldPod, Verdict)> {
        let mut shared = self.shared();
        if !self.leadership.holds() || !self.watch.readiness.is_complete() {
            shared.holds.turns.add(key);
            return None;
        }
        let pod = shared.holds.pod(key)?.clone();
        let verdict = release(shared.store.assess(&key.namespace).and_then(|one| Terms::of(&one)).as_ref(), &pod);
        Some((pod, verdict))
    }

    /// Tells the Pod's owner, once for each new clash, as soon as the budget of Events allows.
    async fn clash(&self, key: &PodKey, pod: &HeldPod, clash: Clash) {
        let message = clash.to_string();
        let news = self.stand_clashing(key, clash) || !pod.told;
        if news {
            let told = self.outcomes().clashed(key, &pod.uid, message).await;
            let mut shared = self.shared();
            shared.holds.tell(key, told);
            if !told {
                shared.holds.turns.add_later(key, clock::now() + WINDOW);
            }
        }
    }

    fn stand_clashing(&self, key: &PodKey, clash: Clash) -> bool {
        let mut shared = self.shared();
        shared.holds.pace.end();
        shared.holds.stand(key, State::Clashing(clash))
    }

    async fn settle(&self, key: &PodKey, pod: &HeldPod, written: Written, took: Duration) {
        let now = clock::now();
        match written {
            Written::Done(_) => {
                let mut shared = self.shared();
                shared.holds.pace.succeed(now, took);
                shared.holds.settle(key, &pod.uid);
                drop(shared);
                self.outcomes().released(key, took, pod.waited(key, now));
            }
            Written::Gone => {
                self.outcomes().not_released(key, "gone", took);
                let mut shared = self.shared();
                shared.holds.pace.end();
                shared.holds.settle(key, &pod.uid);
            }
            Written::Conflict(_) | Written::Dry => {
                self.outcomes().not_released(key, "conflict", took);
                self.come_again(key, pod, now);
            }
            Written::Pushback(after) => {
                self.outcomes().not_released(key, "pushback", took);
                let mut shared = self.shared();
                shared.holds.pace.push_back(now, after);
                shared.holds.turns.add(key);
            }
            Written::Refused(failure) => {
                self.shared().holds.pace.end();
                self.fail(key, pod, failure, took).await;
            }
            Written::Unavailable(failure) => {
                self.shared().holds.pace.fail(now);
                self.fail(key, pod, failure, took).await;
            }
        }
    }

    /// After a conflict: at once if the watch has brought the newer state already; else it will, and that is a turn.
    fn come_again(&self, key: &PodKey, pod: &HeldPod, now: Instant) {
        let mut shared = self.shared();
        shared.holds.pace.end();
        shared.holds.stand(key, State::Waiting);
        let newer = shared.holds.pod(key).is_some_and(|known| known.version != pod.version);
        match (shared.holds.fail(key) > QUICK_CONFLICTS, newer) {
            (true, _) => shared.holds.put_off(key, now + FIRST_RETRY),
            (false, true) => shared.holds.turns.add(key),
            (false, false) => shared.holds.turns.add_later(key, now + FIRST_RETRY),
        }
    }

    async fn fail(&self, key: &PodKey, pod: &HeldPod, Failure { reason, message }: Failure, took: Duration) {
        self.put_off(key, &message);
        self.outcomes().release_failed(key, &pod.uid, reason, &message, took).await;
    }

    fn put_off(&self, key: &PodKey, message: &str) {
        let mut shared = self.shared();
        shared.holds.stand(key, State::Failing(message.to_owned()));
        let attempts = shared.holds.fail(key);
        shared.holds.put_off(key, cluster::clock::now() + backoff(attempts));
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.watch.reconciler.shared()
    }

    fn outcomes(&self) -> &Outcomes {
        self.watch.reconciler.outcomes()
    }
}
