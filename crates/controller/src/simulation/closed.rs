//! Fail closed: whenever the placement that a tenant wants is not on a namespace, and landlord cannot
//! put it there, the namespace is not ready, as the guard tells it; and when the cause goes, it is
//! written and ready again by itself. A neighbour of the same tenant never notices.

use fake_apiserver::Admission;
use rstest::rstest;
use serde_json::json;
use tenancy::namespace::Namespace;
use tenancy::ready::is_ready;
use tenancy::settings::Settings;

use super::*;

const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
/// Bytes of an object that etcd takes, and of annotations that the API server takes.
const MAX_OBJECT: usize = 1536 * 1024;
const MAX_ANNOTATIONS: usize = 256 * 1024;
/// The pool that the tenant comes to want: more bytes than are left.
const POOL: &str = "another-pool-with-a-name-of-many-characters-that-needs-room";

/// One way in which the wanted placement cannot be determined, judged or written.
struct Case {
    settings: Value,
    /// What stands in the way; solar's edit comes after it.
    breaks: fn(&InMemory),
    /// The tenant as it is from then on.
    tenant: fn() -> Value,
    /// The cause goes.
    restores: fn(&InMemory),
}

impl Case {
    fn new(breaks: fn(&InMemory), restores: fn(&InMemory)) -> Self {
        Self { settings: Value::Null, breaks, tenant: || solar(POOL), restores }
    }

    fn with_settings(self, settings: Value) -> Self {
        Self { settings, ..self }
    }

    fn with_tenant(self, tenant: fn() -> Value) -> Self {
        Self { tenant, ..self }
    }
}

/// Edits web's metadata as a user does.
fn edit(server: &InMemory, change: impl FnOnce(&mut Value)) {
    let mut object = (*server.object("Namespace", "web").expect("it")).clone();
    change(&mut object["metadata"]);
    server.put(object).expect("an edit that fits");
}

fn annotate(server: &InMemory, key: &str, value: Value) {
    edit(server, |metadata| metadata["annotations"][key] = value);
}

fn label(server: &InMemory, key: &str, value: Value) {
    edit(server, |metadata| metadata["labels"][key] = value);
}

/// Annotations, in so many parts, with no byte left.
fn pad_annotations(server: &InMemory, parts: usize) {
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

fn unpad_annotations(server: &InMemory) {
    edit(server, |metadata| {
        metadata["annotations"]
            .as_object_mut()
            .expect("it")
            .retain(|key, _| !key.starts_with("pad-"))
    });
}

/// What of etcd's limit is left, but for a few bytes.
fn room(server: &InMemory) -> usize {
    MAX_OBJECT - server.object("Namespace", "web").expect("it").to_string().len() - 30
}

fn pad_labels(server: &InMemory) {
    let each = "\"pad-000000\":\"\",".len() + 60;
    let room = room(server) - "\"\":\"\",".len();
    edit(server, |metadata| {
        for number in 0..room / each {
            metadata["labels"][format!("pad-{number:06}")] = json!("x".repeat(60));
        }
        metadata["labels"]["p".repeat(room % each)] = json!("");
    });
}

fn pad_owner(server: &InMemory) {
    let owner = |bytes: usize| json!([{"apiVersion": "v1", "kind": "Other", "uid": "u", "name": "x".repeat(bytes)}]);
    let bytes = room(server) - json!({"ownerReferences": owner(0)}).to_string().len();
    edit(server, |metadata| metadata["ownerReferences"] = owner(bytes));
}

/// A field manager that owns so much that landlord's own entry has no room.
fn pad_managers(server: &InMemory) {
    let managers = |bytes: usize| json!([{"manager": "x".repeat(bytes)}]);
    let bytes = room(server) - json!({"managedFields": managers(0)}).to_string().len();
    edit(server, |metadata| metadata["managedFields"] = managers(bytes));
}

fn unpad(server: &InMemory) {
    edit(server, |metadata| {
        for field in ["ownerReferences", "managedFields"] {
            metadata.as_object_mut().expect("it").remove(field);
        }
        metadata["labels"].as_object_mut().expect("it").retain(|key, _| !key.starts_with('p'));
    });
}

fn deny(server: &InMemory, code: u16) {
    let key = NODE_SELECTOR.replace('/', "~1");
    let pointer = format!("/metadata/annotations/{key}");
    server.faults().admit("web", Admission::DenyChange { code, pointer });
}

fn strip(server: &InMemory) {
    let key = NODE_SELECTOR.replace('/', "~1");
    server.faults().admit("web", Admission::Strip(vec![format!("/metadata/annotations/{key}")]));
}

fn admit(server: &InMemory) {
    server.faults().clear_admission();
}

fn good(server: &InMemory) {
    server.put(solar(POOL)).expect("a tenant");
}

fn wanting(more: Value) -> Value {
    let mut spec =
        json!({"nodeSelector": {"pool": POOL}, "labels": {"billing": "{{tenant.name}}"}});
    spec.as_object_mut().expect("a map").extend(more.as_object().cloned().expect("a map"));
    tenant("solar", spec)
}

fn by_any_label() -> Value {
    json!({"identify": [{"jsonPath": {"path": "$.namespace.metadata.labels[*]", "prefix": "tenant-"}}, {"label": "landlord.dev/tenant"}]})
}

fn by_team() -> Value {
    json!({"identify": [{"label": "team"}, {"label": "landlord.dev/tenant"}]})
}

/// Longer than the longest wait before an attempt.
const SECONDS: usize = 900;

async fn until(simulation: &Simulation, what: &str, holds: impl Fn(&Simulation) -> bool) {
    for _ in 0..SECONDS {
        if holds(simulation) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let mut metadata = simulation.metadata("web");
    metadata.as_object_mut().expect("it").retain(|_, value| value.to_string().len() < 2000);
    let trouble = simulation.reconciler.shared().progress.trouble("web").cloned();
    panic!("{what} does not come: {trouble:?} {metadata}");
}

fn is_closed(server: &InMemory, settings: &Value, name: &str) -> bool {
    let object = server.object("Namespace", name).expect("it");
    let namespace = Namespace::from_value(&object).expect("a namespace");
    !is_ready(&Settings::from_value(settings).expect("settings"), &namespace.metadata)
}

#[rstest]
#[case::annotations_at_the_limit("AnnotationsTooLarge", Case::new(|it| pad_annotations(it, 1), unpad_annotations))]
#[case::many_annotations_at_the_limit("AnnotationsTooLarge", Case::new(|it| pad_annotations(it, 300), unpad_annotations))]
#[case::labels_at_etcds_limit("ObjectTooLarge", Case::new(pad_labels, unpad))]
#[case::an_owner_at_etcds_limit("ObjectTooLarge", Case::new(pad_owner, unpad))]
#[case::managers_at_etcds_limit("ObjectTooLarge", Case::new(pad_managers, unpad))]
#[case::annotations_and_object_at_their_limits("AnnotationsTooLarge", Case::new(|it| { pad_annotations(it, 1); pad_managers(it) }, |it| { unpad(it); unpad_annotations(it) }))]
#[case::a_label_that_cannot_be("InvalidValue", Case::new(|_| {}, good).with_tenant(|| wanting(json!({"labels": {"full": "{{namespace}} is no value"}}))))]
#[case::an_annotation_key_that_cannot_be("InvalidKey", Case::new(|_| {}, good).with_tenant(|| wanting(json!({"annotations": {"a/{{namespace}}/b": "no key"}}))))]
#[case::a_tenant_that_cannot_be_used("InvalidTenant", Case::new(|_| {}, good).with_tenant(|| wanting(json!({"nodeSelector": {"pool": "=="}}))))]
#[case::a_hook_that_cannot_be_read("InvalidTenant", Case::new(|_| {}, good).with_tenant(|| wanting(json!({"hooks": [{"name": "bad", "require": [{"path": "$.namespace.metadata.name", "matches": "("}]}]}))))]
#[case::more_to_restore_than_fits("PreviousTooLarge", Case::new(|it| annotate(it, "big", json!("x".repeat(17_000))), good).with_tenant(|| wanting(json!({"release": "restore", "annotations": {"big": "small"}}))))]
#[case::a_claim_of_two("AmbiguousClaim", Case::new(|it| { label(it, "a", json!("tenant-solar")); label(it, "b", json!("tenant-lunar")) }, |it| label(it, "b", json!("none"))).with_settings(by_any_label()))]
#[case::a_move_that_nobody_judged("Unverified", Case::new(|it| label(it, "a", json!("tenant-lunar")), |it| label(it, "a", json!("tenant-solar"))).with_settings(by_any_label()))]
#[case::a_claim_to_no_tenant("UnknownTenant", Case::new(|it| label(it, "team", json!("nobody")), |it| label(it, "team", json!("solar"))).with_settings(by_team()))]
#[case::denied_as_malformed("Refused", Case::new(|it| deny(it, 400), admit))]
#[case::denied("Forbidden", Case::new(|it| deny(it, 403), admit))]
#[case::denied_as_missing("Refused", Case::new(|it| deny(it, 404), admit))]
#[case::denied_as_a_conflict("Refused", Case::new(|it| deny(it, 409), admit))]
#[case::denied_as_invalid("Refused", Case::new(|it| deny(it, 422), admit))]
#[case::denied_as_busy("Refused", Case::new(|it| deny(it, 429), admit))]
#[case::denied_as_broken("ServerError", Case::new(|it| deny(it, 500), admit))]
#[case::denied_as_unavailable("Refused", Case::new(|it| deny(it, 503), admit))]
#[case::denied_as_late("ServerError", Case::new(|it| deny(it, 504), admit))]
#[case::stripped("Reverted", Case::new(strip, admit))]
#[case::tolerations_of_another("Conflicted", Case::new(|it| annotate(it, TOLERATIONS, json!("[]")), good).with_tenant(|| wanting(json!({"conflicts": "reject", "tolerations": [{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]}))))]
#[tokio::test(start_paused = true)]
async fn what_cannot_be_placed_is_not_ready(#[case] reason: &str, #[case] case: Case) {
    let server = populated(0);
    server.put(tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}}))).expect("a tenant");
    for name in ["web", "control"] {
        server.put(namespace(name, "solar")).expect("a namespace");
    }
    let simulation = Simulation::start_with(server, &case.settings);
    until(&simulation, "the first pool", |this| {
        ["web", "control"].iter().all(|name| this.is_in_pool(name, "a"))
    })
    .await;
    assert!(!is_closed(&simulation.server, &case.settings, "web"));
    (case.breaks)(&simulation.server);
    simulation.server.put((case.tenant)()).expect("a tenant");
    until(&simulation, "the report", |this| this.trouble("web") == Some(reason)).await;
    until(&simulation, "readiness withdrawn", |this| {
        is_closed(&this.server, &case.settings, "web")
    })
    .await;
    let message =
        simulation.reconciler.shared().progress.trouble("web").expect("a trouble").message.clone();
    assert!(message.contains("Pods cannot start there"), "{message}");
    let patches = simulation.patches();
    (case.restores)(&simulation.server);
    let is_back = |this: &Simulation| {
        this.metadata("web")["annotations"][NODE_SELECTOR] == format!("pool={POOL}")
            && !is_closed(&this.server, &case.settings, "web")
    };
    until(&simulation, "the new pool", is_back).await;
    until(&simulation, "compliance", |this| this.trouble("web").is_none()).await;
    assert!(
        simulation.is_in_pool("control", POOL)
            && !is_closed(&simulation.server, &case.settings, "control")
    );
    assert!(simulation.patches() - patches < 8, "{patches} patches, then {}", simulation.patches());
}

/// It may come back, and then nothing has to be undone.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_gone_for_a_moment_leaves_its_namespaces_ready() {
    let simulation = Simulation::settled(populated(1)).await;
    assert!(simulation.server.remove("Tenant", "solar"));
    until(&simulation, "the report", |this| this.trouble("old-0") == Some("UnknownTenant")).await;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert!(!is_closed(&simulation.server, &Value::Null, "old-0"));
}

/// Landlord takes its own ledger back, and writes it anew: that is nobody else's doing.
#[tokio::test(start_paused = true)]
async fn a_tenant_that_breaks_again_and_again_is_not_contended() {
    let simulation = Simulation::settled(populated(1)).await;
    for _ in 0..6 {
        let broken = wanting(json!({"nodeSelector": {"pool": "=="}}));
        simulation.server.put(broken).expect("a tenant");
        until(&simulation, "the end", |this| is_closed(&this.server, &Value::Null, "old-0")).await;
        good(&simulation.server);
        until(&simulation, "its pool", |this| this.is_in_pool("old-0", POOL)).await;
        until(&simulation, "the way back", |this| !is_closed(&this.server, &Value::Null, "old-0"))
            .await;
        assert_eq!(simulation.trouble("old-0"), None);
    }
}
