//! Difference: what of the guard in the cluster is not as it is rendered. Pure; nothing waits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::{NAME, PART_LABEL, Part};

/// One object of the guard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// The kind, without its group.
    pub kind: String,
    /// The name in the cluster, which begins with [`NAME`].
    pub name: String,
}

/// What is to be written, and why.
#[derive(Clone, Debug)]
pub struct Change {
    /// The object that is written.
    pub id: Id,
    /// What is written of it, and the cause.
    pub news: News,
}

/// The cause of a write, with the object to be written.
#[derive(Clone, Debug)]
pub enum News {
    /// It was never there.
    Installed(Box<Value>),
    /// It has to be another than before: the settings have changed, or landlord.
    Updated(Box<Value>),
    /// It was as it has to be, and a user deleted it.
    Recreated(Box<Value>),
    /// It was as it has to be, and a user changed it.
    Repaired(Box<Value>),
    /// It has no place in the guard any more.
    Removed,
}

/// What is known of the guard in the cluster.
#[derive(Debug)]
pub struct Known {
    found: BTreeMap<Id, Value>,
    /// What was wanted when an object was last as it has to be, and how the API server keeps that.
    settled: BTreeMap<Id, (Value, Value)>,
    /// Lists under way, and the kinds that have not been listed yet.
    lists: Vec<BTreeMap<Id, Value>>,
    unlisted: BTreeSet<usize>,
}

impl Id {
    /// An object by its kind, without the group, and its name.
    pub fn new(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }

    /// The object that a rendered document describes.
    pub fn of_rendered(object: &Value) -> Self {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Self::new(text("/kind"), text("/metadata/name"))
    }

    /// The part of the guard, for reports.
    pub fn part(&self) -> &str {
        self.name.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('-')).unwrap_or(&self.name)
    }

    fn is_of_guard(&self) -> bool {
        self.name.starts_with(NAME)
    }

    /// A binding without its policy does nothing, a policy without its binding neither: the binding
    /// goes first.
    fn is_binding(&self) -> bool {
        self.kind.ends_with("Binding")
    }
}

impl Change {
    /// Whether it takes away what refuses where MutatingAdmissionPolicies correct: nothing but these
    /// parts keeps tenants apart until those are enforced.
    pub fn retires_older_form(&self) -> bool {
        let parts = [Part::Stamp, Part::Owners, Part::Seal].map(Part::word);
        self.news.is_removal()
            && self.id.kind.starts_with("Validating")
            && parts.contains(&self.id.part())
    }
}

impl News {
    /// Whether a user took the guard away or changed it.
    pub fn is_repair(&self) -> bool {
        matches!(self, Self::Recreated(_) | Self::Repaired(_))
    }

    /// Whether the object is deleted.
    pub fn is_removal(&self) -> bool {
        matches!(self, Self::Removed)
    }

    /// A bounded phrase for logs and Events.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Installed(_) => "installed",
            Self::Updated(_) => "updated",
            Self::Recreated(_) => "deleted by another client, created again",
            Self::Repaired(_) => "changed by another client, repaired",
            Self::Removed => "removed",
        }
    }
}

impl Known {
    /// Nothing is known yet of this number of kinds; other methods count them from 0.
    pub fn new(kinds: usize) -> Self {
        let lists = vec![BTreeMap::new(); kinds];
        Self {
            found: BTreeMap::new(),
            settled: BTreeMap::new(),
            lists,
            unlisted: (0..kinds).collect(),
        }
    }

    /// Whether every kind has been listed.
    pub fn is_listed(&self) -> bool {
        self.unlisted.is_empty()
    }

    /// A list of a kind begins, and with it a new picture of that kind.
    pub fn begin_list(&mut self, kind: usize) {
        self.lists.get_mut(kind).into_iter().for_each(BTreeMap::clear);
    }

    /// Takes in one object of a list that has begun.
    pub fn list(&mut self, kind: usize, id: Id, object: Value) {
        if id.is_of_guard() {
            self.lists
                .get_mut(kind)
                .into_iter()
                .for_each(|list| drop(list.insert(id.clone(), object.clone())));
        }
    }

    /// A list is complete: what is not in it is gone. `word` is the kind as objects name it.
    pub fn end_list(&mut self, kind: usize, word: &str) {
        self.found.retain(|id, _| id.kind != word);
        self.found.extend(self.lists.get_mut(kind).map(std::mem::take).unwrap_or_default());
        self.unlisted.remove(&kind);
    }

    /// Takes in an object that was created or changed; others' objects are ignored.
    pub fn put(&mut self, id: Id, object: Value) {
        if id.is_of_guard() {
            self.found.insert(id, object);
        }
    }

    /// An object was deleted.
    pub fn remove(&mut self, id: &Id) {
        self.found.remove(id);
    }

    /// Takes in what a write has led to.
    pub fn written(&mut self, change: &Change, stored: Option<Value>) {
        match (&change.news, stored) {
            (News::Removed, _) | (_, None) => {
                self.found.remove(&change.id);
                self.settled.remove(&change.id);
            }
            (
                News::Installed(sent)
                | News::Updated(sent)
                | News::Recreated(sent)
                | News::Repaired(sent),
                Some(stored),
            ) => {
                self.settled.insert(change.id.clone(), (spec(sent), spec(&stored)));
                self.found.insert(change.id.clone(), stored);
            }
        }
    }

    /// What is to be written, in order; nothing as long as not every kind has been listed. What has
    /// no place any more comes last.
    pub fn compare(&mut self, rendered: &[Value]) -> Vec<Change> {
        if !self.is_listed() {
            return Vec::new();
        }
        let surplus = self.surplus(rendered);
        let changes = rendered.iter().filter_map(|object| self.compare_one(object));
        changes.collect::<Vec<Change>>().into_iter().chain(surplus).collect()
    }

    fn compare_one(&mut self, rendered: &Value) -> Option<Change> {
        let id = Id::of_rendered(rendered);
        let wanted = rendered.get("spec").cloned().unwrap_or_default();
        let (known, stored) = self.settled.get(&id).cloned().unzip();
        let was_right = known.as_ref() == Some(&wanted);
        let found = self.found.get(&id);
        let accepted = |spec: &Value| *spec == wanted || was_right && stored.as_ref() == Some(spec);
        if let Some(found) =
            found.filter(|found| accepted(&spec(found)) && is_labelled(found, rendered))
        {
            self.settled.insert(id, (wanted, spec(found)));
            return None;
        }
        let object = Box::new(wanted_object(rendered, found));
        let news = match (found.is_some(), was_right) {
            (false, false) => News::Installed(object),
            (false, true) => News::Recreated(object),
            (true, false) => News::Updated(object),
            (true, true) => News::Repaired(object),
        };
        Some(Change { id, news })
    }

    /// Parts that the settings or the flags do not ask for any more.
    fn surplus(&self, rendered: &[Value]) -> Vec<Change> {
        let wanted: BTreeSet<Id> = rendered.iter().map(Id::of_rendered).collect();
        let ours =
            |object: &Value| labels(object).is_some_and(|labels| labels.contains_key(PART_LABEL));
        let surplus = self
            .found
            .iter()
            .filter(|(id, object)| !wanted.contains(id) && ours(object))
            .map(|(id, _)| id);
        let (bindings, policies): (Vec<&Id>, Vec<&Id>) = surplus.partition(|id| id.is_binding());
        bindings
            .into_iter()
            .chain(policies)
            .map(|id| Change { id: id.clone(), news: News::Removed })
            .collect()
    }
}

/// The part of an object that says what it does.
pub fn spec(object: &Value) -> Value {
    object.get("spec").cloned().unwrap_or_default()
}

fn labels(object: &Value) -> Option<&Map<String, Value>> {
    object.pointer("/metadata/labels")?.as_object()
}

/// Labels that others add are theirs.
fn is_labelled(found: &Value, rendered: &Value) -> bool {
    labels(rendered)
        .into_iter()
        .flatten()
        .all(|(key, value)| labels(found).and_then(|found| found.get(key)) == Some(value))
}

/// The object to send: that which is there with our labels and spec, or a new one.
fn wanted_object(rendered: &Value, found: Option<&Value>) -> Value {
    let metadata = found.and_then(|found| found.get("metadata")?.as_object().cloned());
    let Some((fields, mut metadata)) = rendered.as_object().zip(metadata) else {
        return rendered.clone();
    };
    metadata.remove("managedFields");
    let mut merged = metadata
        .remove("labels")
        .and_then(|labels| labels.as_object().cloned())
        .unwrap_or_default();
    merged.extend(labels(rendered).cloned().unwrap_or_default());
    metadata.insert("labels".to_owned(), Value::Object(merged));
    let mut object = fields.clone();
    object.insert("metadata".to_owned(), Value::Object(metadata));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Kind", "metadata": {"labels": {PART_LABEL: "seal"}, "name": "landlord-guard-seal"}, "spec": spec})
    }

    fn stored(spec: Value) -> Value {
        rendered(spec)
    }

    fn id() -> Id {
        Id::new("Kind", "landlord-guard-seal")
    }

    fn known() -> Known {
        let mut known = Known::new(1);
        known.end_list(0, "Kind");
        known
    }

    /// Compares, writes, and takes in what the API server makes of it.
    fn write(known: &mut Known, wanted: &Value, answer: Value) -> Vec<&'static str> {
        let changes = known.compare(std::slice::from_ref(wanted));
        changes.iter().for_each(|change| known.written(change, Some(stored(answer.clone()))));
        changes.iter().map(|change| change.news.word()).collect()
    }

    #[test]
    fn nothing_is_written_before_all_is_known() {
        assert!(Known::new(1).compare(&[rendered(json!({}))]).is_empty());
    }

    /// A newer API server may fill in fields that landlord does not know: that is no drift.
    #[test]
    fn what_the_api_server_adds_is_written_once() {
        let (mut known, wanted) = (known(), rendered(json!({"a": 1})));
        assert_eq!(write(&mut known, &wanted, json!({"a": 1, "new": true})), ["installed"]);
        assert_eq!(write(&mut known, &wanted, json!({})), [""; 0]);
        known.put(id(), stored(json!({"a": 2, "new": true})));
        assert_eq!(
            write(&mut known, &wanted, json!({"a": 1, "new": true})),
            ["changed by another client, repaired"]
        );
    }

    #[test]
    fn what_was_right_and_is_gone_was_deleted() {
        let (mut known, wanted) = (known(), rendered(json!({"a": 1})));
        known.put(id(), stored(json!({"a": 1})));
        assert_eq!(write(&mut known, &wanted, json!({})), [""; 0]);
        known.remove(&id());
        assert_eq!(
            write(&mut known, &wanted, json!({"a": 1})),
            ["deleted by another client, created again"]
        );
        let other = rendered(json!({"a": 2}));
        assert_eq!(write(&mut known, &other, json!({"a": 2})), ["updated"]);
    }

    /// The part that corrects comes before the one that refuses goes.
    #[test]
    fn another_kind_of_a_part_goes_last() {
        let mut known = known();
        for (kind, name) in [
            ("Policy", "owners"),
            ("PolicyBinding", "owners"),
            ("Policy", "seal"),
            ("PolicyBinding", "seal"),
        ] {
            known.put(Id::new(kind, &format!("landlord-guard-{name}")), stored(json!({})));
        }
        let wanted = [rendered(json!({}))];
        let changes: Vec<(String, String, &str)> = known
            .compare(&wanted)
            .iter()
            .map(|one| (one.id.kind.clone(), one.id.part().to_owned(), one.news.word()))
            .collect();
        let line = |kind: &str, part: &str, word| (kind.to_owned(), part.to_owned(), word);
        let expected = [
            line("Kind", "seal", "installed"),
            line("PolicyBinding", "owners", "removed"),
            line("PolicyBinding", "seal", "removed"),
            line("Policy", "owners", "removed"),
            line("Policy", "seal", "removed"),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_only_goes_once_its_successor_is_enforced() {
        let removed = |kind: &str, part: &str| Change {
            id: Id::new(kind, &format!("landlord-guard-{part}")),
            news: News::Removed,
        };
        for part in ["stamp", "owners", "seal"] {
            for kind in ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] {
                assert!(removed(kind, part).retires_older_form(), "{kind} {part}");
            }
        }
        for (kind, part) in [
            ("MutatingAdmissionPolicy", "hold"),
            ("MutatingAdmissionPolicy", "place"),
            ("ValidatingAdmissionPolicy", "references"),
        ] {
            assert!(!removed(kind, part).retires_older_form(), "{kind} {part}");
        }
    }

    #[test]
    fn only_objects_of_the_guard_are_removed() {
        let mut known = known();
        known.put(id(), stored(json!({})));
        let mut strange = stored(json!({}));
        strange["metadata"]["labels"] = Value::Null;
        known.put(Id::new("Kind", "landlord-guard-mine"), strange);
        known.put(Id::new("Kind", "other"), stored(json!({})));
        let changes: Vec<Id> = known.compare(&[]).into_iter().map(|change| change.id).collect();
        assert_eq!(changes, [id()]);
    }
}
