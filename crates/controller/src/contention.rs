//! Fights: keys of landlord's that another writer sets back again and again. Writing them each time would only be the other half of a
//! loop, so after a few times landlord says who the other one is and how to end it, and writes the key no more for a while.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use cluster::managed_fields::owns;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use tenancy::keys::FIELD_MANAGER;
use tenancy::metadata::{Field, Key};

/// So many reversals …
pub const REVERSALS: usize = 3;
/// … within this time make a key contested.
pub const WINDOW: Duration = Duration::from_secs(600);
/// Namespaces with reversals, beyond which old ones are looked for.
const MANY: usize = 1000;
/// Reversals of a key that are remembered.
const REMEMBERED: usize = 2 * REVERSALS;

/// See the module. The clock is the caller's.
#[derive(Debug, Default)]
pub struct Fights {
    namespaces: HashMap<String, Fight>,
}

#[derive(Debug, Default)]
struct Fight {
    keys: BTreeMap<Key, Reversals>,
    /// The other writer's field manager.
    rival: Option<String>,
}

#[derive(Debug)]
struct Reversals {
    /// What landlord wrote; with another value the count begins anew.
    value: String,
    /// When it was written first.
    first: Instant,
    /// When it had to be written again; of many the last few.
    at: Vec<Instant>,
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
}

impl Fights {
    /// Landlord has written a key. `managed` says that its ledger had the key: somebody else has set it to another value. But a rival may
    /// wipe the ledger together with the keys, as `kubectl replace` does; so the same value, written before and of late, counts as well.
    pub fn wrote(&mut self, namespace: &str, key: &Key, value: &str, managed: bool, now: Instant) {
        if self.namespaces.len() > MANY {
            let late = |one: &Reversals| now < one.first + WINDOW || one.late(now).next().is_some();
            self.namespaces.retain(|_, fight| fight.keys.values().any(late));
        }
        let keys = &mut self.namespaces.entry(namespace.to_owned()).or_default().keys;
        let known = keys.get_mut(key).filter(|one| one.value == value);
        let again = known.as_ref().is_some_and(|one| now < one.first + WINDOW || one.late(now).next().is_some());
        match known {
            Some(one) if managed || again => one.add(now),
            _ => {
                let at = if managed { vec![now] } else { Vec::new() };
                keys.insert(key.clone(), Reversals { value: value.to_owned(), first: now, at });
            }
        }
    }

    /// Whether a key that is to be put back now has been put back too often already.
    pub fn is_contested(&self, namespace: &str, key: &Key, value: &str, now: Instant) -> bool {
        let reversals = self.namespaces.get(namespace).and_then(|fight| fight.keys.get(key));
        reversals.is_some_and(|one| one.value == value && one.late(now).count() + 1 >= REVERSALS)
    }

    /// Keys that were reversed so often of late that the other writer has to be expected any moment.
    pub fn fought(&self, namespace: &str, now: Instant) -> impl Iterator<Item = &Key> {
        let keys = self.namespaces.get(namespace).into_iter().flat_map(|fight| &fight.keys);
        keys.filter(move |(_, one)| one.late(now).count() >= REVERSALS).map(|(key, _)| key)
    }

    /// When the next reversal is forgotten, and the namespace is worth another look.
    pub fn until(&self, namespace: &str, now: Instant) -> Option<Instant> {
        let keys = self.namespaces.get(namespace).into_iter().flat_map(|fight| fight.keys.values());
        keys.flat_map(|one| one.late(now)).min().map(|at| at + WINDOW)
    }

    /// The other writer's field manager, if it was found out.
    pub fn rival(&self, namespace: &str) -> Option<&str> {
        self.namespaces.get(namespace)?.rival.as_deref()
    }

    pub fn set_rival(&mut self, namespace: &str, rival: String) {
        if let Some(fight) = self.namespaces.get_mut(namespace) {
            fight.rival = Some(rival);
        }
    }

    pub fn forget(&mut self, namespace: &str) {
        self.namespaces.remove(namespace);
    }
}

/// Who set one of these keys last, by `managedFields`; else who wrote last at all, as a key that was removed has no owner.
pub fn rival(meta: &ObjectMeta, keys: &[Key]) -> Option<String> {
    let others = || meta.managed_fields.iter().flatten().filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER));
    let newest = |entries: &mut dyn Iterator<Item = &ManagedFieldsEntry>| {
        entries.max_by_key(|entry| entry.time.as_ref().map(|time| time.0)).and_then(|entry| entry.manager.clone())
    };
    newest(&mut others().filter(|entry| keys.iter().any(|key| owns(entry, key)))).or_else(|| newest(&mut others()))
}

/// What ends the fight, in the words of the tool that fights.
pub fn advice(rival: Option<&str>, namespace: &str, keys: &[Key]) -> String {
    let pointers = keys.iter().map(pointer).map(|path| format!("{path:?}")).collect::<Vec<_>>().join(", ");
    let argo = || {
        format!(
            "ignoreDifferences: [{{kind: Namespace, name: {namespace}, jsonPointers: [{pointers}]}}] with syncOptions [RespectIgnoreDifferences=true]"
        )
    };
    let flux = || format!("driftDetection: {{ignore: [{{target: {{kind: Namespace, name: {namespace}}}, paths: [{pointers}]}}]}}");
    match rival {
        Some(name) if name.contains("argocd") => format!("in the Argo CD Application: {}", argo()),
        Some(name) if name.contains("helm-controller") => format!("in the Flux HelmRelease: {}", flux()),
        Some(name) if name.contains("kustomize-controller") => {
            "take the keys out of the manifest that Flux applies, or annotate it kustomize.toolkit.fluxcd.io/ssa: IfNotPresent".to_owned()
        }
        _ => format!("let it leave them alone. Argo CD: {}. Flux HelmRelease: {}", argo(), flux()),
    }
}

/// RFC 6901.
fn pointer(key: &Key) -> String {
    let field = match key.field {
        Field::Label => "labels",
        Field::Annotation => "annotations",
    };
    format!("/metadata/{field}/{}", key.name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn label(name: &str) -> Key {
        Key { field: Field::Label, name: name.to_owned() }
    }

    #[test]
    fn three_reversals_within_the_window_make_a_key_contested() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        let contested = |fights: &Fights, now| fights.is_contested("web", &label("a"), "b", now);
        fights.wrote("web", &label("a"), "b", true, start);
        assert!(!contested(&fights, start));
        fights.wrote("web", &label("a"), "b", true, start + Duration::from_secs(60));
        assert!(contested(&fights, start + Duration::from_secs(61)), "this is the third");
        assert!(!fights.is_contested("web", &label("c"), "b", start) && !fights.is_contested("db", &label("a"), "b", start));
        assert_eq!(fights.until("web", start), Some(start + WINDOW));
        assert!(!contested(&fights, start + WINDOW), "the first is forgotten");
    }

    #[test]
    fn a_rival_that_wipes_the_ledger_as_well_is_one() {
        let (mut fights, start) = (Fights::default(), Instant::now());
        let contested = |fights: &Fights, now| fights.is_contested("web", &label("a"), "b", now);
        for second in 0..3 {
            assert!(!contested(&fights, start), "the first write is no reversal");
            fights.wrote("web", &label("a"), "b", false, start + Duration::from_secs(second));
        }
        assert!(contested(&fights, start + Duration::from_secs(3)));
        fights.wrote("web", &label("a"), "b", false, start + 3 * WINDOW);
        assert!(!contested(&fights, start + 3 * WINDOW), "long after, it is a first write again");
    }

    #[test]
    fn a_tenant_that_is_edited_is_no_rival() {
        let (mut fights, now) = (Fights::default(), Instant::now());
        for value in ["b", "c", "b", "c"] {
            fights.wrote("web", &label("a"), value, true, now);
        }
        assert!(!fights.is_contested("web", &label("a"), "c", now) && !fights.is_contested("web", &label("a"), "d", now));
    }

    #[test]
    fn the_rival_is_who_owns_the_key() {
        let entry =
            |manager: &str, time: &str, fields: Value| json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields});
        let labels = json!({"f:metadata": {"f:labels": {"f:a": {}}}});
        let fields = [
            entry("argocd-controller", "2026-01-01T00:00:00Z", labels.clone()),
            entry("landlord", "2026-01-03T00:00:00Z", labels),
            entry("kubectl-edit", "2026-01-02T00:00:00Z", json!({"f:metadata": {"f:labels": {"f:c": {}}}})),
        ];
        let meta: ObjectMeta = serde_json::from_value(json!({"managedFields": fields})).expect("metadata");
        assert_eq!(rival(&meta, &[label("a")]).as_deref(), Some("argocd-controller"));
        assert_eq!(rival(&meta, &[label("gone")]).as_deref(), Some("kubectl-edit"), "who wrote last removed it");
        assert_eq!(rival(&ObjectMeta::default(), &[label("a")]), None);
    }

    #[test]
    fn the_advice_speaks_the_rivals_language() {
        let keys = [Key { field: Field::Annotation, name: "example.com/a".to_owned() }];
        let argo = advice(Some("argocd-controller"), "web", &keys);
        assert!(argo.contains("ignoreDifferences") && argo.contains("/metadata/annotations/example.com~1a") && !argo.contains("Flux"));
        assert!(advice(None, "web", &keys).contains("driftDetection"));
    }
}
