//! Write: one patch of one namespace.

use json_patch::{Patch as JsonPatch, PatchOperation};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};
use tenancy::metadata::{Field, Key, Metadata};

use crate::cached_namespace::CachedNamespace;
use crate::operation::{add, remove, test};

/// A JSON merge patch, guarded by uid and resourceVersion: a state that it was not made for answers
/// 409 or 422.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The namespace's name.
    pub name: String,
    /// Its uid: another namespace of that name is not meant.
    pub uid: String,
    /// The resourceVersion that the patch was made for.
    pub version: String,
    /// The body.
    pub body: Body,
    /// Each key that the patch changes, and the value that it gets; `None` takes it away.
    pub changes: Vec<(Key, Option<String>)>,
}

/// A patch, in one of two notations.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A JSON merge patch with the version.
    Merge(Value),
    /// A JSON patch without it ([`Write::at_any_version`]).
    Steps(JsonPatch),
}

impl Write {
    /// The patch that turns the metadata of a namespace into `after`; `None` where they are equal.
    pub fn between(before: &CachedNamespace, after: &Metadata) -> Option<Self> {
        let changes = changes(&before.namespace.metadata, after);
        if changes.is_empty() {
            return None;
        }
        let name = before.namespace.name.clone().unwrap_or_default();
        Some(Self {
            name,
            uid: before.uid.clone(),
            version: before.version.clone(),
            body: Body::Merge(patch(before, &changes)),
            changes,
        })
    }

    /// The same, which also resets `managedFields`: they are as large again as the labels and
    /// annotations, and landlord's own entry would be new among them.
    pub fn without_managers(mut self) -> Self {
        if let Body::Merge(patch) = &mut self.body
            && let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.insert("managedFields".to_owned(), json!([{}]));
        }
        self
    }

    /// The same at any version, as long as each of its keys has the value that it had: a JSON patch.
    /// Another client may change the rest of the namespace all the time.
    pub fn at_any_version(self, before: &CachedNamespace) -> Self {
        let steps = self.changes.iter().flat_map(|(key, value)| {
            let path = || ["metadata", field_name(key.field), key.name.as_str()];
            let found = before.namespace.metadata.field(key.field).get(&key.name);
            let unchanged = found.map(|found| test(path(), found.as_str()));
            let step = match value {
                Some(value) => add(path(), value.as_str()),
                None => remove(path()),
            };
            unchanged.into_iter().chain([step])
        });
        let same: PatchOperation = test(["metadata", "uid"], self.uid.as_str());
        let body = Body::Steps(JsonPatch([same].into_iter().chain(steps).collect()));
        Self { body, ..self }
    }

    /// Keys that an answer does not carry as they were written: admission set them back.
    pub fn missing_in(&self, answer: &ObjectMeta) -> Vec<Key> {
        let found = |key: &Key| {
            let map = match key.field {
                Field::Label => answer.labels.as_ref(),
                Field::Annotation => answer.annotations.as_ref(),
            };
            map.and_then(|map| map.get(&key.name))
        };
        self.changes
            .iter()
            .filter(|(key, value)| found(key) != value.as_ref())
            .map(|(key, _)| key.clone())
            .collect()
    }
}

fn changes(before: &Metadata, after: &Metadata) -> Vec<(Key, Option<String>)> {
    let mut changes = Vec::new();
    for field in [Field::Label, Field::Annotation] {
        let old = before.field(field);
        let new = after.field(field);
        let set = new.iter().filter(|(key, value)| old.get(*key) != Some(*value));
        changes.extend(
            set.map(|(key, value)| (Key { field, name: key.clone() }, Some(value.clone()))),
        );
        changes.extend(
            old.keys()
                .filter(|key| !new.contains_key(*key))
                .map(|key| (Key { field, name: key.clone() }, None)),
        );
    }
    changes
}

fn field_name(field: Field) -> &'static str {
    match field {
        Field::Label => "labels",
        Field::Annotation => "annotations",
    }
}

/// The JSON merge patch.
fn patch(before: &CachedNamespace, changes: &[(Key, Option<String>)]) -> Value {
    let mut metadata = Map::new();
    metadata.insert("uid".to_owned(), json!(before.uid));
    metadata.insert("resourceVersion".to_owned(), json!(before.version));
    for field in [Field::Label, Field::Annotation] {
        let of_field = changes.iter().filter(|(key, _)| key.field == field);
        let map: Map<String, Value> =
            of_field.map(|(key, value)| (key.name.clone(), json!(value))).collect();
        if !map.is_empty() {
            metadata.insert(field_name(field).to_owned(), Value::Object(map));
        }
    }
    json!({"metadata": metadata})
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn object(uid: &str, annotations: Value) -> Value {
        json!({"metadata": {"name": "web", "uid": uid, "resourceVersion": "1", "annotations": annotations}})
    }

    /// What it changes has to be as it was, and of the same namespace; nothing else counts.
    #[rstest]
    #[case::the_same(object("u", json!({"a": "1", "b": "2"})), true)]
    #[case::other_keys(object("u", json!({"a": "1", "b": "2", "c": "3"})), true)]
    #[case::its_own_value(object("u", json!({"a": "9", "b": "2"})), false)]
    #[case::its_own_removal(object("u", json!({"a": "1"})), false)]
    #[case::another_namespace(object("v", json!({"a": "1", "b": "2"})), false)]
    fn at_any_version_its_own_keys_count(#[case] mut found: Value, #[case] is_written: bool) {
        let meta = object("u", json!({"a": "1", "b": "2"}))["metadata"].take();
        let before = CachedNamespace::from_meta(&serde_json::from_value(meta).expect("metadata"));
        let mut after = before.namespace.metadata.clone();
        after.annotations.insert("a".to_owned(), "new".to_owned());
        after.annotations.remove("b");
        let write = Write::between(&before, &after).expect("a write").at_any_version(&before);
        let Body::Steps(steps) = write.body else { panic!("no steps") };
        let outcome = json_patch::patch(&mut found, &steps);
        assert_eq!(outcome.is_ok(), is_written);
        let annotations = &found["metadata"]["annotations"];
        assert_eq!(annotations["a"] == "new" && annotations.get("b").is_none(), is_written);
    }
}
