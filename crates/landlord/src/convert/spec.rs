//! Spec of a Tenant: what the namespaces of a group share, and overrides for what differs.

use std::collections::{BTreeMap, BTreeSet};

use tenancy::metadata::{Field, Key, Map};
use tenancy::namespace::Namespace;
use tenancy::tenant::landlord::TenantSpec;

use super::overrides::{Class, Split, agree, base_selector, base_tolerations, overrides};
use super::seen::Seen;

/// Entries that a Tenant's labels and annotations have at most.
const MAX_ENTRIES: usize = 32;
/// Values of a label that tells the namespaces of a group apart.
const MAX_CLASSES: usize = 16;
/// Keys that a note names.
const NAMED: usize = 8;

/// The spec of a group, and what is not in it.
pub(super) struct Description {
    pub(super) spec: TenantSpec,
    /// Sentences without a subject, which is the tenant.
    pub(super) notes: Vec<String>,
}

/// Describes a group. `claim` is the key from which `identify` learns the tenant's name: landlord
/// does not write it.
pub(super) fn describe(members: &[&Namespace], claim: Option<&Key>) -> Description {
    let seen: Vec<Seen<'_>> = members.iter().map(|one| Seen::new(one)).collect();
    let group: Class<'_> = seen.iter().collect();
    let (shared, differing) = compare(&group, claim);
    let split = split(&group, &differing);
    let managed: Vec<&Key> =
        split.as_ref().map(|split| split.decides(&differing)).unwrap_or_default();
    let unmanaged: Vec<&Key> = differing.iter().filter(|key| !managed.contains(key)).collect();
    let mut notes: Vec<String> = faults(&seen).into_iter().collect();
    notes.extend(note("differs among its namespaces and stays theirs", &unmanaged));
    let [labels, annotations] = [Field::Label, Field::Annotation].map(|field| {
        let mut entries = entries(&shared, field);
        let beyond = entries.keys().nth(MAX_ENTRIES).cloned();
        let rest = beyond.map(|key| entries.split_off(&key)).unwrap_or_default();
        let rest: Vec<Key> = rest.into_keys().map(|name| Key { field, name }).collect();
        notes.extend(note("is more than a Tenant can list", &rest.iter().collect::<Vec<_>>()));
        Some(entries).filter(|entries| !entries.is_empty())
    });
    let classes = split.as_ref().map_or_else(|| vec![group.clone()], Split::classes);
    let spec = TenantSpec {
        owners: Some(Vec::new()),
        node_selector: base_selector(&classes),
        tolerations: base_tolerations(&classes),
        labels,
        annotations,
        overrides: split.map(|split| overrides(&split, &managed)).filter(|list| !list.is_empty()),
        ..TenantSpec::default()
    };
    Description { spec, notes }
}

fn entries(shared: &BTreeMap<Key, String>, field: Field) -> Map {
    let of_field = shared.iter().filter(|(key, _)| key.field == field);
    of_field.map(|(key, value)| (key.name.clone(), value.clone())).collect()
}

/// Keys that all have with the same value, and the others. What one namespace has says nothing of
/// a tenant.
fn compare(group: &Class<'_>, claim: Option<&Key>) -> (BTreeMap<Key, String>, BTreeSet<Key>) {
    let mut shared = BTreeMap::new();
    let mut differing = BTreeSet::new();
    let [first, _, ..] = group.as_slice() else { return (shared, differing) };
    let keys: BTreeSet<Key> = group.iter().flat_map(|seen| seen.keys()).collect();
    for key in keys.into_iter().filter(|key| Some(key) != claim) {
        match first.value(&key) {
            Some(value) if agree(group, |seen| seen.value(&key)) => {
                shared.insert(key, value.to_owned());
            }
            _ => drop(differing.insert(key)),
        }
    }
    (shared, differing)
}

/// How overrides tell the namespaces apart: by the label that decides most of what differs, and
/// placement in any case; else by their names, where placement differs.
fn split<'s>(group: &Class<'s>, differing: &BTreeSet<Key>) -> Option<Split<'s>> {
    let labels = differing.iter().filter(|key| key.field == Field::Label);
    let splits = labels.filter_map(|key| by_label(group, key));
    let places = |split: &Split<'s>| {
        split.classes().iter().all(|class| agree(class, |seen| seen.placement.clone()))
    };
    let is_placed_alike = agree(group, |seen| seen.placement.clone());
    let counted = splits.filter(places).map(|split| (split.decides(differing).len(), split));
    let useful = counted.filter(|(count, _)| *count > 0 || !is_placed_alike);
    // Of equals, the first key.
    let best = useful.reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((_, split)) => Some(split),
        None if is_placed_alike => None,
        None => Some(Split::by_placement(group)),
    }
}

/// By a label that all have, whose values repeat.
fn by_label<'s>(group: &Class<'s>, key: &Key) -> Option<Split<'s>> {
    let mut classes: BTreeMap<&str, Class<'s>> = BTreeMap::new();
    for seen in group {
        classes.entry(seen.value(key)?).or_default().push(seen);
    }
    let repeats = (2..=MAX_CLASSES).contains(&classes.len()) && classes.len() * 2 <= group.len();
    repeats.then(|| Split::Label {
        key: key.name.clone(),
        classes: classes.into_iter().map(|(value, class)| (value.to_owned(), class)).collect(),
    })
}

/// The first annotation of placement that cannot be read, and how many namespaces have one.
fn faults(seen: &[Seen<'_>]) -> Option<String> {
    let mut unread = seen.iter().filter(|one| !one.faults.is_empty());
    let first = unread.next()?;
    let fault = first.faults.first()?;
    let count = 1 + unread.count();
    let name = first.name();
    Some(format!(
        "does not get what {count} of its namespaces have and nothing can read; {name:?}: {fault}"
    ))
}

fn note(what: &str, keys: &[&Key]) -> Option<String> {
    let shown: Vec<String> = keys.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match keys.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!keys.is_empty()).then(|| format!("does not list what {what}: {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn namespaces(list: &[(&str, Value, &str)]) -> Vec<Namespace> {
        let one = |(name, labels, selector): &(&str, Value, &str)| {
            let mut annotations = json!({});
            if *selector != "none" {
                annotations["scheduler.alpha.kubernetes.io/node-selector"] = json!(selector);
            }
            Namespace::from_value(
                &json!({"metadata": {"name": name, "labels": labels, "annotations": annotations}}),
            )
            .expect("a namespace")
        };
        list.iter().map(one).collect()
    }

    fn described(list: &[(&str, Value, &str)]) -> (Value, Vec<String>) {
        let namespaces = namespaces(list);
        let members: Vec<&Namespace> = namespaces.iter().collect();
        let description = describe(&members, Some(&Key::label("team")));
        (serde_json::to_value(description.spec).expect("JSON"), description.notes)
    }

    #[test]
    fn what_all_share_is_the_tenants() {
        let labels = |app: &str| json!({"team": "solar", "cost": "7", "app": app});
        let (spec, notes) =
            described(&[("web", labels("web"), "pool=solar"), ("db", labels("db"), "pool=solar")]);
        assert_eq!(
            spec,
            json!({"owners": [], "nodeSelector": {"pool": "solar"}, "labels": {"cost": "7"}})
        );
        assert_eq!(
            notes,
            ["does not list what differs among its namespaces and stays theirs: label \"app\""]
        );
    }

    #[test]
    fn one_namespace_says_where_its_pods_run_and_no_more() {
        let (spec, notes) = described(&[("web", json!({"team": "solar", "cost": "7"}), "")]);
        assert_eq!(spec, json!({"owners": [], "nodeSelector": {}}));
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn a_label_that_decides_is_the_overrides_selector() {
        let labels = |env: &str, tier: &str| json!({"team": "solar", "env": env, "tier": tier});
        let (spec, notes) = described(&[
            ("a", labels("prod", "gold"), "pool=solar,tier=prod"),
            ("b", labels("prod", "gold"), "pool=solar,tier=prod"),
            ("c", labels("test", "iron"), "pool=solar"),
            ("d", labels("test", "iron"), "pool=solar"),
        ]);
        assert_eq!(
            spec,
            json!({"owners": [], "nodeSelector": {"pool": "solar"}, "overrides": [
                {"namespaceSelector": {"matchLabels": {"env": "prod"}}, "nodeSelector": {"tier": "prod"}, "labels": {"tier": "gold"}},
                {"namespaceSelector": {"matchLabels": {"env": "test"}}, "labels": {"tier": "iron"}},
            ]})
        );
        assert_eq!(
            notes,
            ["does not list what differs among its namespaces and stays theirs: label \"env\""]
        );
    }

    #[test]
    fn odd_ones_are_named() {
        let team = || json!({"team": "solar"});
        let (spec, _) = described(&[
            ("a", team(), "pool=solar"),
            ("b", team(), "pool=solar"),
            ("odd", team(), "pool=gpu"),
        ]);
        assert_eq!(
            spec,
            json!({"owners": [], "nodeSelector": {"pool": "solar"}, "overrides": [
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "odd"}}, "nodeSelector": {"pool": "gpu"}},
            ]})
        );
    }

    /// An override takes nothing away, so those with a selector get it from one, and so does what
    /// is new.
    #[test]
    fn a_namespace_without_a_pool_keeps_none() {
        let team = || json!({"team": "solar"});
        for odd in ["none", "no selector"] {
            let (spec, notes) = described(&[
                ("a", team(), "pool=solar"),
                ("b", team(), "pool=solar"),
                ("odd", team(), odd),
            ]);
            assert_eq!(
                spec,
                json!({"owners": [], "overrides": [
                    {"namespaceSelector": {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["odd"]}]},
                     "nodeSelector": {"pool": "solar"}},
                ]}),
            );
            assert_eq!(notes.len(), usize::from(odd == "no selector"), "{notes:?}");
        }
    }
}
