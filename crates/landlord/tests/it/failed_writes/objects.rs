//! Objects of the cases, and what users, tenants and other programs do to them.

use fake_apiserver::{Admission, AdmissionRule, InMemory};
use serde_json::{Value, json};

pub(super) const LEDGER: &str = "landlord.dev/ledger";
pub(super) const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
pub(super) const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
pub(super) const TENANT: &str = "landlord.dev/tenant";
/// The pool that solar comes to want: more bytes than are left where there is no room.
pub(super) const POOL: &str = "another-pool-with-a-name-of-many-characters-that-needs-room";
/// Bytes of annotations that the API server takes, and of an object that etcd takes.
const MAX_ANNOTATIONS: usize = 256 * 1024;
const MAX_OBJECT: usize = 1536 * 1024;

pub(super) use crate::single::put;

pub(super) fn tenant(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec})
}

/// Solar with this pool.
pub(super) fn solar(pool: &str) -> Value {
    tenant(
        "solar",
        json!({"nodeSelector": {"pool": pool}, "labels": {"billing": "{{tenant.name}}"}}),
    )
}

/// Solar with its new pool and this beside it, or instead.
pub(super) fn wants(server: &InMemory, more: &Value) {
    let mut solar = solar(POOL);
    let spec = solar["spec"].as_object_mut().expect("a spec");
    spec.extend(more.as_object().cloned().expect("a map"));
    put(server, solar);
}

pub(super) fn good(server: &InMemory) {
    put(server, solar(POOL));
}

pub(super) fn namespace(name: &str, tenant: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": name, "labels": {TENANT: tenant}, "annotations": {"note": "mine"}}})
}

/// Edits web's metadata as a user does.
pub(super) fn edit(server: &InMemory, change: impl FnOnce(&mut Value)) {
    let mut object = (*server.object("Namespace", "web").expect("it")).clone();
    change(&mut object["metadata"]);
    put(server, object);
}

pub(super) fn label(server: &InMemory, key: &str, value: &str) {
    edit(server, |metadata| metadata["labels"][key] = json!(value));
}

pub(super) fn annotate(server: &InMemory, key: &str, value: &str) {
    edit(server, |metadata| metadata["annotations"][key] = json!(value));
}

/// Takes a label or an annotation away.
pub(super) fn remove(metadata: &mut Value, field: &str, key: &str) {
    if let Some(map) = metadata[field].as_object_mut() {
        map.remove(key);
    }
}

/// A JSON pointer to a label or an annotation.
pub(super) fn pointer(field: &str, key: &str) -> String {
    format!("/metadata/{field}/{}", key.replace('/', "~1"))
}

/// What admission does to writes of `web`.
pub(super) fn admit(server: &InMemory, admission: Admission) {
    let rule = AdmissionRule::new(admission).only("namespaces").named("web");
    server.faults().admit_by(rule);
}

/// A webhook that looks at the node selector only, and denies with this status.
pub(super) fn deny(server: &InMemory, code: u16) {
    admit(server, Admission::DenyChange { code, pointer: pointer("annotations", NODE_SELECTOR) });
}

pub(super) fn strip(server: &InMemory, field: &str, key: &str) {
    admit(server, Admission::Strip(vec![pointer(field, key)]));
}

pub(super) fn admit_all(server: &InMemory) {
    server.faults().clear_admission();
}

/// Annotations, in so many parts, with no byte left.
pub(super) fn pad_annotations(server: &InMemory, parts: usize) {
    edit(server, |metadata| {
        let all = metadata["annotations"].as_object_mut().expect("annotations");
        let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
        let used: usize = all.iter().map(size).sum();
        let room = MAX_ANNOTATIONS - used - parts * "pad-000".len();
        for part in 0..parts {
            let bytes = room / parts + if part == 0 { room % parts } else { 0 };
            all.insert(format!("pad-{part:03}"), json!("x".repeat(bytes)));
        }
    });
}

/// What of etcd's limit is left, but for a few bytes.
fn room(server: &InMemory) -> usize {
    MAX_OBJECT - server.object("Namespace", "web").expect("it").to_string().len() - 30
}

pub(super) fn pad_labels(server: &InMemory) {
    let each = "\"pad-000000\":\"\",".len() + 60;
    let room = room(server) - "\"\":\"\",".len();
    edit(server, |metadata| {
        for number in 0..room / each {
            metadata["labels"][format!("pad-{number:06}")] = json!("x".repeat(60));
        }
        metadata["labels"]["p".repeat(room % each)] = json!("");
    });
}

/// An owner, or field managers, without a byte left.
pub(super) fn pad(server: &InMemory, field: &str) {
    let entry = |bytes: usize| match field {
        "managedFields" => json!([{"manager": "x".repeat(bytes)}]),
        _ => json!([{"apiVersion": "v1", "kind": "Other", "uid": "u", "name": "x".repeat(bytes)}]),
    };
    let bytes = room(server) - json!({field: entry(0)}).to_string().len();
    edit(server, |metadata| metadata[field] = entry(bytes));
}

/// Makes room again.
pub(super) fn unpad(server: &InMemory) {
    edit(server, |metadata| {
        for field in ["ownerReferences", "managedFields"] {
            metadata.as_object_mut().expect("it").remove(field);
        }
        for field in ["labels", "annotations"] {
            metadata[field].as_object_mut().expect("it").retain(|key, _| !key.starts_with('p'));
        }
    });
}

/// Each of these.
pub(super) fn put_all(server: &InMemory, objects: impl IntoIterator<Item = Value>) {
    objects.into_iter().for_each(|object| put(server, object));
}

/// Solar's namespaces.
pub(super) fn put_namespaces(server: &InMemory) {
    put_all(server, ["web", "control"].map(|name| namespace(name, "solar")));
}

/// The same, which claim it by the annotation `team`.
pub(super) fn put_annotated(server: &InMemory) {
    put_all(server, ["web", "control"].map(|name| by_annotation(name, "solar")));
}

/// One that claims its tenant by the annotation `team`.
fn by_annotation(name: &str, tenant: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "annotations": {"note": "mine", "team": tenant}}})
}
