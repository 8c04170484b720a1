//! API server: what becomes of a user's request before it is stored. The guard's *names*, *stamp*
//! and *seal* as they are rendered in CEL; then the policy itself.

use serde_json::{Value, json};
use tenancy::keys::{CREATOR, DEFAULT_TOLERATIONS, NODE_SELECTOR, OWN_ANNOTATIONS, TENANT_LABEL};
use tenancy::metadata::{Field, Metadata};

use super::state::{NAMES, State, User};

/// What is stored in answer to a CREATE; `None` where it is refused.
pub(super) fn create(
    state: &State,
    number: usize,
    user: User,
    mut metadata: Metadata,
) -> Option<Metadata> {
    if state.form.guard {
        let settings = state.settings();
        if settings.excludes(NAMES[number]) {
            return (user == User::Admin).then_some(metadata);
        }
        metadata.annotations.retain(|key, _| !OWN_ANNOTATIONS.contains(&key.as_str()));
        metadata.annotations.insert(CREATOR.to_owned(), user.info().to_string());
    }
    judge(state, number, user, None, metadata)
}

/// What is stored in answer to an UPDATE.
pub(super) fn update(
    state: &State,
    number: usize,
    user: User,
    old: &Metadata,
    mut metadata: Metadata,
) -> Option<Metadata> {
    if state.form.guard {
        match user {
            User::Admin => stamp_move(state, number, old, &mut metadata),
            _ => seal(state, number, old, &mut metadata)?,
        }
    }
    judge(state, number, user, Some(old), metadata)
}

/// An admin who changes what the rules read takes the creator's place, with what they wrote.
fn stamp_move(state: &State, number: usize, old: &Metadata, metadata: &mut Metadata) {
    if state.settings().excludes(NAMES[number]) {
        return;
    }
    let changed = changed_evidence(state, old, metadata);
    if !changed.is_empty() {
        let moved: Vec<String> = changed.into_iter().flatten().collect();
        let stamp = json!({"username": User::Admin.name(), "groups": [], "moved": moved});
        metadata.annotations.insert(CREATOR.to_owned(), stamp.to_string());
    }
}

/// The new values of what the rules read and this changes.
pub(super) fn changed_evidence(
    state: &State,
    old: &Metadata,
    new: &Metadata,
) -> Vec<Option<String>> {
    let settings = state.settings();
    let fields = [Field::Label, Field::Annotation];
    let changed = fields.into_iter().flat_map(|field| {
        let keys = settings.evidence_keys(field).into_iter();
        keys.map(move |key| (old.field(field).get(&key), new.field(field).get(&key)))
            .map(|(old, new)| (old.cloned(), new.cloned()))
            .collect::<Vec<_>>()
    });
    changed.filter(|(old, new)| old != new).map(|(_, new)| new).collect()
}

/// What is sealed stays as it was; of a namespace that is excluded, where landlord's record would
/// change. `None` where the user changes or adds it: that is refused.
fn seal(state: &State, number: usize, old: &Metadata, metadata: &mut Metadata) -> Option<()> {
    let settings = state.settings();
    let changes = |key: &&str| old.annotations.get(*key) != metadata.annotations.get(*key);
    if settings.excludes(NAMES[number]) && !OWN_ANNOTATIONS.iter().any(changes) {
        return Some(());
    }
    let mut labels = settings.evidence_keys(Field::Label);
    labels.insert(TENANT_LABEL.to_owned());
    let mut annotations = settings.evidence_keys(Field::Annotation);
    let placement = [NODE_SELECTOR, DEFAULT_TOLERATIONS];
    annotations.extend(OWN_ANNOTATIONS.into_iter().chain(placement).map(str::to_owned));
    for (field, keys) in [(Field::Label, labels), (Field::Annotation, annotations)] {
        for key in keys {
            let before = old.field(field).get(&key);
            if metadata.field(field).get(&key).is_some_and(|after| Some(after) != before) {
                return None;
            }
            let dropped = before.map(|value| (key, value.clone()));
            metadata.field_mut(field).extend(dropped);
        }
    }
    Some(())
}

/// The policy's answer.
fn judge(
    state: &State,
    number: usize,
    user: User,
    old: Option<&Metadata>,
    metadata: Metadata,
) -> Option<Metadata> {
    if !state.form.webhook {
        return Some(metadata);
    }
    let object = object(number, &metadata);
    let request = json!({
        "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"},
        "resource": {"group": "", "version": "v1", "resource": "namespaces"},
        "name": NAMES[number], "operation": if old.is_some() { "UPDATE" } else { "CREATE" },
        "userInfo": user.info(), "object": object, "oldObject": old.map(|old| self::object(number, old)),
    });
    let answer =
        assessment::admission::answer(&state.document(), &request, &state.tenant_objects());
    if answer["accepted"] != json!(true) {
        return None;
    }
    let stored = match &answer["mutated_object"] {
        Value::Null => &object,
        mutated => mutated,
    };
    let map = |field: &str| {
        let map = stored["metadata"][field].clone();
        serde_json::from_value(map).unwrap_or_default()
    };
    Some(Metadata { labels: map("labels"), annotations: map("annotations") })
}

fn object(number: usize, metadata: &Metadata) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": NAMES[number], "uid": "1", "labels": metadata.labels, "annotations": metadata.annotations}})
}
