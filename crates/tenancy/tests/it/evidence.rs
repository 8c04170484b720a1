//! Evidence: keys by which a namespace says whose it is, and what landlord does about them.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::claim::{self, Evidence, Resolution};
use tenancy::ledger::Ledger;
use tenancy::namespace::Namespace;
use tenancy::settings::Settings;

use crate::cluster::{Cluster, Step, namespace};

const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

fn owner_annotation(path: &str) -> Value {
    json!({"identify": [{"jsonPath": {"path": path, "prefix": "tenant:"}}]})
}

/// The tenant that a namespace has after each of three turns of landlord.
fn tenants(cluster: &Cluster, metadata: &Value) -> Vec<Option<String>> {
    let mut namespace = namespace(metadata);
    let mut turn = || {
        let step = cluster.step(&namespace);
        namespace = cluster.bring(&namespace);
        match step {
            Step::Planned(claim, _) => Some(claim.tenant),
            _ => None,
        }
    };
    [(); 3].map(|()| turn()).into()
}

/// The tenant wants another value for the very key that its claim stands on, and says so in a way
/// that is not seen before there is a namespace.
#[rstest]
fn a_key_that_the_claim_stands_on_stays(
    #[values("remove", "restore", "keep")] release: &str,
    #[values("override", "reject", "keep")] conflicts: &str,
    #[values(
        (owner_annotation("$.namespace.metadata.annotations[*]"), json!({"annotations": {"web": "{{namespace}}"}})),
        (owner_annotation("$.namespace.metadata.annotations[*]"), json!({"annotations": {"web": "team-solar"}})),
        (owner_annotation("$.namespace.metadata.annotations.web"), json!({"annotations": {"{{namespace}}": "team-solar"}})),
        (owner_annotation("$.namespace..web"), json!({"annotations": {"web": "team-solar"}})),
        (json!({"identify": [{"annotation": "web"}]}), json!({"annotations": {"{{namespace}}": "team"}})),
    )]
    case: (Value, Value),
) {
    let (mut settings, mut spec) = case;
    settings["release"] = json!(release);
    settings["conflicts"] = json!(conflicts);
    spec["nodeSelector"] = json!({"pool": "solar"});
    let cluster = Cluster::new(&settings).with("solar", &spec);
    assert!(cluster.tenants.contains_key("solar"), "it is accepted");
    let stated =
        if settings["identify"][0].get("annotation").is_some() { "solar" } else { "tenant:solar" };
    let metadata = json!({"name": "web", "annotations": {"web": stated}});
    assert_eq!(tenants(&cluster, &metadata), vec![Some("solar".to_owned()); 3]);
    let after = cluster.bring(&namespace(&metadata)).metadata;
    assert_eq!(after.annotations["web"], stated);
    assert_eq!(after.annotations[SELECTOR], "pool=solar");
}

/// Where it can be seen from the tenant alone, the tenant is refused with rule, field and remedy.
#[rstest]
#[case::other_value("annotations.owner", json!({"annotations": {"owner": "team-solar"}}), Some("spec.annotations[\"owner\"]: rule jsonPath:"))]
#[case::another_tenant("annotations[*]", json!({"annotations": {"owner": "tenant:lunar"}}), Some("take it out"))]
#[case::by_its_name("annotations.owner", json!({"annotations": {"owner": "tenant:{{tenant.name}}"}}), None)]
#[case::its_own_name("annotations.owner", json!({"annotations": {"owner": "tenant:solar"}}), None)]
#[case::no_name("annotations[*]", json!({"annotations": {"owner": "team-solar"}}), None)]
#[case::other_field("annotations.owner", json!({"labels": {"owner": "team-solar"}}), None)]
#[case::label("labels.team", json!({"labels": {"team": "x"}}), Some("spec.labels[\"team\"]"))]
#[case::templated_key("labels.solar-team", json!({"labels": {"{{tenant.name}}-team": "x"}}), Some("spec.labels[\"{{tenant.name}}-team\"]"))]
#[case::in_an_override("labels.team", json!({"overrides": [{"namespaceSelector": {"matchLabels": {"env": "prod"}}, "labels": {"team": "x"}}]}), Some("spec.overrides[0].labels[\"team\"]"))]
#[case::by_a_hook("labels.team", json!({"hooks": [{"name": "one", "set": {"labels": {"team": "x"}}}]}), Some("spec.hooks: hook \"one\": set.labels[\"team\"]"))]
#[case::from_a_path("labels.team", json!({"hooks": [{"name": "one", "set": {"labels": {"team": {"fromPath": "$.namespace.metadata.labels.env"}}}}]}), Some("hook \"one\""))]
#[case::removed("labels.team", json!({"hooks": [{"name": "one", "remove": {"labels": ["team"]}}]}), Some("hook \"one\": remove"))]
fn a_tenant_that_would_lose_its_claim_is_refused(
    #[case] path: &str,
    #[case] spec: Value,
    #[case] message: Option<&str>,
) {
    let settings =
        Settings::from_value(&owner_annotation(&format!("$.namespace.metadata.{path}"))).unwrap();
    let object = json!({"metadata": {"name": "solar"}, "spec": spec});
    let refusal = settings.tenant(&object).err().map(|error| error.to_string());
    match (message, refusal) {
        (None, None) => {}
        (Some(message), Some(refusal)) => assert!(refusal.contains(message), "{refusal}"),
        (_, refusal) => panic!("{refusal:?}"),
    }
}

/// The same for hooks and tenants that the settings hold.
#[rstest]
#[case::hook(json!({"hooks": [{"name": "one", "remove": {"labels": ["team"]}}]}), "hooks: hook \"one\": remove: rule label:team")]
#[case::hook_value(json!({"hooks": [{"name": "one", "set": {"labels": {"team": "x"}}}]}), "set.labels[\"team\"]")]
#[case::inline(json!({"tenantSource": {"inline": [{"name": "solar"}, {"name": "lunar", "labels": {"team": "solar"}}]}}), "tenantSource.inline[1].labels[\"team\"]")]
fn settings_that_would_take_claims_away_are_refused(#[case] more: Value, #[case] message: &str) {
    let mut settings = json!({"identify": [{"label": "team"}]});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let refusal = Settings::from_value(&settings).unwrap_err().to_string();
    assert!(refusal.contains(message), "{refusal}");
}

/// What landlord writes itself tells nobody whose a namespace is.
#[rstest]
fn rules_that_read_landlords_own_annotations_are_refused(
    #[values(
        SELECTOR,
        "scheduler.alpha.kubernetes.io/defaultTolerations",
        "landlord.dev/creator",
        "landlord.dev/ledger",
        "landlord.dev/unclaimed"
    )]
    key: &str,
) {
    let path = format!("$.namespace.metadata.annotations['{key}']");
    for rule in [json!({"annotation": key}), json!({"jsonPath": {"path": path}})] {
        let refusal = Settings::from_value(&json!({"identify": [rule]})).unwrap_err().to_string();
        assert!(refusal.contains("is written by landlord itself"), "{refusal}");
    }
}

/// Every placement key is written whatever rules and `protectedKeys` say.
#[rstest]
#[case("*")]
#[case("*kubernetes.io/*")]
#[case("scheduler.alpha.kubernetes.io/*")]
#[case("*/node-selector")]
#[case("*/defaultTolerations")]
#[case("landlord.dev/*")]
#[case("landlord.dev/ledger")]
#[case("landlord.dev/t?nant")]
fn protected_keys_do_not_cover_what_landlord_writes(#[case] glob: &str) {
    let refusal =
        Settings::from_value(&json!({"protectedKeys": ["safe", glob]})).unwrap_err().to_string();
    assert!(refusal.starts_with("protectedKeys[1]: pattern"), "{refusal}");
    assert!(refusal.contains("list the keys that you mean"), "{refusal}");
}

/// Policy, controller and command line ask the rules about one document, whatever more each of them
/// has of the object.
#[rstest]
#[case(
    "$.namespace.metadata.ownerReferences[?(@.apiVersion=='capsule.clastix.io/v1beta2')].name",
    Some("solar")
)]
#[case("$.namespace.metadata.ownerReferences[?(@.controller==true)].name", Some("solar"))]
#[case("$.namespace.metadata.ownerReferences[0].uid", Some("u-2"))]
#[case("$.namespace.metadata.finalizers[*]", Some("example.com/wait"))]
#[case("$.namespace..manager", None)]
#[case("$.namespace..phase", None)]
#[case("$.namespace.*.phase", None)]
#[case("$.namespace..ledger", None)]
fn a_path_finds_the_same_in_every_object(#[case] path: &str, #[case] expected: Option<&str>) {
    let settings =
        Settings::from_value(&json!({"identify": [{"jsonPath": {"path": path}}]})).unwrap();
    let full = json!({
        "apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        "metadata": {
            "name": "web", "resourceVersion": "7", "finalizers": ["example.com/wait"], "managedFields": [{"manager": "kubectl"}],
            "labels": {"landlord.dev/tenant": "x"}, "annotations": {"landlord.dev/ledger": "x", SELECTOR: "pool=x"},
            "ownerReferences": [{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": "solar", "uid": "u-2", "controller": true}],
        },
    });
    let mut cut = full.clone();
    for (field, of) in [
        ("spec", ""),
        ("status", ""),
        ("managedFields", "/metadata"),
        ("resourceVersion", "/metadata"),
    ] {
        cut.pointer_mut(of).unwrap().as_object_mut().unwrap().remove(field);
    }
    let namespace = Namespace::from_value(&json!({"metadata": {"name": "web"}})).unwrap();
    let ledger = Ledger::default();
    for object in [full, cut] {
        let document = claim::document(&settings, None, || object);
        let evidence =
            Evidence { namespace: &namespace, ledger: &ledger, document: document.as_ref() };
        let found = claim::stated::<String>(&settings, evidence).unwrap();
        assert_eq!(found.as_deref(), expected);
    }
}

#[rstest]
#[case("$.namespace.spec.finalizers[*]", "reads `spec` of the namespace")]
#[case("$.namespace.status.phase", "reads `status`")]
#[case("$.namespace.labels.team", "reads `labels`")]
#[case("$.namespace.metadata.managedFields[*].manager", "reads `metadata.managedFields`")]
#[case("$.namespace.metadata.resourceVersion", "reads `metadata.resourceVersion`")]
#[case("$.namespace.metadata.label.team", "reads `metadata.label`")]
#[case("$.namespace.metadata.labels.example.com/team", "expected")]
#[case("$.namespace.metadata.labels.example.team", "reads a member of \"example\"")]
fn a_path_outside_of_that_document_is_refused(#[case] path: &str, #[case] message: &str) {
    let settings = json!({"identify": [{"jsonPath": {"path": path}}]});
    let refusal = Settings::from_value(&settings).unwrap_err().to_string();
    assert!(refusal.starts_with("identify[0].jsonPath.path: "), "{refusal}");
    assert!(refusal.contains(message), "{refusal}");
}

/// A guess at a tenant that cannot be used is one that does not count.
#[rstest]
#[case::another_rule(json!({"landlord.dev/tenant": "solar"}), Ok(Some("solar")))]
#[case::no_other_rule(json!({}), Err("team is broken"))]
#[case::an_unknown_tenant(json!({"landlord.dev/tenant": "lunar"}), Ok(None))]
#[case::stated(json!({"landlord.dev/tenant": "team"}), Err("team is broken"))]
fn a_guess_stops_nothing(#[case] labels: Value, #[case] expected: Result<Option<&str>, &str>) {
    let settings = json!({"identify": [{"namePrefix": {}}, {"label": "landlord.dev/tenant"}]});
    let settings = Settings::from_value(&settings).unwrap();
    let solar = settings.tenant(&json!({"metadata": {"name": "solar"}})).unwrap();
    let namespace =
        Namespace::from_value(&json!({"metadata": {"name": "team-web", "labels": labels}}))
            .unwrap();
    let ledger = Ledger::default();
    let evidence = Evidence { namespace: &namespace, ledger: &ledger, document: None };
    let found = claim::resolve(&settings, evidence, |name| match name {
        "team" => Err("team is broken".to_owned()),
        "solar" => Ok(Some(solar.clone())),
        _ => Ok(None),
    });
    let found = found.map_err(|error| error.to_string()).map(|found| match found {
        Resolution::Known(claim, _) => Some(claim.tenant),
        _ => None,
    });
    assert_eq!(found.as_ref().map(Option::as_deref).map_err(String::as_str), expected);
}
