//! Groups of namespaces that carry the same value of a key, made into tenants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenancy::metadata::{Field, Key};
use tenancy::namespace::Namespace;

use super::conversion::Conversion;
use super::names::{self, Route};
use super::spec::describe;

/// Namespaces by what they have in common.
pub(super) type Groups<'n> = BTreeMap<&'n str, Vec<&'n Namespace>>;

/// Namespaces by the value of a key, and those without one.
pub(super) fn by_key<'n>(
    namespaces: &[&'n Namespace],
    key: &Key,
) -> (Groups<'n>, Vec<&'n Namespace>) {
    let (mut groups, mut others) = (Groups::new(), Vec::new());
    for namespace in namespaces {
        match namespace.metadata.field(key.field).get(&key.name).filter(|value| !value.is_empty()) {
            Some(value) => groups.entry(value).or_default().push(namespace),
            None => others.push(*namespace),
        }
    }
    (groups, others)
}

/// A tenant for each value of the key, and the rules that find them again.
pub(super) fn add_by_key(conversion: &mut Conversion, groups: &Groups<'_>, key: &Key) {
    let assigned = names::assign(groups.keys().copied());
    let routes: BTreeSet<&Route> = assigned.values().map(|(_, route)| route).collect();
    // Behind a prefix first: the key itself would be taken for a name.
    let path = format!("$.namespace.metadata.{}['{}']", key.field.member(), key.name);
    for route in routes.iter().rev() {
        match route {
            Route::Prefix(prefix) => {
                conversion.identify.push(json!({"jsonPath": {"path": path, "prefix": prefix}}))
            }
            Route::Value => conversion.identify.push(rule(key)),
            Route::Label => {}
        }
    }
    for (value, members) in groups {
        let Some((name, route)) = assigned.get(value) else { continue };
        add(conversion, name, members, Some(key));
        if *route == Route::Label {
            conversion.notes.push(format!(
                "{key} is {value:?}, which can be no tenant's name: its namespaces become tenant {name:?}'s by the own label"
            ));
            let selection = (key.field == Field::Label).then(|| format!("{}={value}", key.name));
            conversion.label(selection.as_deref(), name, members.iter().copied());
        }
    }
}

fn rule(key: &Key) -> Value {
    match key.field {
        Field::Label => json!({"label": key.name}),
        Field::Annotation => json!({"annotation": key.name}),
    }
}

/// A tenant of these namespaces.
pub(super) fn add(
    conversion: &mut Conversion,
    name: &str,
    members: &[&Namespace],
    claim: Option<&Key>,
) {
    let description = describe(members, claim);
    let notes = description.notes.into_iter().map(|note| format!("tenant {name:?} {note}"));
    conversion.notes.extend(notes);
    conversion.tenants.insert(name.to_owned(), description.spec);
}
