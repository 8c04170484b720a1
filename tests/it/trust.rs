//! Law 8 at admission, natively and compiled: an edit that leaves the claim alone moves nobody, a claim
//! by name outlives its tenant, and an admin's unclaimed namespace is for admins to give away.

use std::sync::Arc;

use policy_host::Objects;
use rstest::rstest;
use serde_json::{Value, json};

use crate::compiled::POLICY;
use crate::fixtures::Native;

const LEDGER: &str = "landlord.dev/ledger";
const LABEL: &str = "landlord.dev/tenant";
const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

fn ledger(tenant: &str, by: &str) -> String {
    let by = if by.is_empty() { String::new() } else { format!(r#","by":"{by}""#) };
    format!(r#"{{"tenant":"{tenant}","labels":[],"annotations":["{SELECTOR}"]{by}}}"#)
}

/// A namespace of solar's, as landlord left it, with an annotation that once meant nothing.
fn solars(by: &str) -> Value {
    let annotations = json!({LEDGER: ledger("solar", by), SELECTOR: "pool=solar", "team": "lunar"});
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": "solar-web", "labels": {LABEL: "solar"}, "annotations": annotations}})
}

fn tenants(names: &[&str]) -> Value {
    let tenant = |name: &&str| {
        let owners = json!([{"kind": "User", "name": format!("{name}-owner")}, {"kind": "User", "name": "both"}]);
        json!({"name": name, "owners": owners, "nodeSelector": {"pool": name}, "namespaces": {"prefixes": ["solar-"]}})
    };
    names.iter().map(tenant).collect()
}

/// The object that is stored, and the warnings; or the message of the denial.
fn ask(
    settings: &Value,
    user: &str,
    old: &Value,
    new: &Value,
) -> Result<(Value, Vec<String>), String> {
    let groups = if user == "admin" { json!(["system:masters"]) } else { json!([]) };
    let request = json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": "UPDATE",
                         "userInfo": {"username": user, "groups": groups}, "object": new, "oldObject": old});
    let host = Arc::new(Objects::from_values([]).expect("no objects"));
    let payload = json!({"request": request, "settings": settings}).to_string();
    let answer: Value = serde_json::from_slice(&landlord_policy::validate(
        payload.as_bytes(),
        &Native(host.as_ref()),
    ))
    .expect("JSON");
    let verdict = POLICY.validate(&request, settings, host);
    let mut compiled = new.clone();
    json_patch::patch(&mut compiled, &verdict.patch).expect("a patch that fits");
    let accepted = answer["accepted"].as_bool().expect("an answer");
    assert_eq!(accepted, verdict.allowed);
    if !accepted {
        return Err(answer["message"].as_str().expect("a message").to_owned());
    }
    let mutated = Some(&answer["mutated_object"]).filter(|one| !one.is_null());
    let after = mutated.unwrap_or(new).clone();
    assert_eq!(after, compiled, "both say the same");
    let warnings = answer["warnings"].as_array().into_iter().flatten();
    Ok((after, warnings.map(|one| one.as_str().expect("text").to_owned()).collect()))
}

fn with(object: &Value, field: &str, key: &str, value: Value) -> Value {
    let mut object = object.clone();
    object["metadata"][field][key] = value;
    object
}

/// The settings have come to read an annotation; an edit of anything else moves nobody, and an
/// admin who sends the new tenant's ledger, as `landlord adopt` does, moves it.
#[rstest]
#[case::a_user("solar-owner", false)]
#[case::an_owner_of_the_other_tenant("lunar-owner", false)]
#[case::an_owner_of_both("both", false)]
#[case::an_admin("admin", false)]
#[case::an_admin_who_adopts("admin", true)]
#[case::a_user_who_forges("both", true)]
fn an_edit_of_something_else_moves_nobody(#[case] user: &str, #[case] sends_ledger: bool) {
    let settings = json!({"tenantSource": {"inline": tenants(&["solar", "lunar"])}, "identify": [{"annotation": "team"}]});
    let old = solars("");
    let mut new = with(&old, "labels", "note", json!("x"));
    if sends_ledger {
        new = with(&new, "annotations", LEDGER, json!(ledger("lunar", "annotation:team")));
    }
    let (after, warnings) = ask(&settings, user, &old, &new).expect("accepted");
    let moved = user == "admin" && sends_ledger;
    let (tenant, pool) = if moved { ("lunar", "pool=lunar") } else { ("solar", "pool=solar") };
    assert_eq!(after["metadata"]["annotations"][SELECTOR], pool);
    assert_eq!(after["metadata"]["labels"][LABEL], tenant);
    let recorded = after["metadata"]["annotations"][LEDGER].as_str().expect("a ledger");
    assert!(recorded.starts_with(&format!(r#"{{"tenant":"{tenant}""#)), "{recorded}");
    assert_eq!(warnings.is_empty(), moved, "{warnings:?}");
    assert_eq!(after["metadata"]["labels"]["note"], "x");
}

/// Who owns only the tenant that the rules find by now takes nothing from the one on record.
#[test]
fn only_the_recorded_tenants_owners_let_a_namespace_leave() {
    let settings = json!({"tenantSource": {"inline": tenants(&["solar", "lunar", "nova"])}, "identify": [{"annotation": "team"}]});
    let old = solars("");
    let to = |name: &str| with(&old, "annotations", "team", json!(name));
    let denied = ask(&settings, "lunar-owner", &old, &to("nova")).expect_err("not lunar's to give");
    assert!(denied.contains("belongs to tenant \"solar\""), "{denied}");
    // Who owns solar may take the claim back.
    let (after, _) = ask(&settings, "solar-owner", &old, &to("solar")).expect("taken back");
    assert_eq!(after["metadata"]["annotations"][SELECTOR], "pool=solar");
    assert!(ask(&settings, "admin", &old, &to("nova")).is_ok());
}

/// A tenant that is not there: label, ledger and selector of what it has by name stay.
#[rstest]
#[case::a_stranger("mallory")]
#[case::an_admin("admin")]
fn a_claim_by_name_outlives_its_tenant(#[case] user: &str) {
    let settings = json!({"tenantSource": {"inline": tenants(&["lunar"])}, "unclaimed": "reject", "guard": {"scope": "all"},
                          "identify": [{"namePrefix": {}}, {"label": LABEL}]});
    let old = solars("namePrefix:1-");
    let new = with(&old, "labels", "note", json!("x"));
    let (after, warnings) = ask(&settings, user, &old, &new).expect("accepted");
    assert_eq!(after, new);
    assert!(
        warnings.iter().any(|one| one.contains("tenant \"solar\" does not exist")),
        "{warnings:?}"
    );
    // What was never adopted is a guess as before.
    let guess = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "solar-web", "labels": {}, "annotations": {}}});
    let (after, _) = ask(&settings, "admin", &guess, &with(&guess, "labels", "note", json!("x")))
        .expect("accepted");
    assert_eq!(after["metadata"]["annotations"]["landlord.dev/unclaimed"], "true");
}

/// The tenant lists the prefix no more: an edit of something else frees nobody, and an admin does by
/// sending no ledger.
#[rstest]
#[case::a_user("solar-owner", true, false)]
#[case::a_user_who_wipes("solar-owner", false, false)]
#[case::an_admin("admin", true, false)]
#[case::an_admin_who_releases("admin", false, true)]
fn a_prefix_that_is_withdrawn_frees_nobody(
    #[case] user: &str,
    #[case] keeps_ledger: bool,
    #[case] freed: bool,
) {
    let mut source = tenants(&["solar"]);
    source[0]["namespaces"]["prefixes"] = json!([]);
    let settings = json!({"tenantSource": {"inline": source}, "guard": {"scope": "all"}, "identify": [{"namePrefix": {}}, {"label": LABEL}]});
    let old = solars("namePrefix:1-");
    let mut new = with(&old, "labels", "note", json!("x"));
    if !keeps_ledger {
        new["metadata"]["annotations"].as_object_mut().expect("a map").remove(LEDGER);
    }
    let (after, _) = ask(&settings, user, &old, &new).expect("accepted");
    let annotations = &after["metadata"]["annotations"];
    assert_eq!(annotations[SELECTOR].is_null(), freed);
    assert_eq!(annotations["landlord.dev/unclaimed"] == "true", freed);
}

/// As with the guard: an existing namespace that is nobody's is given away by admins.
#[rstest]
#[case::an_owner("solar-owner", false)]
#[case::a_stranger("mallory", false)]
#[case::an_admin("admin", true)]
fn an_unclaimed_namespace_is_for_admins_to_give_away(#[case] user: &str, #[case] may: bool) {
    let settings = json!({"tenantSource": {"inline": tenants(&["solar"])}});
    let old = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "monitoring", "labels": {}}});
    match ask(&settings, user, &old, &with(&old, "labels", LABEL, json!("solar"))) {
        Ok((after, _)) => assert!(may, "{after}"),
        Err(message) => {
            assert!(!may && message.contains("belongs to no tenant"), "{message}");
            assert!(message.contains("landlord move monitoring --to TENANT"), "{message}");
        }
    }
}

/// Where nobody is on record, the settings may say that claims are taken at their word.
#[test]
fn trusted_claims_are_taken_at_their_word() {
    let settings = json!({"tenantSource": {"inline": tenants(&["solar", "lunar"])}, "identify": [{"annotation": "team"}], "claims": "trusted"});
    let old = solars("");
    let note = |object: &Value| with(object, "labels", "note", json!("x"));
    let (after, _) = ask(&settings, "both", &old, &note(&old)).expect("accepted");
    assert_eq!(after["metadata"]["labels"][LABEL], "lunar");
    let stamped = with(
        &old,
        "annotations",
        "landlord.dev/creator",
        json!(r#"{"username":"both","groups":[]}"#),
    );
    let (after, _) = ask(&settings, "both", &stamped, &note(&stamped)).expect("accepted");
    assert_eq!(after["metadata"]["labels"][LABEL], "solar");
}
