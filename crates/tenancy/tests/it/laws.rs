//! The laws of the engine (docs/design.md, "Laws") over small worlds.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use serde_json::Value;
use tenancy::desired::possible_keys;
use tenancy::json_path::JsonPath;
use tenancy::keys;
use tenancy::label_selector::LabelSelector;
use tenancy::ledger::{ANNOTATION, Ledger};
use tenancy::metadata::{Field, Key, Metadata};
use tenancy::namespace::{NAME_LABEL, Namespace};
use tenancy::plan::Plan;
use tenancy::selector::NodeSelector;
use tenancy::settings::Settings;
use tenancy::template::{Grammar, Template};
use tenancy::tenant::Dialect;
use tenancy::toleration::Toleration;
use tenancy::why::Why;

use self::world::{RESTORE, restoring, spec, world};
pub(crate) use self::world::{any_world, write};
use crate::arbitrary::{self, Scope, TENANTS};
use crate::cluster::{Cluster, Step, ledger};

mod world;

/// Every key at which the two differ.
fn differences(before: &Metadata, after: &Metadata) -> Vec<Key> {
    let keys = |field: Field| {
        let both = before.field(field).keys().chain(after.field(field).keys());
        both.filter(move |name| before.field(field).get(*name) != after.field(field).get(*name))
            .map(move |name| Key { field, name: name.clone() })
    };
    keys(Field::Label).chain(keys(Field::Annotation)).collect()
}

/// Keys that may change although no ledger lists them.
fn is_exempt(cluster: &Cluster, key: &Key) -> bool {
    key.name.starts_with(keys::OWN_PREFIX)
        || key.name == NAME_LABEL
        || key.name == cluster.settings.tenant_label()
}

fn check_sacred(cluster: &Cluster, before: &Namespace, step: &Step) -> TestCaseResult {
    let Some(plan) = step.plan() else { return Ok(()) };
    let after = plan.apply(&before.metadata);
    let tenant = match step {
        Step::Planned(claim, _) => cluster.tenants.get(&claim.tenant),
        _ => None,
    };
    if tenant.is_some_and(|tenant| tenant.exclusive) {
        return Ok(());
    }
    let possible =
        tenant.map(|tenant| possible_keys(tenant, before.name.as_deref())).unwrap_or_default();
    // On its way to rest, Capsule may write a key and take it back.
    let in_passing = |key: &Key| {
        tenant.is_some_and(|tenant| tenant.dialect == Dialect::Capsule) && possible.contains(key)
    };
    let (old, new) = (ledger(&before.metadata), ledger(&after));
    for key in differences(&before.metadata, &after) {
        let by_hook = matches!(plan.remove.get(&key), Some(Why::Hook(_)));
        let ours = old.manages(&key) || new.manages(&key) || by_hook;
        prop_assert!(
            ours || in_passing(&key) || is_exempt(cluster, &key),
            "{key} is nobody's business"
        );
    }
    if tenant.is_some() {
        prop_assert!(
            new.keys().all(|key| possible.contains(&key)),
            "the ledger lists {:?}, of which the tenant knows {possible:?}",
            new
        );
    }
    Ok(())
}

/// What the plan must have brought about, judged on the result.
fn check_compliance(cluster: &Cluster, before: &Namespace, plan: &Plan) -> TestCaseResult {
    let after = plan.apply(&before.metadata);
    let text = after.annotations.get(ANNOTATION).expect("a ledger");
    let ledger = Ledger::parse(text).expect("a ledger that parses");
    let clashes: Vec<&Key> =
        plan.kept.iter().chain(&plan.refused).map(|clash| &clash.key).collect();
    for key in ledger.keys() {
        prop_assert!(after.field(key.field).contains_key(&key.name), "{key} is in the ledger only");
        prop_assert!(!clashes.contains(&&key), "{key} is managed and left alone");
        prop_assert!(!cluster.settings.protects(&key.name), "{key} is protected");
    }
    let placement =
        plan.kept.iter().chain(&plan.refused).any(|clash| keys::is_placement(&clash.key));
    prop_assert!(
        !placement || ledger.pending.is_some(),
        "placement is refused and {text} does not say so"
    );
    prop_assert_eq!(text.starts_with(r#"{"tenant":"#), ledger.pending.is_none());
    prop_assert!(plan.refused.is_sorted_by(|one, next| one.key < next.key), "{:?}", plan.refused);
    prop_assert!(plan.refused.iter().all(|clash| plan.refuses(clash)));
    for clash in &plan.kept {
        let by_choice =
            cluster.settings.protects(&clash.key.name) || !keys::is_placement(&clash.key);
        prop_assert!(by_choice, "{} is a placement key and was kept", clash.key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_plan_leaves_nothing_to_plan(world in any_world()) {
        let (cluster, namespace) = world.happen();
        let mut after = cluster.bring(&namespace);
        // The claim by a name's prefix may rest on the ledger, which goes with a tenant that is gone:
        // then the namespace is nobody's, and is marked so by a second plan.
        if matches!(cluster.step(&namespace), Step::Unknown(_)) {
            after = cluster.bring(&after);
        }
        let again = cluster.step(&after);
        prop_assert!(again.is_empty(), "first {:?}\nthen {again:?}", cluster.step(&namespace));
    }

    /// What landlord writes never changes whose the namespace is.
    #[test]
    fn a_plan_keeps_the_claim(world in any_world()) {
        let (cluster, namespace) = world.happen();
        let step = cluster.step(&namespace);
        let Step::Planned(claim, _) = &step else { return Ok(()) };
        let after = cluster.step(&cluster.bring(&namespace));
        let same = matches!(&after, Step::Planned(again, _) if again.tenant == claim.tenant);
        prop_assert!(same, "first {step:?}\nthen {after:?}");
    }

    #[test]
    fn a_foreign_update_is_settled_by_one_plan(world in any_world(), key in proptest::sample::select(&["a", "env", "tier", "zzz"][..])) {
        let (cluster, namespace) = world.happen();
        let mut settled = cluster.bring(&namespace);
        write(&mut settled, key, Some("2"));
        let after = cluster.bring(&settled);
        prop_assert!(cluster.step(&after).is_empty());
        if !ledger(&after.metadata).manages(&Key::label(key)) && matches!(cluster.step(&after), Step::Planned(..)) {
            let exclusive = cluster.tenants.values().any(|tenant| tenant.exclusive);
            let removed = cluster.step(&settled).plan().is_some_and(|plan| matches!(plan.remove.get(&Key::label(key)), Some(Why::Hook(_))));
            prop_assert!(exclusive || removed || after.metadata.labels.contains_key(key) || ledger(&settled.metadata).manages(&Key::label(key)));
        }
    }

    #[test]
    fn foreign_keys_are_sacred(world in any_world()) {
        let (cluster, namespace) = world.happen();
        check_sacred(&cluster, &namespace, &cluster.step(&namespace))?;
    }

    #[test]
    fn what_is_planned_is_compliant_or_says_why(world in any_world()) {
        let (cluster, namespace) = world.happen();
        if let Step::Planned(_, plan) = cluster.step(&namespace) {
            check_compliance(&cluster, &namespace, &plan)?;
        }
    }

    /// Hooks run in the order of their priorities and names, however they are written down.
    #[test]
    fn the_order_of_definition_means_nothing(
        world in world("landlord", Scope::default(), true),
        (hooks, shuffled) in arbitrary::hooks(Scope::default()).prop_flat_map(|hooks| {
            let listed = hooks.as_array().cloned().unwrap_or_default();
            (Just(hooks), Just(listed).prop_shuffle())
        }),
    ) {
        let end = |hooks: &Value| world.cluster.with_hooks(hooks).bring(&world.namespace).metadata;
        prop_assert_eq!(end(&hooks), end(&Value::Array(shuffled)));
    }

    /// Where tenants and namespace share no keys, history leaves no trace under `remove`.
    #[test]
    fn history_leaves_no_trace(
        world in world("landlord", Scope { release: Some("remove"), ..Scope::default() }, false),
        history in vec((0..2usize, arbitrary::spec(Scope { release: Some("remove"), ..Scope::default() })), 0..4),
    ) {
        // A tenant that only the history has had leaves its traces: nobody releases them here.
        prop_assume!(world.cluster.tenants.len() == TENANTS.len());
        let mut cluster = world.cluster.clone();
        let mut lived = world.namespace.clone();
        for (index, spec) in &history {
            cluster = cluster.with(TENANTS[*index], spec);
            lived = cluster.bring(&lived);
        }
        let lived = world.cluster.bring(&lived);
        let fresh = world.cluster.bring(&world.namespace);
        prop_assert_eq!(&lived.metadata.labels, &fresh.metadata.labels);
        let without_ledger = |namespace: &Namespace| {
            let mut annotations = namespace.metadata.annotations.clone();
            annotations.remove(ANNOTATION);
            annotations
        };
        prop_assert_eq!(without_ledger(&lived), without_ledger(&fresh));
    }

    /// Where they do share keys, it is at least the same for every order of the same edits.
    #[test]
    fn the_order_of_edits_means_nothing(
        world in world("landlord", EDITS, true),
        (edits, other_order) in vec(arbitrary::spec(EDITS), 0..5).prop_flat_map(|edits| (Just(edits.clone()), Just(edits).prop_shuffle())),
    ) {
        // An edit that the API server refuses for one tenant would be another history.
        let is_edit = |spec: &&Value| TENANTS.iter().all(|name| world.cluster.accepts(name, spec));
        let end = |edits: &[Value]| {
            let brought = edits.iter().filter(is_edit).fold(world.namespace.clone(), |namespace, spec| {
                TENANTS.iter().fold(world.cluster.clone(), |cluster, name| cluster.with(name, spec)).bring(&namespace)
            });
            world.cluster.bring(&brought).metadata
        };
        prop_assert_eq!(end(&edits), end(&other_order));
    }

    /// What landlord wrote under `restore` goes without a trace, whatever tenants the namespace has
    /// seen.
    #[test]
    fn restore_gives_back_what_was_there(
        world in prop_oneof![restoring("landlord"), restoring("capsule")],
        moves in vec((0..2usize, proptest::option::weighted(0.5, spec("landlord", RESTORE, true))), 0..4),
    ) {
        let mut cluster = world.cluster.clone();
        let mut namespace = world.namespace.clone();
        let label = cluster.settings.tenant_label();
        for (index, spec) in &moves {
            namespace = cluster.bring(&namespace);
            cluster = spec.iter().filter(|_| label == "landlord.dev/tenant").fold(cluster, |cluster, spec| cluster.with(TENANTS[*index], spec));
            write(&mut namespace, label, Some(TENANTS[*index]));
        }
        namespace = cluster.bring(&namespace);
        prop_assume!(matches!(cluster.step(&namespace), Step::Planned(..)));
        write(&mut namespace, label, None);
        let mut after = cluster.bring(&namespace).metadata;
        after.annotations.remove(keys::UNCLAIMED);
        let mut before = world.namespace.metadata.clone();
        before.labels.remove(label);
        prop_assert_eq!(after, before);
    }

    /// `keep`: what a namespace has of its own stays, and no ledger lists it.
    #[test]
    fn keep_keeps(world in world("landlord", Scope { conflicts: Some("keep"), ..Scope::default() }, true)) {
        let Step::Planned(_, plan) = world.cluster.step(&world.namespace) else { return Ok(()) };
        let before = &world.namespace.metadata;
        let after = plan.apply(before);
        for key in differences(before, &after).iter().filter(|key| !keys::is_placement(key) && !is_exempt(&world.cluster, key)) {
            prop_assert!(!before.field(key.field).contains_key(&key.name), "{key} was the namespace's own");
        }
        let adopted = ledger(&after).keys().find(|key| before.field(key.field).contains_key(&key.name) && !keys::is_placement(key));
        prop_assert_eq!(adopted, None);
    }

    /// `reject`: a key with another value is refused, named with both values and left as it is.
    #[test]
    fn reject_refuses(world in world("landlord", Scope { conflicts: Some("reject"), ..Scope::default() }, true)) {
        let Step::Planned(_, plan) = world.cluster.step(&world.namespace) else { return Ok(()) };
        let before = &world.namespace.metadata;
        let after = plan.apply(before);
        for key in differences(before, &after).iter().filter(|key| !is_exempt(&world.cluster, key)) {
            prop_assert!(!before.field(key.field).contains_key(&key.name), "{key} was the namespace's own");
        }
        for clash in &plan.refused {
            let found = before.field(clash.key.field).get(&clash.key.name);
            prop_assert!(clash.found.is_some() && found == clash.found.as_ref() && found != Some(&clash.wanted));
            prop_assert!(!ledger(&after).manages(&clash.key));
        }
    }

    #[test]
    fn no_document_panics(settings in arbitrary::value(), tenant in arbitrary::value(), object in arbitrary::value(), ledger in ".{0,40}") {
        let _ = Settings::from_value(&settings);
        let _ = Ledger::parse(&ledger);
        for source in ["landlord", "capsule"] {
            let settings = Settings::from_value(&serde_json::json!({"tenantSource": source})).expect("valid settings");
            let Ok(tenant) = settings.tenant(&tenant) else { continue };
            let Ok(mut namespace) = Namespace::from_value(&object) else { continue };
            namespace.metadata.annotations.insert(ANNOTATION.to_owned(), ledger.clone());
            write(&mut namespace, settings.tenant_label(), Some(&tenant.name));
            let cluster = Cluster::with_tenant(settings, tenant);
            cluster.bring(&cluster.bring(&namespace));
        }
    }

    #[test]
    fn no_text_panics(text in "[${}=,.@\\[\\]'a-c0-9 *?()]{0,30}|.{0,30}", value in arbitrary::value()) {
        let _ = text.parse::<NodeSelector>();
        let _ = Template::parse(&text, Grammar::Strict);
        let _ = tenancy::glob::Glob::parse(&text).map(|glob| glob.matches(&text));
        let _ = JsonPath::parse(&text).map(|path| path.select(&value).len());
        let _ = LabelSelector::from_value(&value);
        let _ = Toleration::from_value(&value);
    }
}

/// Edits whose effects cannot depend on what earlier ones destroyed.
const EDITS: Scope =
    Scope { stable_selectors: true, release: Some("remove"), conflicts: Some("override") };
