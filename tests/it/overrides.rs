//! Overrides and refusals, input and words: what the compiled policy says of each value of the
//! requester's that it does not store, and of each request that it refuses.

use std::sync::Arc;

use policy_host::{Denied, Verdict};
use rstest::rstest;
use serde_json::{Value, json};

use crate::compiled::POLICY;

const LEDGER: &str = r#"{"tenant":"solar","labels":["cost-center"],"annotations":["scheduler.alpha.kubernetes.io/node-selector"]}"#;
const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

fn settings() -> Value {
    json!({
        "unclaimed": "allow",
        "admins": {"users": ["root"]},
        "controller": "landlord:landlord",
        "tenantSource": {"inline": [
            {"name": "solar", "nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}, "owners": [{"kind": "User", "name": "ada"}]},
            {"name": "lunar", "nodeSelector": {"pool": "lunar"}, "owners": [{"kind": "User", "name": "ada"}]},
            {"name": "far", "owners": [{"kind": "User", "name": "zoe"}]},
        ]},
    })
}

/// A namespace of solar as landlord keeps it.
fn kept() -> Value {
    json!({
        "labels": {"landlord.dev/tenant": "solar", "cost-center": "4711", "mine": "1"},
        "annotations": {"landlord.dev/ledger": LEDGER, NODE_SELECTOR: "pool=solar", "note": "1"},
    })
}

fn object(metadata: &Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    if object["metadata"]["generateName"].is_null() && object["metadata"]["name"].is_null() {
        object["metadata"]["name"] = json!("web");
    }
    object
}

fn validate(user: &str, operation: &str, old: Option<Value>, new: &Value) -> Verdict {
    validate_with(&settings(), user, operation, old, new)
}

fn validate_with(
    settings: &Value,
    user: &str,
    operation: &str,
    old: Option<Value>,
    new: &Value,
) -> Verdict {
    let new = object(new);
    let request = json!({
        "uid": "1", "operation": operation, "name": new["metadata"]["name"], "userInfo": {"username": user},
        "kind": {"group": "", "version": "v1", "kind": "Namespace"},
        "resource": {"group": "", "version": "v1", "resource": "namespaces"},
        "object": new, "oldObject": old.as_ref().map(object),
    });
    POLICY.validate(&request, settings, Arc::new(Denied))
}

fn warnings(verdict: &Verdict) -> Vec<String> {
    assert!(verdict.allowed, "{}", json!(verdict));
    verdict.warnings.clone().unwrap_or_default()
}

fn merge(mut metadata: Value, patch: Value) -> Value {
    json_patch::merge(&mut metadata, &patch);
    metadata
}

#[rstest]
#[case::nothing(json!({}), &[])]
#[case::what_is_the_users(json!({"labels": {"mine": "2"}, "annotations": {"note": null}}), &[])]
#[case::a_label(json!({"labels": {"cost-center": "9999"}}),
    &[r#"label "cost-center" was put back to "4711": tenant "solar" manages it (tenant spec), change it there"#])]
#[case::a_label_that_is_dropped(json!({"labels": {"cost-center": null}}),
    &[r#"label "cost-center" was put back to "4711": tenant "solar" manages it (tenant spec), change it there"#])]
#[case::the_selector(json!({"annotations": {NODE_SELECTOR: "pool=lunar"}}),
    &[r#"annotation "scheduler.alpha.kubernetes.io/node-selector" was put back to "pool=solar": tenant "solar" manages it (tenant spec), change it there"#])]
#[case::the_ledger(json!({"annotations": {"landlord.dev/ledger": "{}"}}),
    &[r#"annotation "landlord.dev/ledger" was put back: only landlord writes it"#])]
#[case::another_of_landlords_keys(json!({"annotations": {"landlord.dev/unclaimed": "true"}}),
    &[r#"annotation "landlord.dev/unclaimed" was removed: only landlord writes it"#])]
#[case::the_tenant_label(json!({"labels": {"landlord.dev/tenant": null}}),
    &[r#"label "landlord.dev/tenant" was put back to "solar": to take the namespace out of its tenant, set it to "" or use `landlord move`"#])]
#[case::all_annotations(json!({"annotations": null}), &[
    r#"annotation "landlord.dev/ledger" was put back: only landlord writes it"#,
    r#"annotation "scheduler.alpha.kubernetes.io/node-selector" was put back to "pool=solar": tenant "solar" manages it (tenant spec), change it there"#])]
fn an_update_that_is_put_back_says_so(
    #[values("ada", "root", "someone")] user: &str,
    #[case] patch: Value,
    #[case] expected: &[&str],
) {
    let verdict = validate(user, "UPDATE", Some(kept()), &merge(kept(), patch));
    assert_eq!(warnings(&verdict), expected);
}

/// `kubectl replace`, Terraform and Argo CD write what is in their manifest, as admins.
#[rstest]
fn a_replace_leaves_the_namespace_in_its_tenant(#[values("ada", "root")] user: &str) {
    let manifest = json!({"labels": {"mine": "2"}});
    let verdict = validate(user, "UPDATE", Some(kept()), &manifest);
    let told = warnings(&verdict);
    for key in ["landlord.dev/tenant", "cost-center", "landlord.dev/ledger", NODE_SELECTOR] {
        assert!(told.iter().any(|warning| warning.contains(key)), "no {key:?} in {told:?}");
    }
    assert_eq!(told.len(), 4, "{told:?}");
    let mut stored = object(&manifest);
    json_patch::patch(&mut stored, &verdict.patch).expect("it applies");
    let expected = merge(kept(), json!({"labels": {"mine": "2"}, "annotations": {"note": null}}));
    assert_eq!(stored, object(&expected));
}

#[test]
fn what_the_tenant_changes_is_no_override() {
    let old = merge(kept(), json!({"labels": {"cost-center": "0815"}}));
    let verdict = validate("ada", "UPDATE", Some(old.clone()), &old);
    assert_eq!(warnings(&verdict), [""; 0]);
    let verdict = validate(
        "system:serviceaccount:landlord:landlord",
        "UPDATE",
        Some(old.clone()),
        &merge(old, json!({"labels": {"cost-center": "1"}})),
    );
    assert_eq!(warnings(&verdict), [""; 0], "the controller is told nothing");
}

#[rstest]
#[case::an_empty_label("root", json!({"labels": {"landlord.dev/tenant": ""}}))]
#[case::an_empty_label_by_an_owner("ada", json!({"labels": {"landlord.dev/tenant": ""}}))]
fn an_empty_label_takes_a_namespace_out(#[case] user: &str, #[case] patch: Value) {
    let verdict = validate(user, "UPDATE", Some(kept()), &merge(kept(), patch.clone()));
    let told = warnings(&verdict);
    assert!(told.iter().any(|warning| warning.contains("leaves tenant \"solar\"")), "{told:?}");
    let mut stored = object(&merge(kept(), patch));
    json_patch::patch(&mut stored, &verdict.patch).expect("it applies");
    let labels = &stored["metadata"]["labels"];
    assert_eq!(
        (labels, &stored["metadata"]["annotations"]),
        (&json!({"mine": "1"}), &json!({"note": "1"}))
    );
}

#[test]
fn a_stranger_takes_nothing_out() {
    let emptied = merge(kept(), json!({"labels": {"landlord.dev/tenant": ""}}));
    let verdict = validate("someone", "UPDATE", Some(kept()), &emptied);
    assert!(!verdict.allowed);
}

#[rstest]
#[case::nothing(json!({"labels": {"landlord.dev/tenant": "solar"}}), &[])]
#[case::the_same(json!({"labels": {"landlord.dev/tenant": "solar", "cost-center": "4711"}}), &[])]
#[case::a_label(json!({"labels": {"landlord.dev/tenant": "solar", "cost-center": "9999"}}),
    &[r#"label "cost-center" is "4711", not "9999": tenant "solar" manages it (tenant spec), change it there"#])]
#[case::a_selector(json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": {NODE_SELECTOR: "pool=lunar"}}),
    &[r#"annotation "scheduler.alpha.kubernetes.io/node-selector" is "pool=solar", not "pool=lunar": tenant "solar" manages it (tenant spec), change it there"#])]
#[case::a_forged_ledger(json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": {"landlord.dev/ledger": "{}"}}),
    &[r#"annotation "landlord.dev/ledger" was replaced: only landlord writes it"#])]
#[case::unclaimed(json!({"annotations": {"landlord.dev/ledger": LEDGER}}),
    &[r#"annotation "landlord.dev/ledger" was removed: only landlord writes it"#])]
fn a_creation_that_is_overridden_says_so(#[case] metadata: Value, #[case] expected: &[&str]) {
    assert_eq!(warnings(&validate("ada", "CREATE", None, &metadata)), expected);
}

/// The guard's stamp tells who creates the namespace; it is not the creator's to be told of.
#[test]
fn the_guards_stamp_is_no_override() {
    let stamp = json!({"username": "ada"}).to_string();
    let metadata = json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": {"landlord.dev/creator": stamp}});
    assert_eq!(warnings(&validate("ada", "CREATE", None, &metadata)), [""; 0]);
}

/// The API server shows 4 KiB of warnings, and recommends 120 characters each.
#[test]
fn warnings_are_bounded() {
    let labels: serde_json::Map<String, Value> =
        (0..500).map(|number| (format!("key-{number:059}"), json!("9"))).collect();
    let wanted: serde_json::Map<String, Value> =
        labels.keys().map(|key| (key.clone(), json!("1"))).collect();
    let mut settings = settings();
    settings["tenantSource"] = json!({"inline": [{"name": "solar", "annotations": wanted}]});
    let annotations = labels;
    let metadata = json!({"labels": {"landlord.dev/tenant": "solar"}, "annotations": annotations});
    let told = warnings(&validate_with(&settings, ADA, "CREATE", None, &metadata));
    assert!(told.iter().all(|warning| warning.len() <= 256), "{told:?}");
    assert!(told.iter().map(String::len).sum::<usize>() <= 4096, "{told:?}");
    let last = told.last().expect("a warning");
    assert_eq!(*last, format!("and {} more warnings", 500 - (told.len() - 1)));
}

/// Settings whose tenants are read: the host knows none.
fn with_rules(identify: Value) -> Value {
    let mut settings = settings();
    settings["unclaimed"] = json!("reject");
    settings["identify"] = identify;
    settings["excludedNamespaces"] = json!(["kube-*"]);
    settings
}

const ADA: &str = "ada";
const ROBOT: &str = "system:serviceaccount:flux:robot";

/// What is refused, for a person and for a service account: which value, and what to do.
#[rstest]
#[case::unclaimed(ADA, json!({"name": "web"}), 403,
    r#"no rule claims namespace "web" for a tenant: set the label "landlord.dev/tenant" to the name of your tenant, "solar" or "lunar", or ask an admin to create it"#)]
#[case::unclaimed_by_nobody("someone", json!({"name": "web"}), 403,
    r#"no rule claims namespace "web" for a tenant: set the label "landlord.dev/tenant" to the name of your tenant, or ask an admin to create it"#)]
#[case::unclaimed_by_a_pipeline(ROBOT, json!({"name": "web"}), 403,
    r#"no rule claims namespace "web" for a tenant: set the label "landlord.dev/tenant" to the name of your tenant, in the manifest that creates it (Argo CD: managedNamespaceMetadata; Helm: create it before the release), or have an admin list "flux:robot" in admins.serviceAccounts of landlord's settings"#)]
#[case::an_annotation(ADA, json!({"name": "web", "annotations": {"landlord.dev/tenant": "solar"}}), 403,
    r#"no rule claims namespace "web" for a tenant: "landlord.dev/tenant" is an annotation here, write it as a label, "solar" or "lunar", or ask an admin to create it"#)]
#[case::foreign(ADA, json!({"name": "web", "labels": {"landlord.dev/tenant": "far"}}), 403,
    r#"namespace "web" claims tenant "far", which "ada" does not own: ask one of its owners or an admin, or claim a tenant of your own ("solar" or "lunar")"#)]
#[case::foreign_to_a_pipeline(ROBOT, json!({"name": "web", "labels": {"landlord.dev/tenant": "far"}}), 403,
    r#"namespace "web" claims tenant "far", which "system:serviceaccount:flux:robot" does not own: have an admin list ServiceAccount "flux:robot" among its owners or in admins.serviceAccounts of landlord's settings, or claim a tenant of your own"#)]
#[case::unknown(ADA, json!({"name": "web", "labels": {"landlord.dev/tenant": "sola"}}), 422,
    r#"namespace "web" claims tenant "sola" (rule label:landlord.dev/tenant), which does not exist: fix the name or create the tenant first"#)]
#[case::excluded(ADA, json!({"name": "kube-x"}), 403,
    r#"namespace "kube-x" is excluded from tenancy (excludedNamespaces), so only admins and platformOperators may create it: choose another name, or ask an admin to create it"#)]
#[case::excluded_for_an_operator(ROBOT, json!({"name": "kube-x"}), 403,
    r#"namespace "kube-x" is excluded from tenancy (excludedNamespaces), so only admins and platformOperators may create it: choose another name, or have an admin list "flux:robot" in platformOperators.serviceAccounts of landlord's settings"#)]
fn a_refusal_says_what_to_do(
    #[case] user: &str,
    #[case] metadata: Value,
    #[case] code: u16,
    #[case] message: &str,
) {
    let verdict = validate_with(
        &with_rules(json!([{"label": "landlord.dev/tenant"}])),
        user,
        "CREATE",
        None,
        &metadata,
    );
    let status = verdict.status.unwrap_or_default();
    assert_eq!((status.code, status.message.as_deref()), (Some(code), Some(message)));
}

/// Operators of the platform create excluded namespaces, by name and by `generateName`. They are no
/// admins: a claim is judged as anybody's, and so is a name that is not excluded.
#[rstest]
#[case::excluded(json!({"name": "kube-x"}), None)]
#[case::generated(json!({"generateName": "kube-x-"}), None)]
#[case::generated_beside(json!({"generateName": "kube"}), Some("no rule claims namespace"))]
#[case::another_name(json!({"name": "web"}), Some("no rule claims namespace"))]
#[case::foreign(json!({"name": "web", "labels": {"landlord.dev/tenant": "far"}}), Some("does not own"))]
fn platform_operators_are_no_admins(#[case] metadata: Value, #[case] refused: Option<&str>) {
    let mut settings = with_rules(json!([{"label": "landlord.dev/tenant"}]));
    settings["platformOperators"] = json!({"serviceAccounts": ["flux:robot"]});
    let verdict = validate_with(&settings, ROBOT, "CREATE", None, &metadata);
    let message = verdict.status.and_then(|status| status.message).unwrap_or_default();
    assert_eq!(verdict.allowed, refused.is_none(), "{message}");
    assert!(message.contains(refused.unwrap_or_default()), "{message}");
}

#[test]
fn conflicts_that_are_refused_name_keys_values_and_both_ways_out() {
    let mut settings = settings();
    settings["conflicts"] = json!("reject");
    let metadata = json!({"labels": {"landlord.dev/tenant": "solar", "cost-center": "9"}});
    let status =
        validate_with(&settings, ADA, "CREATE", None, &metadata).status.unwrap_or_default();
    assert_eq!(
        (status.code, status.message.as_deref()),
        (
            Some(409),
            Some(
                r#"namespace "web" conflicts with tenant "solar": label "cost-center" is "9", the tenant wants "4711" (tenant spec); remove these keys or give them the tenant's values; an admin can let the tenant override them (conflicts: override)"#
            )
        )
    );
}

/// An admin may have meant a namespace of nobody's, whose name happens to begin like a tenant's.
#[test]
fn an_admin_is_told_of_a_claim_by_name() {
    let mut settings = with_rules(json!([{"namePrefix": {}}]));
    settings["tenantSource"]["inline"][0]["namespaces"] = json!({"prefixes": ["solar-"]});
    let told = |user: &str| {
        warnings(&validate_with(&settings, user, "CREATE", None, &json!({"name": "solar-tools"})))
    };
    assert_eq!(
        told("root"),
        [
            r#"namespace "solar-tools" belongs to tenant "solar" by its name (rule namePrefix:1-): choose another name if it is not meant"#
        ]
    );
    assert_eq!(told(ADA), [""; 0]);
}

#[test]
fn a_namespaced_tenant_is_named_with_its_namespace() {
    let mut settings = with_rules(json!([{"annotation": "project"}]));
    settings["tenantSource"] =
        json!({"custom": {"apiVersion": "v1", "kind": "ConfigMap", "namespaced": true}});
    let metadata = json!({"name": "web", "annotations": {"project": "p-old"}});
    let status =
        validate_with(&settings, ADA, "CREATE", None, &metadata).status.unwrap_or_default();
    assert_eq!(
        status.message.as_deref(),
        Some(
            r#"namespace "web" claims tenant "p-old" (rule annotation:project), which does not exist: fix the name, write it as NAMESPACE:NAME or create the tenant first"#
        )
    );
}
