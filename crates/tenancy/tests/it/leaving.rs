//! Landlord's end on a namespace: what it wrote goes, and nothing else.

use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::json;
use tenancy::claim::{Claim, Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::keys::OWN_PREFIX;
use tenancy::ledger::Ledger;
use tenancy::metadata::{Field, Key};
use tenancy::namespace::Namespace;
use tenancy::plan::{Claims, leave, plan, read_ledger};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;

use crate::laws::any_world;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_of_landlords_stays_and_nothing_else_goes(world in any_world(), keep in any::<bool>()) {
        let (cluster, mut namespace) = world.happen();
        let namespace_before = namespace.metadata.clone();
        let claims = if keep { Claims::Stay } else { Claims::Go };
        let (ledger, _) = read_ledger(&namespace.metadata);
        namespace.metadata = leave(&cluster.settings, &namespace, &ledger, claims).apply(&namespace.metadata);

        let label = Key::label(cluster.settings.tenant_label());
        for field in [Field::Label, Field::Annotation] {
            for name in namespace.metadata.field(field).keys().filter(|name| name.starts_with(OWN_PREFIX)) {
                prop_assert!(keep && Key { field, name: name.clone() } == label, "{name} stays");
            }
            for (name, value) in namespace_before.field(field) {
                let key = Key { field, name: name.clone() };
                let foreign = !ledger.manages(&key) && !name.starts_with(OWN_PREFIX) && key != label;
                prop_assert!(!foreign || namespace.metadata.field(field).get(name) == Some(value), "{key} is foreign");
            }
        }
        let (ledger, _) = read_ledger(&namespace.metadata);
        prop_assert!(leave(&cluster.settings, &namespace, &ledger, claims).is_empty(), "it takes one plan");
    }
}

/// The API server judges labels after admission, so a creator can send one that it would refuse, if
/// the tenant overrides it.
#[test]
fn a_value_that_cannot_exist_is_not_remembered() {
    let tenant =
        json!({"name": "solar", "release": "restore", "labels": {"team": "x", "cost": "y"}});
    let settings = Settings::from_value(&json!({"tenantSource": {"inline": [tenant]}}))
        .expect("valid settings");
    let object = json!({"metadata": {"name": "web", "labels": {"landlord.dev/tenant": "solar", "team": "{{no value}}", "cost": "old"}}});
    let mut namespace = Namespace::from_value(&object).expect("a namespace");
    let (claim, tenant) = claimed(&settings, &namespace);
    let planned = plan(&settings, &namespace, &Ledger::default(), &claim, tenant, Stage::Reconcile)
        .expect("a plan");
    namespace.metadata = planned.apply(&namespace.metadata);
    let (ledger, fault) = read_ledger(&namespace.metadata);
    assert_eq!(fault, None, "landlord reads what it has written");
    assert_eq!(ledger.previous.labels, [("cost".to_owned(), "old".to_owned())].into());
    assert!(
        plan(&settings, &namespace, &ledger, &claim, tenant, Stage::Reconcile)
            .expect("a plan")
            .is_empty()
    );
}

fn claimed<'a>(settings: &'a Settings, namespace: &Namespace) -> (Claim, &'a Tenant) {
    let evidence = Evidence { namespace, ledger: &Ledger::default(), document: None };
    match resolve(settings, evidence, |name| Ok::<_, Infallible>(settings.source.inline(name))) {
        Ok(Resolution::Known(claim, tenant)) => (claim, tenant),
        other => panic!("not claimed: {other:?}"),
    }
}

/// What a tenant with `keep` left on a namespace is the namespace's own: the next tenant gives it
/// back as it goes.
#[rstest::rstest]
#[case::keep("keep", Some("1"))]
#[case::restore("restore", Some("0"))]
#[case::remove("remove", None)]
fn what_was_kept_survives_a_move(#[case] release: &str, #[case] expected: Option<&str>) {
    let settings = json!({"tenantSource": "landlord"});
    let cluster = crate::cluster::Cluster::new(&settings)
        .with("solar", &json!({"release": release, "labels": {"a": "1"}}))
        .with("lunar", &json!({"release": "restore", "labels": {"a": "2"}}));
    let mut namespace = crate::cluster::namespace(
        &json!({"name": "web", "labels": {"landlord.dev/tenant": "solar", "a": "0"}}),
    );
    for (tenant, value) in
        [(Some("solar"), Some("1")), (Some("lunar"), Some("2")), (None, expected)]
    {
        crate::laws::write(&mut namespace, "landlord.dev/tenant", tenant);
        namespace = cluster.bring(&namespace);
        assert_eq!(namespace.metadata.labels.get("a").map(String::as_str), value, "{tenant:?}");
    }
}
