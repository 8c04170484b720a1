//! Contention: keys of one namespace that another writer sets back again and again. Writing them
//! each time would only be the other half of a loop, so after a few times landlord says who the
//! other one is and how to end it. A plain key is left alone for a while then; a key that decides
//! where Pods run never is, but it is put right ever more rarely, and the ledger is pending
//! meanwhile, so that the guard lets no Pod in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cluster::clock;
use cluster::managed_fields::owns;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tenancy::keys::{self, FIELD_MANAGER};
use tenancy::ledger::{self, Ledger};
use tenancy::metadata::{Field, Key};
use tenancy::plan::Plan;

mod advice;

pub use self::advice::{advice, snippet};

/// So many reversals …
pub const REVERSALS: usize = 3;
/// … within this time make a key contested.
pub const WINDOW: Duration = Duration::from_secs(600);
/// Reversals of a key that are remembered.
const REMEMBERED: usize = 12;
/// The wait before a contested placement key is put right again; twice as long after each further
/// reversal, up to the last.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// See the module. The clock is the caller's.
#[derive(Clone, Debug, Default)]
pub struct Contention {
    keys: BTreeMap<Key, Reversals>,
    /// The other writer's field manager, where `managedFields` proves it; `Some(None)` where it was
    /// looked for in vain.
    other: Option<Option<String>>,
    /// When a placement key was written last.
    written: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Reversals {
    /// What landlord wrote, `None` where it took the key away; with another value the count begins
    /// anew.
    value: Option<String>,
    /// When it was written first.
    first: Instant,
    /// When it had to be written again; of many the last few.
    at: Vec<Instant>,
    /// Admission undid it in the answer to the write itself.
    undone: bool,
}

impl Reversals {
    fn add(&mut self, now: Instant) {
        self.at.retain(|at| now < *at + WINDOW);
        if self.at.len() >= REMEMBERED {
            self.at.remove(0);
        }
        self.at.push(now);
    }

    fn late(&self, now: Instant) -> impl Iterator<Item = Instant> {
        self.at.iter().copied().filter(move |at| now < *at + WINDOW)
    }

    fn is_late(&self, now: Instant) -> bool {
        now < self.first + WINDOW || self.late(now).next().is_some()
    }
}

impl Contention {
    /// Landlord has written a key, or taken it away. `managed` says that its ledger had the key:
    /// another writer has changed it. But that one may wipe the ledger together with the keys, as
    /// `kubectl replace` does; so the same value, written before and of late, counts as well.
    pub fn wrote(&mut self, key: &Key, value: Option<&str>, managed: bool, now: Instant) {
        self.keys.retain(|_, one| one.is_late(now));
        match self.keys.get_mut(key).filter(|one| is_same(key, one.value.as_deref(), value)) {
            Some(one) => one.add(now),
            None => {
                let at = if managed { vec![now] } else { Vec::new() };
                let value = value.map(str::to_owned);
                let reversals = Reversals { value, first: now, at, undone: false };
                self.keys.insert(key.clone(), reversals);
            }
        }
        if decides_placement(key) {
            self.written = Some(now);
        }
    }

    /// Landlord itself takes back that the namespace is ready: that the ledger is written anew later
    /// is no reversal.
    pub fn withdraw(&mut self) {
        self.keys.remove(&Key::annotation(ledger::ANNOTATION));
    }

    /// Admission undid these keys in the answer to the write itself.
    pub fn undone(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(one) = self.keys.get_mut(key) {
                one.undone = true;
            }
        }
    }

    /// The answer to a write carries these keys. Where admission undid one of them before, it does
    /// so no more, and nothing of what it undid counts any longer.
    pub fn carried<'a>(&mut self, mut keys: impl Iterator<Item = &'a Key>) {
        if keys.any(|key| self.keys.get(key).is_some_and(|one| one.undone)) {
            self.keys.retain(|_, one| !one.undone);
        }
    }

    /// Whether a key that is to be put right now has been put right too often already.
    pub fn is_contested(&self, key: &Key, value: Option<&str>, now: Instant) -> bool {
        let reversals = self.keys.get(key).filter(|one| is_same(key, one.value.as_deref(), value));
        reversals.is_some_and(|one| one.late(now).count() + 1 >= REVERSALS)
    }

    /// Keys that were reversed so often of late that the other writer has to be expected any
    /// moment.
    pub fn contested(&self, now: Instant) -> impl Iterator<Item = &Key> {
        self.keys
            .iter()
            .filter(move |(_, one)| one.late(now).count() >= REVERSALS)
            .map(|(key, _)| key)
    }

    /// Keys of a plan, and others, that the other writer has now or may take any moment.
    pub fn contested_keys(&self, plan: &Plan, now: Instant) -> Vec<Key> {
        let set = plan
            .set
            .iter()
            .filter(|(key, want)| self.is_contested(key, Some(&want.value), now))
            .map(|(key, _)| key);
        let removed = plan.remove.keys().filter(|key| self.is_contested(key, None, now));
        set.chain(removed).chain(self.contested(now)).cloned().collect()
    }

    /// Before this time contested placement keys are not put right again.
    pub fn pause(&self, now: Instant) -> Option<Instant> {
        let reversals = self
            .keys
            .iter()
            .filter(|(key, _)| decides_placement(key))
            .map(|(_, one)| one.late(now).count())
            .max()?;
        let further = u32::try_from(reversals.checked_sub(REVERSALS)?).unwrap_or(u32::MAX);
        let pause = clock::backoff(FIRST_PAUSE, further, LAST_PAUSE);
        self.written.map(|written| written + pause).filter(|until| *until > now)
    }

    /// When the next reversal is forgotten, and the namespace is worth another look.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        self.keys.values().flat_map(|one| one.late(now)).min().map(|at| at + WINDOW)
    }

    /// The other writer's field manager, if it is proved.
    pub fn other(&self) -> Option<&str> {
        self.other.as_ref()?.as_deref()
    }

    /// Whether it was looked for.
    pub fn is_looked_up(&self) -> bool {
        self.other.is_some()
    }

    /// Takes in who the other writer is, `None` where that is not proved.
    pub fn set_other(&mut self, other: Option<String>) {
        self.other = Some(other);
    }

    /// Whether nothing of it counts any more.
    pub fn is_over(&self, now: Instant) -> bool {
        self.keys.values().all(|one| !one.is_late(now))
    }
}

/// Whether the key decides where Pods run, or whether the guard looks: those are never given up.
pub fn decides_placement(key: &Key) -> bool {
    keys::is_placement(key)
}

/// Whether a value is what was written before, so that it makes a reversal. A ledger is the same
/// whether it is pending or not, and whatever it remembers.
fn is_same(key: &Key, before: Option<&str>, value: Option<&str>) -> bool {
    let is_ledger = key.field == Field::Annotation && key.name == ledger::ANNOTATION;
    before == value
        || is_ledger
            && before.zip(value).is_some_and(|(before, value)| {
                essence(before).is_some_and(|one| Some(one) == essence(value))
            })
}

fn essence(text: &str) -> Option<Ledger> {
    let ledger = Ledger::parse(text).ok()?;
    Some(Ledger { pending: None, previous: Default::default(), ..ledger })
}

/// The field manager, other than landlord's, that `managedFields` prove to have set these keys to
/// what they are: each has this owner and no other. A key of several owners has the value that all
/// of them want, so none of them need have changed it, landlord least of all; and one that was
/// removed has no owner. Then nobody is accused: who wrote last may have done so for another
/// reason.
pub fn find_other(meta: &ObjectMeta, keys: &[Key]) -> Option<String> {
    let entries = || meta.managed_fields.iter().flatten();
    let mut owners = keys.iter().map(|key| {
        let owning = entries().filter(|entry| owns(entry, key));
        owning.filter_map(|entry| entry.manager.as_deref()).collect::<BTreeSet<&str>>()
    });
    let first = owners.next()?;
    let manager = first.first().filter(|_| first.len() == 1 && owners.all(|all| all == first))?;
    (*manager != FIELD_MANAGER).then(|| (*manager).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn label(name: &str) -> Key {
        Key { field: Field::Label, name: name.to_owned() }
    }

    fn selector() -> Key {
        Key::annotation(keys::NODE_SELECTOR)
    }

    /// Unlike another client, admission shows at once whether it is still there.
    #[test]
    fn what_admission_undid_is_over_once_a_write_is_carried() {
        let (mut contention, now) = (Contention::default(), Instant::now());
        let (undone, rival) = ([label("a"), selector()], label("rival"));
        for _ in 0..REVERSALS {
            for key in undone.iter().chain([&rival]) {
                contention.wrote(key, Some("b"), true, now);
            }
            contention.undone(&undone);
        }
        contention.carried([&rival].into_iter());
        assert_eq!(contention.contested(now).count(), 3, "that is not what was undone");
        contention.carried([&undone[1]].into_iter());
        assert_eq!(contention.contested(now).collect::<Vec<_>>(), [&rival]);
    }

    #[test]
    fn three_reversals_within_the_window_make_a_key_contested() {
        let mut contention = Contention::default();
        let start = Instant::now();
        let contested =
            |contention: &Contention, now| contention.is_contested(&label("a"), Some("b"), now);
        contention.wrote(&label("a"), Some("b"), true, start);
        assert!(!contested(&contention, start));
        contention.wrote(&label("a"), Some("b"), true, start + Duration::from_secs(60));
        assert!(contested(&contention, start + Duration::from_secs(61)), "this is the third");
        assert!(!contention.is_contested(&label("c"), Some("b"), start));
        assert_eq!(contention.until(start), Some(start + WINDOW));
        assert!(!contested(&contention, start + WINDOW), "the first is forgotten");
    }

    #[test]
    fn a_writer_that_wipes_the_ledger_as_well_is_one() {
        let mut contention = Contention::default();
        let start = Instant::now();
        let contested =
            |contention: &Contention, now| contention.is_contested(&label("a"), Some("b"), now);
        for second in 0..3 {
            assert!(!contested(&contention, start), "the first write is no reversal");
            contention.wrote(&label("a"), Some("b"), false, start + Duration::from_secs(second));
        }
        assert!(contested(&contention, start + Duration::from_secs(3)));
        contention.wrote(&label("a"), Some("b"), false, start + 3 * WINDOW);
        assert!(
            !contested(&contention, start + 3 * WINDOW),
            "long after, it is a first write again"
        );
    }

    /// A writer that adds a key again and again which landlord takes away, and one that takes the
    /// ledger away and leaves the rest.
    #[test]
    fn removals_and_the_ledger_count_like_other_keys() {
        let mut contention = Contention::default();
        let now = Instant::now();
        let ledger = Key::annotation(ledger::ANNOTATION);
        let text = |pending: &str| {
            format!(r#"{{{pending}"tenant":"solar","labels":["a"],"annotations":[]}}"#)
        };
        let texts = [text(""), text(r#""pending":"Contested","#), text("")];
        for text in &texts {
            contention.wrote(&label("gone"), None, false, now);
            contention.wrote(&ledger, Some(text), false, now);
        }
        assert!(
            contention.is_contested(&label("gone"), None, now)
                && contention.is_contested(&ledger, Some(&texts[0]), now)
        );
        assert!(!contention.is_contested(&label("gone"), Some("value"), now));
    }

    #[test]
    fn a_tenant_that_is_edited_is_no_other_writer() {
        let mut contention = Contention::default();
        let now = Instant::now();
        for value in ["b", "c", "b", "c"] {
            contention.wrote(&label("a"), Some(value), true, now);
        }
        assert!(
            !contention.is_contested(&label("a"), Some("c"), now)
                && !contention.is_contested(&label("a"), Some("d"), now)
        );
    }

    #[test]
    fn a_placement_key_is_written_ever_more_rarely() {
        let mut contention = Contention::default();
        let start = Instant::now();
        let mut now = start;
        let mut pauses = Vec::new();
        for _ in 0..10 {
            contention.wrote(&selector(), Some("pool=a"), true, now);
            let until = contention.pause(now).unwrap_or(now);
            pauses.push((until - now).as_secs());
            now = until;
        }
        assert_eq!(pauses, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert!(!contention.is_over(now) && contention.is_over(now + WINDOW));
    }

    #[test]
    fn a_plain_key_pauses_nothing() {
        let mut contention = Contention::default();
        let now = Instant::now();
        (0..10).for_each(|_| contention.wrote(&label("a"), Some("b"), true, now));
        assert_eq!(contention.pause(now), None);
    }

    fn entry(manager: &str, time: &str, labels: &[&str]) -> Value {
        let labels: serde_json::Map<String, Value> =
            labels.iter().map(|label| (format!("f:{label}"), json!({}))).collect();
        json!({"manager": manager, "operation": "Update", "time": time,
               "fieldsV1": {"f:metadata": {"f:labels": labels}}})
    }

    fn find(entries: &[Value], labels: &[&str]) -> Option<String> {
        let meta: ObjectMeta =
            serde_json::from_value(json!({"managedFields": entries})).expect("metadata");
        let keys: Vec<Key> = labels.iter().map(|name| label(name)).collect();
        find_other(&meta, &keys)
    }

    #[test]
    fn only_a_proved_owner_is_named() {
        let (first, second, third) =
            ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z");
        let argo = entry("argocd-controller", first, &["a", "shared"]);
        let edit = entry("kubectl-edit", second, &["c", "shared"]);
        let ours = entry("landlord", third, &["b", "co-owned"]);
        let apply = entry("kubectl-apply", third, &["co-owned"]);
        let entries = [argo, edit, ours, apply];
        let named = |labels: &[&str]| find(&entries, labels);
        assert_eq!(named(&["a"]).as_deref(), Some("argocd-controller"));
        assert_eq!(named(&["a", "b"]), None, "b is as landlord wrote it");
        assert_eq!(named(&["a", "gone"]), None, "one of them is not proved");
        assert_eq!(named(&["gone"]), None, "who wrote last need not have removed it");
        assert_eq!(named(&["co-owned"]), None, "it has the value that landlord wrote");
        assert_eq!(named(&["shared"]), None, "either of two may have changed it");
        assert_eq!(named(&["a", "c"]), None, "two keys of two writers");
        assert_eq!(named(&["a", "shared"]), None, "one of them is not proved");
        assert_eq!(find(&[], &["a"]), None);
    }
}
