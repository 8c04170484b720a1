//! Holds: Pods that wait behind landlord's scheduling gate, by namespace, and on which terms each namespace lets them go.
//!
//! ```text
//! watch (Pods without a node) ─▶ holds ◀─ terms ── planner (a namespace was looked at)
//!                                  │ turns: the oldest first
//!                                  ▼
//!                        releaser ─▶ release (pure) ─▶ one guarded JSON patch ─▶ outcome
//! ```
//!
//! A Pod is looked at when it changes and when the terms of its namespace do, and at no other event of the cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::pace::Pace;

mod held_pod;
mod releaser;
mod turns;

pub use self::held_pod::{HeldPod, Keys, State};
pub use self::releaser::Releaser;
use self::turns::Turns;
pub use cluster::gated_pod::{PodKey, UnscheduledPod};
pub use cluster::placement::Placement as Terms;
pub use cluster::pod_release::{Clash, Verdict, release};

/// Patches of Pods that may be under way at a time: a share of what the API server stands, so that namespaces, which Pods wait for, keep theirs.
const MOST: usize = 16;

/// See the module.
#[derive(Debug)]
pub struct Holds {
    namespaces: HashMap<String, Hold>,
    turns: Turns,
    pub pace: Pace,
    wake: Arc<Notify>,
    /// Whether the Pods have been listed once. Nothing is released before: the oldest may come last.
    known: bool,
}

/// The held Pods of one namespace.
#[derive(Debug, Default)]
struct Hold {
    /// `None` for as long as its Pods have to wait.
    terms: Option<Arc<Terms>>,
    pods: BTreeMap<PodKey, HeldPod>,
}

impl Default for Holds {
    fn default() -> Self {
        let (namespaces, turns) = (HashMap::new(), Turns::default());
        Self { namespaces, turns, pace: Pace::of_few(MOST), wake: Arc::default(), known: false }
    }
}

impl Holds {
    /// Takes a Pod in, and gives it a turn if its namespace lets Pods go. What is known of it beside its object stays.
    pub fn put(&mut self, key: &PodKey, mut pod: HeldPod, now: Instant) {
        let hold = self.namespaces.entry(key.namespace.to_string()).or_default();
        if let Some(known) = hold.pods.get(key).filter(|known| known.uid == pod.uid) {
            pod.follow(known);
        }
        let due = hold.terms.is_some() && pod.pause.is_none_or(|until| until <= now);
        hold.pods.insert(key.clone(), pod);
        if due {
            self.turns.add(key);
            self.wake.notify_one();
        }
    }

    /// Forgets a Pod: it is gone, or the gate is.
    pub fn remove(&mut self, key: &PodKey) {
        let Some(hold) = self.namespaces.get_mut(&*key.namespace) else { return };
        hold.pods.remove(key);
        self.turns.forget(key);
        if hold.pods.is_empty() {
            self.namespaces.remove(&*key.namespace);
        }
    }

    /// Forgets a Pod that was written to, if it is still that one: another of its name may have been created since.
    fn settle(&mut self, key: &PodKey, uid: &str) {
        if self.pod(key).is_some_and(|pod| pod.uid == uid) {
            self.remove(key);
        }
    }

    /// A list is complete: what is not in it is gone.
    pub fn complete(&mut self, listed: &BTreeSet<PodKey>) {
        let gone: Vec<PodKey> = self.pods().map(|(key, _)| key).filter(|key| !listed.contains(key)).cloned().collect();
        gone.iter().for_each(|key| self.remove(key));
        self.known = true;
        self.wake.notify_one();
    }

    /// Whether the Pods have been listed, so that none means none.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether Pods of this namespace are held.
    pub fn concern(&self, namespace: &str) -> bool {
        self.namespaces.contains_key(namespace)
    }

    /// A namespace was looked at. Its Pods get a turn each if there are other terms than before.
    pub fn set_terms(&mut self, namespace: &str, terms: Option<Terms>) {
        let Some(hold) = self.namespaces.get_mut(namespace) else { return };
        if hold.terms.as_deref() != terms.as_ref() {
            hold.terms = terms.map(Arc::new);
            if hold.terms.is_some() {
                hold.pods.keys().for_each(|key| self.turns.add(key));
            }
        }
        // Also without a change: somebody may have waited for the controller to be ready.
        self.wake.notify_one();
    }

    /// Hands out the Pod whose turn it is, and counts its patch as under way. Else, until when there is nothing to do, if that is known.
    fn next(&mut self, now: Instant) -> Result<PodKey, Option<Instant>> {
        let due = self.turns.next(now).filter(|_| self.known);
        if due.is_none_or(|due| due > now) {
            return Err(due);
        }
        if !self.pace.begin(now) {
            return Err(self.pace.pause(now));
        }
        self.turns.take(now).ok_or_else(|| {
            self.pace.end();
            None
        })
    }

    fn pod(&self, key: &PodKey) -> Option<&HeldPod> {
        self.namespaces.get(&*key.namespace)?.pods.get(key)
    }

    /// Every held Pod; those of one namespace are together, the oldest first.
    pub fn pods(&self) -> impl Iterator<Item = (&PodKey, &HeldPod)> {
        self.namespaces.values().flat_map(|hold| &hold.pods)
    }

    fn pod_mut(&mut self, key: &PodKey) -> Option<&mut HeldPod> {
        self.namespaces.get_mut(&*key.namespace)?.pods.get_mut(key)
    }

    /// Remembers how a Pod stands; false where it stood so before, or is gone.
    fn stand(&mut self, key: &PodKey, state: State) -> bool {
        self.pod_mut(key).is_some_and(|pod| std::mem::replace(&mut pod.state, state.clone()) != state)
    }

    /// Whether its owner knows of the clash.
    fn tell(&mut self, key: &PodKey, told: bool) {
        self.pod_mut(key).into_iter().for_each(|pod| pod.told = told);
    }

    /// Gives a Pod no turn before this time, even if it changes: who writes to it, or lets it fail, must not keep others from theirs.
    fn put_off(&mut self, key: &PodKey, until: Instant) {
        self.pod_mut(key).into_iter().for_each(|pod| pod.pause = Some(until));
        self.turns.add_later(key, until);
    }

    /// One more failure of this Pod's; how many there were.
    fn fail(&mut self, key: &PodKey) -> u32 {
        self.pod_mut(key).map_or(1, |pod| {
            pod.attempts += 1;
            pod.attempts
        })
    }
}

#[cfg(test)]
mod tests {
    use super::held_pod::{a_key, a_pod};
    use super::*;

    fn held(keys: &[&PodKey]) -> Holds {
        let mut holds = Holds::default();
        keys.iter().for_each(|key| holds.put(key, a_pod("u"), Instant::now()));
        holds.complete(&keys.iter().map(|key| (*key).clone()).collect());
        holds
    }

    fn turns(holds: &mut Holds) -> Vec<String> {
        let now = Instant::now();
        std::iter::from_fn(|| holds.next(now).ok().map(|key| key.to_string())).collect()
    }

    #[test]
    fn pods_wait_for_their_namespace_and_then_the_oldest_goes_first() {
        let keys = [a_key(3, "web", "a"), a_key(1, "web", "c"), a_key(2, "db", "b"), a_key(0, "never", "d")];
        let mut holds = held(&keys.each_ref());
        assert!(turns(&mut holds).is_empty(), "no namespace has terms");
        holds.set_terms("web", Some(Terms::default()));
        holds.set_terms("db", Some(Terms::default()));
        holds.set_terms("unknown", Some(Terms::default()));
        assert_eq!(turns(&mut holds), ["web/c", "db/b", "web/a"]);
        assert_eq!(holds.pods().count(), 4, "held until it is known that they are not");
    }

    #[test]
    fn nothing_is_planned_again_without_a_cause() {
        let key = a_key(1, "web", "a");
        let mut holds = held(&[&key]);
        holds.set_terms("web", Some(Terms::default()));
        assert_eq!(turns(&mut holds).len(), 1);
        holds.turns.done(&key);
        holds.set_terms("web", Some(Terms::default()));
        assert!(turns(&mut holds).is_empty(), "the same terms");
        holds.set_terms("web", None);
        assert!(turns(&mut holds).is_empty(), "no terms");
        holds.set_terms("web", Some(Terms { selector: "a=b".parse().expect("a selector"), ..Terms::default() }));
        assert_eq!(turns(&mut holds).len(), 1, "others");
        holds.turns.done(&key);
        holds.put(&key, a_pod("u"), Instant::now());
        assert_eq!(turns(&mut holds).len(), 1, "the Pod has changed");
    }

    #[test]
    fn a_pod_that_is_taken_comes_again_only_after_it_is_done() {
        let key = a_key(1, "web", "a");
        let mut holds = held(&[&key]);
        holds.set_terms("web", Some(Terms::default()));
        assert_eq!(turns(&mut holds).len(), 1);
        holds.put(&key, a_pod("u"), Instant::now());
        assert!(turns(&mut holds).is_empty());
        holds.turns.done(&key);
        assert_eq!(turns(&mut holds).len(), 1);
        holds.put(&key, a_pod("u"), Instant::now());
        holds.remove(&key);
        holds.turns.done(&key);
        assert!(turns(&mut holds).is_empty() && !holds.concern("web"), "it is gone");
    }

    #[test]
    fn nothing_is_released_before_the_list_is_complete() {
        let (old, new) = (a_key(1, "web", "z"), a_key(2, "web", "a"));
        let mut holds = Holds::default();
        holds.put(&new, a_pod("u"), Instant::now());
        holds.set_terms("web", Some(Terms::default()));
        assert!(turns(&mut holds).is_empty());
        holds.put(&old, a_pod("u"), Instant::now());
        holds.complete(&[new.clone(), old].into());
        assert_eq!(turns(&mut holds), ["web/z", "web/a"]);
        holds.complete(&[new].into());
        assert_eq!(holds.pods().map(|(key, _)| key.to_string()).collect::<Vec<_>>(), ["web/a"], "the other is not there any more");
    }

    #[test]
    fn a_pod_that_failed_comes_later() {
        let (key, now) = (a_key(1, "web", "a"), Instant::now());
        let later = now + std::time::Duration::from_secs(5);
        let mut holds = held(&[&key]);
        holds.set_terms("web", Some(Terms::default()));
        assert_eq!(holds.next(now), Ok(key.clone()));
        holds.put_off(&key, later);
        holds.turns.done(&key);
        assert_eq!(holds.next(now), Err(Some(later)));
        holds.put(&key, a_pod("u"), now);
        assert_eq!(holds.next(now), Err(Some(later)), "even if it changes");
        assert_eq!(holds.next(later), Ok(key));
    }

    #[test]
    fn what_was_learned_of_a_pod_stays_with_it() {
        let key = a_key(1, "web", "a");
        let mut holds = held(&[&key]);
        assert!(holds.stand(&key, State::Failing("no".to_owned())) && !holds.stand(&key, State::Failing("no".to_owned())));
        assert_eq!((holds.fail(&key), holds.fail(&key)), (1, 2));
        holds.put(&key, a_pod("u"), Instant::now());
        assert_eq!((holds.fail(&key), holds.stand(&key, State::Failing("no".to_owned()))), (3, false));
        holds.settle(&key, "another");
        assert!(holds.concern("web"));
        holds.put(&key, a_pod("another"), Instant::now());
        assert_eq!(holds.fail(&key), 1, "this is another Pod");
    }
}
