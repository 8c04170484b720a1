//! `tests/conformance/capsule-metadata.json` through the engine, run as its README says.

use serde_json::{Value, json};
use tenancy::claim::{Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::ledger::{self, Ledger};
use tenancy::metadata::Metadata;
use tenancy::namespace::Namespace;
use tenancy::plan::{plan, read_ledger};
use tenancy::settings::Settings;

const CASES: &str = include_str!("../../../../tests/conformance/capsule-metadata.json");

fn settings() -> Settings {
    let document = json!({"tenantSource": "capsule", "identify": [{"ownerReference": {"group": "capsule.clastix.io", "kind": "Tenant"}}]});
    Settings::from_value(&document).expect("valid settings")
}

/// The namespace as the README asks: an owner reference to the tenant, and what was managed before as the ledger.
fn namespace(case: &Value) -> Namespace {
    let mut namespace = Namespace::from_value(&case["namespace"]).expect("a namespace");
    let tenant = case["tenant"]["metadata"]["name"].as_str().expect("a name").to_owned();
    namespace.owner_references.push(tenancy::namespace::OwnerReference {
        group: "capsule.clastix.io".into(),
        kind: "Tenant".into(),
        name: tenant.clone(),
    });
    let managed = |field: &str| -> std::collections::BTreeSet<String> {
        let keys = case["managedBefore"][field].as_array().into_iter().flatten();
        keys.map(|key| key.as_str().expect("a key").to_owned()).collect()
    };
    let before = Ledger { tenant, labels: managed("labels"), annotations: managed("annotations"), ..Ledger::default() };
    if !(before.labels.is_empty() && before.annotations.is_empty()) {
        namespace.metadata.annotations.insert(ledger::ANNOTATION.into(), before.to_string_compact());
    }
    namespace
}

/// The metadata after the plan, or the error, as one value to compare.
fn outcome(case: &Value) -> Value {
    let settings = settings();
    let namespace = namespace(case);
    let tenant = match settings.tenant(&case["tenant"]) {
        Ok(tenant) => tenant,
        Err(_) => return json!("error"),
    };
    let (ledger, _) = read_ledger(&namespace.metadata);
    let evidence = Evidence { namespace: &namespace, ledger: &ledger, document: None };
    let resolution = resolve(&settings, evidence, |_| Ok::<_, std::convert::Infallible>(Some(tenant.clone())));
    let Ok(Resolution::Known(claim, tenant)) = resolution else { panic!("not claimed: {resolution:?}") };
    match plan(&settings, &namespace, &claim, &tenant, Stage::Reconcile) {
        Ok(plan) => {
            let after = plan.apply(&namespace.metadata);
            assert_idempotent(&settings, &namespace, &after);
            rest(after)
        }
        Err(_) => json!("error"),
    }
}

fn assert_idempotent(settings: &Settings, namespace: &Namespace, after: &Metadata) {
    let again = Namespace { metadata: after.clone(), ..namespace.clone() };
    let (ledger, fault) = read_ledger(&again.metadata);
    assert_eq!(fault, None);
    let evidence = Evidence { namespace: &again, ledger: &ledger, document: None };
    let stated = tenancy::claim::stated::<()>(settings, evidence);
    assert_eq!(stated, Ok(Some(ledger.tenant.clone())), "the claim holds after the plan");
}

fn rest(mut after: Metadata) -> Value {
    let text = after.annotations.remove(ledger::ANNOTATION).expect("a ledger");
    let ledger = Ledger::parse(&text).expect("a ledger that parses");
    json!({"labels": after.labels, "annotations": after.annotations,
           "managed": {"labels": ledger.labels, "annotations": ledger.annotations}})
}

/// What Capsule rests at. It records the forced labels where the tenant lists them; landlord's ledger never does.
fn expected(case: &Value) -> Value {
    let mut expected = case["expect"].clone();
    if expected["error"].is_string() {
        return json!("error");
    }
    let labels = expected["managed"]["labels"].as_array_mut().expect("labels");
    labels.retain(|label| label != "capsule.clastix.io/tenant" && label != "kubernetes.io/metadata.name");
    expected
}

#[test]
fn every_capsule_case_ends_where_capsule_rests() {
    let cases: Vec<Value> = serde_json::from_str(CASES).expect("cases");
    assert_eq!(cases.len(), 159);
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let expected = expected(case);
            let actual = outcome(case);
            (actual != expected).then(|| format!("{}\n  expected {expected}\n  actual   {actual}", case["name"]))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases differ:\n{}", failures.len(), failures.join("\n"));
}
