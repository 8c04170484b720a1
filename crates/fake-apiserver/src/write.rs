//! Writing: create, replace, merge patch, delete, with the checks that make a stale writer fail.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::admission::{Admission, strip};
use super::answer::{Refusal, answer};
use super::read::{key, presented};
use super::size;
use super::store::{ADMISSION, State};
use super::target::{Target, Verb};

/// Metadata that only the server sets.
const SERVERS: [&str; 4] = ["uid", "resourceVersion", "creationTimestamp", "generation"];

impl State {
    /// A write that is recorded as this client's.
    pub(super) fn write_as(
        &mut self,
        who: Option<String>,
        target: &Target,
        body: &[u8],
    ) -> Result<Response<Body>, Refusal> {
        self.who = who;
        let answer = self.write(target, body);
        self.who = None;
        answer
    }

    fn write(&mut self, target: &Target, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let (code, object) = match target.verb {
            Verb::Create => (StatusCode::CREATED, self.create(target, document(body)?)?),
            Verb::Delete => (StatusCode::OK, self.delete(target)?),
            Verb::Patch => (StatusCode::OK, self.patch(target, &document(body)?)?),
            _ => (StatusCode::OK, self.replace(target, document(body)?)?),
        };
        Ok(answer(code, &presented(&object, target)))
    }

    /// A patch that admission changes before it is stored. What becomes of it is recorded as
    /// admission's doing.
    pub(super) fn patch_admitted(
        &mut self,
        target: &Target,
        body: &[u8],
        admission: &Admission,
    ) -> Result<Response<Body>, Refusal> {
        let is_changed = matches!(admission, Admission::Revert | Admission::Strip(_));
        self.who = if is_changed { Some(ADMISSION.to_owned()) } else { target.who.clone() };
        let answer = match admission {
            Admission::Revert => self.touch(target),
            Admission::Strip(pointers) => self.patch_stripped(target, body, pointers),
            Admission::DenyChange { code, pointer } => {
                if self.is_changed(target, body, pointer)? {
                    return Err(Refusal::denied(*code, 0));
                }
                self.write(target, body)
            }
            Admission::Deny { .. } | Admission::HangChange(_) | Admission::Delay(_) => {
                self.write(target, body)
            }
        };
        self.who = None;
        answer
    }

    /// Whether a patch changes what this JSON pointer names.
    pub(super) fn is_changed(
        &self,
        target: &Target,
        body: &[u8],
        pointer: &str,
    ) -> Result<bool, Refusal> {
        let (before, after) = self.patched(target, &document(body)?)?;
        Ok(before.pointer(pointer) != after.pointer(pointer))
    }

    /// A patch without what these pointers name.
    fn patch_stripped(
        &mut self,
        target: &Target,
        body: &[u8],
        pointers: &[String],
    ) -> Result<Response<Body>, Refusal> {
        let patch = document(body)?;
        let (before, mut object) = self.patched(target, &patch)?;
        strip(&mut object, pointers);
        let object = self.update(target, &before, object)?;
        Ok(answer(StatusCode::OK, &presented(&object, target)))
    }

    /// A patch of which admission sets everything back: the object is the same, and has a new
    /// version.
    fn touch(&mut self, target: &Target) -> Result<Response<Body>, Refusal> {
        let before = self.found(target)?;
        let mut object = (*before).clone();
        let touched = self.revision + 1;
        object["metadata"]["annotations"]["other.example.com/touched"] = json!(touched.to_string());
        let object = self.update(target, &before, object)?;
        Ok(answer(StatusCode::OK, &presented(&object, target)))
    }

    fn create(&mut self, target: &Target, mut object: Value) -> Result<Value, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Refusal::bad_request("metadata.name is missing".to_owned()));
        }
        let key = key(&target.namespace, &name);
        if self.get(&target.api_version, &target.plural, &key).is_some() {
            return Err(Refusal::exists(&target.plural, &name));
        }
        let kind = self
            .kind(&target.api_version, &target.plural)
            .map(|kind| kind.kind.clone())
            .unwrap_or_default();
        (object["apiVersion"], object["kind"]) = (json!(target.api_version), json!(kind));
        self.found_by_server(&mut object, target, &name);
        self.commit_unless_dry(target, &key, object)
    }

    /// What a server adds to a new object.
    fn found_by_server(&mut self, object: &mut Value, target: &Target, name: &str) {
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(format!("{:08x}-0000-4000-8000-000000000000", self.next_uid()));
        metadata["creationTimestamp"] = json!(Timestamp::now().to_string());
        metadata["generation"] = json!(1);
        if !target.namespace.is_empty() {
            metadata["namespace"] = json!(target.namespace);
        }
        if target.plural == "namespaces" {
            metadata["labels"]["kubernetes.io/metadata.name"] = json!(name);
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"]["phase"] = json!("Active");
        }
    }

    fn replace(&mut self, target: &Target, object: Value) -> Result<Value, Refusal> {
        let before = self.found(target)?;
        let check = &object["metadata"];
        if check["uid"].as_str().is_some_and(|uid| before["metadata"]["uid"] != uid) {
            return Err(Refusal::conflict(&target.plural, &target.name));
        }
        self.update(target, &before, object)
    }

    fn patch(&mut self, target: &Target, patch: &Value) -> Result<Value, Refusal> {
        let (before, object) = self.patched(target, patch)?;
        self.update(target, &before, object)
    }

    /// The object as it is, and as the patch makes it.
    fn patched(&self, target: &Target, patch: &Value) -> Result<(Arc<Value>, Value), Refusal> {
        let before = self.found(target)?;
        let mut object = (*before).clone();
        if target.json_patch {
            let operations: json_patch::Patch = serde_json::from_value(patch.clone())
                .map_err(|error| Refusal::bad_request(error.to_string()))?;
            json_patch::patch(&mut object, &operations).map_err(|_| Refusal::test_failed())?;
        } else {
            json_patch::merge(&mut object, patch);
        }
        if object["metadata"]["uid"] != before["metadata"]["uid"] {
            return Err(Refusal::other_uid(&target.plural, &target.name));
        }
        Ok((before, object))
    }

    fn update(
        &mut self,
        target: &Target,
        before: &Value,
        mut object: Value,
    ) -> Result<Value, Refusal> {
        let version = object["metadata"]["resourceVersion"].as_str();
        if version.is_some_and(|version| before["metadata"]["resourceVersion"] != version) {
            return Err(Refusal::conflict(&target.plural, &target.name));
        }
        for field in SERVERS {
            object["metadata"][field] = before["metadata"][field].clone();
        }
        // A status is written through its subresource and through nothing else.
        if target.subresource == "status" {
            object["spec"] = before["spec"].clone();
        } else {
            object["status"] = before["status"].clone();
        }
        if object["spec"] != before["spec"] {
            let generation = before["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
            object["metadata"]["generation"] = json!(generation);
        }
        drop_nulls(&mut object);
        size::track_manager(target, &mut object);
        if object == *before {
            // A write that changes nothing is no change: it has no new version and no event.
            return Ok(object);
        }
        self.commit_unless_dry(target, &key(&target.namespace, &target.name), object)
    }

    fn delete(&mut self, target: &Target) -> Result<Value, Refusal> {
        self.found(target)?;
        let gone = self.commit(
            &target.api_version,
            &target.plural,
            &key(&target.namespace, &target.name),
            None,
        );
        gone.map(|object| (*object).clone()).ok_or_else(Refusal::no_resource)
    }

    fn commit_unless_dry(
        &mut self,
        target: &Target,
        key: &str,
        object: Value,
    ) -> Result<Value, Refusal> {
        size::check(target, &object)?;
        if target.is_dry_run() {
            return Ok(object);
        }
        let stored = self.commit(&target.api_version, &target.plural, key, Some(object));
        stored.map(|object| (*object).clone()).ok_or_else(Refusal::no_resource)
    }

    /// Creates an object or replaces its spec, labels and annotations, whatever their version.
    pub(super) fn put(&mut self, mut object: Value) -> Result<(), Refusal> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let plural = self
            .kinds()
            .find(|one| one.api_version == api_version && one.kind == kind)
            .map(|one| one.plural.clone());
        let plural = plural.ok_or_else(Refusal::no_resource)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let target = Target {
            verb: Verb::Update,
            api_version,
            plural,
            namespace,
            name,
            ..Target::default()
        };
        match self.found(&target) {
            Err(_) => self.create(&target, object).map(drop),
            Ok(before) => {
                object["metadata"]["resourceVersion"] = Value::Null;
                self.update(&target, &before, object).map(drop)
            }
        }
    }
}

fn document(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::bad_request(format!("no JSON: {error}")))
}

/// `null` is the same as absent.
fn drop_nulls(object: &mut Value) {
    let without = |value: &mut Value| {
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
    };
    without(object);
    without(&mut object["metadata"]);
}
