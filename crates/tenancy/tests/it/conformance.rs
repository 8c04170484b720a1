//! `tests/conformance/capsule-metadata.json` through the engine, run as its README says.

use serde_json::{Value, json};
use tenancy::claim::{Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::metadata::Metadata;
use tenancy::namespace::Namespace;
use tenancy::plan::{plan, read_ledger};
use tenancy::settings::Settings;
use test_support::capsule::{Case, check_every_case, rested, settings};

/// The metadata after the plan, or the error, as one value to compare.
fn outcome(case: &Case) -> Value {
    let settings = Settings::from_value(&settings()).expect("valid settings");
    let namespace = Namespace::from_value(&case.namespace()).expect("a namespace");
    let tenant = match settings.tenant(case.tenant()) {
        Ok(tenant) => tenant,
        Err(_) => return json!("error"),
    };
    let (ledger, _) = read_ledger(&namespace.metadata);
    let evidence = Evidence { namespace: &namespace, ledger: &ledger, document: None };
    let resolution =
        resolve(&settings, evidence, |_| Ok::<_, std::convert::Infallible>(Some(tenant.clone())));
    let Ok(Resolution::Known(claim, tenant)) = resolution else {
        panic!("not claimed: {resolution:?}")
    };
    match plan(&settings, &namespace, &ledger, &claim, &tenant, Stage::Reconcile) {
        Ok(plan) => {
            let after = plan.apply(&namespace.metadata);
            assert_idempotent(&settings, &namespace, &after);
            rested(json!(after.labels), json!(after.annotations))
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

#[test]
fn every_capsule_case_ends_where_capsule_rests() {
    check_every_case(outcome);
}
