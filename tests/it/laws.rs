//! The laws that tie the policy to the engine: what one accepts unchanged is what the other leaves
//! alone (law 1), a second pass finds nothing to do (law 2), and what is not landlord's is not
//! touched (law 3).
//!
//! Cases are made from a small alphabet, so that keys, values and selectors meet all the time.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;

use policy_host::{HostCalls, Objects};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rstest::rstest;
use serde_json::{Map as Object, Value, json};
use tenancy::claim::{Evidence, Resolution, resolve};
use tenancy::keys::TENANT_LABEL;
use tenancy::keys::{CREATOR, OWN_PREFIX, UNCLAIMED};
use tenancy::ledger::Ledger;
use tenancy::metadata::{Field, Key, Metadata};
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan, read_ledger};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;
use tenancy::why::Why;

use crate::compiled::POLICY;
use crate::fixtures::Native;

/// How many cases go through the compiled policy.
const COMPILED_CASES: u32 = 300;
const NATIVE_CASES: u32 = 3000;

/// A tenant, a namespace of its, and how both came to be as they are.
#[derive(Clone, Debug)]
struct Case {
    settings: Value,
    tenant: Value,
    /// An older version of the tenant, that was in force when landlord last wrote; `None` where it
    /// never did.
    earlier: Option<Value>,
    /// As its creator sent it.
    created: Value,
    /// What a user edited afterwards: key, and its new value or none.
    edits: Vec<(String, &'static str, Option<String>)>,
}

fn values() -> impl Strategy<Value = String> {
    select(vec!["a", "b", ""]).prop_map(str::to_owned)
}

fn entries(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    subsequence(keys.to_vec(), 0..=keys.len())
        .prop_flat_map(|keys| (Just(keys.clone()), proptest::collection::vec(values(), keys.len())))
        .prop_map(|(keys, values)| {
            keys.into_iter()
                .zip(values)
                .map(|(key, value)| (key.to_owned(), json!(value)))
                .collect::<Object<_, _>>()
                .into()
        })
}

const KEYS: &[&str] = &["team", "cost", "env", "contact"];
const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

fn wants() -> impl Strategy<Value = Value> {
    let pool = proptest::option::of(entries(&["pool", "zone"]));
    let taint = json!([{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]);
    (pool, entries(KEYS), entries(KEYS), proptest::option::weighted(0.3, Just(taint))).prop_map(|(pool, labels, annotations, tolerations)| {
        json!({"nodeSelector": pool, "labels": labels, "annotations": annotations, "tolerations": tolerations})
    })
}

fn tenants() -> impl Strategy<Value = Value> {
    // Tenants write `env` and `team`, so that nobody can need them there.
    let selector =
        (select(vec!["env", "team", "stage"]), values()).prop_map(|(key, value)| match key {
            "stage" => json!({"matchLabels": {key: value}}),
            _ => {
                json!({"matchExpressions": [{"key": key, "operator": "NotIn", "values": [value]}]})
            }
        });
    let overrides = proptest::collection::vec((selector, wants()), 0..3);
    let conflicts = proptest::option::of(select(vec!["override", "keep", "reject"]));
    let release = proptest::option::of(select(vec!["remove", "restore", "keep"]));
    (wants(), overrides, conflicts, release).prop_map(|(mut spec, overrides, conflicts, release)| {
        let overrides = overrides.into_iter().map(|(selector, mut wants)| {
            wants["namespaceSelector"] = selector;
            wants
        });
        spec["overrides"] = overrides.collect();
        spec["conflicts"] = json!(conflicts);
        spec["release"] = json!(release);
        json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec})
    })
}

/// Hooks that can be meant together, whatever the tenants of these cases write.
fn hooks() -> impl Strategy<Value = Value> {
    let stage = "$.namespace.metadata.labels.stage";
    let all = vec![
        json!({"name": "set", "when": [{"path": stage, "equals": "a"}], "set": {"labels": {"team": "hook", "{{tenant.name}}-at": "{{namespace}}"}}}),
        json!({"name": "set-else", "when": [{"path": stage, "not": {"equals": "a"}}], "set": {"labels": {"team": "b"}}}),
        json!({"name": "pool", "when": [{"path": stage, "exists": true}], "set": {"nodeSelector": {"tier": "a"}}}),
        json!({"name": "drop", "priority": 200, "remove": {"labels": ["cost"], "annotations": ["env"]}}),
        json!({"name": "keep", "conflicts": "keep", "set": {"annotations": {"contact": {"fromPath": stage}}}}),
        json!({"name": "need", "when": [{"path": stage, "exists": true}], "require": [{"path": "$.namespace.metadata.labels.contact", "matches": "^a"}]}),
        json!({"name": "warn", "onFailure": "warn", "require": [{"path": "$.namespace.metadata.labels.env", "exists": true}]}),
        json!({"name": "of-tenant", "when": [{"path": "$.tenant.metadata.name", "equals": "solar"}], "set": {"annotations": {"of": "{{tenant.name}}"}}}),
    ];
    (Just(all), any::<bool>())
        .prop_flat_map(|(all, some)| subsequence(all.clone(), 0..=if some { all.len() } else { 0 }))
        .prop_map(Value::Array)
}

fn namespaces() -> impl Strategy<Value = Value> {
    let annotations = (
        entries(KEYS),
        proptest::option::weighted(0.3, select(vec!["pool=a", "pool=b,zone=a", ""])),
    );
    (entries(&["team", "cost", "env", "contact", "stage"]), annotations).prop_map(|(mut labels, (mut annotations, selector))| {
        labels[TENANT_LABEL] = json!("solar");
        if let Some(selector) = selector {
            annotations[SELECTOR] = json!(selector);
        }
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": labels, "annotations": annotations, "uid": "1"},
               "spec": {"unknown": [1.5, null, {"deep": "é"}]}})
    })
}

fn edits() -> impl Strategy<Value = Vec<(String, &'static str, Option<String>)>> {
    let key =
        (select(KEYS.to_vec()).prop_map(str::to_owned), select(vec!["labels", "annotations"]));
    let edit = prop_oneof![
        4 => (key, proptest::option::of(values())).prop_map(|((key, field), value)| (key, field, value)),
        1 => proptest::option::of(Just("pool=b".to_owned())).prop_map(|value| (SELECTOR.to_owned(), "annotations", value)),
    ];
    proptest::collection::vec(edit, 0..3)
}

fn cases() -> impl Strategy<Value = Case> {
    let settings = (select(vec!["override", "keep", "reject"]), select(vec!["remove", "restore", "keep"]), hooks())
        .prop_map(|(conflicts, release, hooks)| json!({"conflicts": conflicts, "release": release, "hooks": hooks}));
    let earlier = proptest::option::weighted(0.8, tenants());
    (settings, tenants(), earlier, namespaces(), edits(), any::<bool>()).prop_map(
        |(settings, tenant, earlier, created, edits, same)| {
            let earlier = earlier.map(|earlier| if same { tenant.clone() } else { earlier });
            Case { settings, tenant, earlier, created, edits }
        },
    )
}

impl Case {
    fn settings(&self) -> Settings {
        Settings::from_value(&self.settings).expect("valid settings")
    }

    /// What the engine plans for an object.
    fn plan(&self, tenant: &Value, object: &Value) -> Plan {
        let settings = self.settings();
        let tenant: Tenant = settings.tenant(tenant).expect("a valid tenant");
        let namespace = Namespace::from_value(object).expect("a namespace");
        let (ledger, _) = read_ledger(&namespace.metadata);
        let evidence = Evidence { namespace: &namespace, ledger: &ledger, document: None };
        let resolution =
            resolve(&settings, evidence, |_| Ok::<_, Infallible>(Some(tenant.clone())));
        let Ok(Resolution::Known(claim, tenant)) = resolution else {
            panic!("not claimed: {resolution:?}")
        };
        plan(&settings, &namespace, &ledger, &claim, &tenant, tenancy::hook::Stage::Reconcile)
            .expect("a plan")
    }

    /// The namespace as it is now: created, planned under the earlier tenant, edited.
    fn object(&self) -> Value {
        let mut object = self.created.clone();
        if let Some(earlier) = &self.earlier {
            object = applied(&object, &self.plan(earlier, &object));
        }
        for (key, field, value) in &self.edits {
            let entries = object["metadata"][*field].as_object_mut().expect("a map");
            match value {
                Some(value) => drop(entries.insert(key.clone(), json!(value))),
                None => drop(entries.remove(key)),
            }
        }
        object
    }

    fn request(&self, operation: &str, object: &Value) -> Value {
        let old = if operation == "CREATE" { json!(null) } else { object.clone() };
        json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": operation,
               "userInfo": {"username": "admin", "groups": ["system:masters"]}, "object": object, "oldObject": old})
    }

    fn host(&self) -> Arc<dyn HostCalls> {
        Arc::new(Objects::from_values([self.tenant.clone()]).expect("a tenant"))
    }
}

fn metadata(object: &Value) -> Metadata {
    Namespace::from_value(object).expect("a namespace").metadata
}

fn applied(object: &Value, plan: &Plan) -> Value {
    let after = plan.apply(&metadata(object));
    let mut object = object.clone();
    object["metadata"]["labels"] = json!(after.labels);
    object["metadata"]["annotations"] = json!(after.annotations);
    object
}

/// A stage to hold the laws against: what it answers to a request, as the object afterwards; `None`
/// where it denies.
type Stage = fn(&Case, &str, &Value) -> Option<Value>;

fn natively(case: &Case, operation: &str, object: &Value) -> Option<Value> {
    let payload =
        json!({"request": case.request(operation, object), "settings": case.settings}).to_string();
    let answer: Value = serde_json::from_slice(&landlord_policy::validate(
        payload.as_bytes(),
        &Native(case.host().as_ref()),
    ))
    .expect("JSON");
    let mutated = Some(&answer["mutated_object"]).filter(|mutated| !mutated.is_null());
    answer["accepted"].as_bool()?.then(|| mutated.unwrap_or(object).clone())
}

fn compiled(case: &Case, operation: &str, object: &Value) -> Option<Value> {
    let verdict = POLICY.validate(&case.request(operation, object), &case.settings, case.host());
    let mut after = object.clone();
    json_patch::patch(&mut after, &verdict.patch).expect("a patch that fits");
    verdict.allowed.then_some(after)
}

/// Law 1 on a live namespace, and law 2 on what comes out.
fn holds_on_update(case: &Case, stage: Stage) -> Result<(), TestCaseError> {
    let object = case.object();
    let plan = case.plan(&case.tenant, &object);
    let after = stage(case, "UPDATE", &object);
    prop_assert_eq!(after.as_ref(), Some(&applied(&object, &plan)), "plan: {:?}", plan);
    prop_assert_eq!(after.as_ref() == Some(&object), plan.is_empty());
    let after = after.unwrap_or_default();
    let again = stage(case, "UPDATE", &after);
    prop_assert_eq!(again.as_ref(), Some(&after), "a second pass changes nothing");
    holds_foreign_keys(case, &object, &after, &plan)
}

/// Law 1 at creation: judged on the object without ledger; a clash that is refused is a denial
/// there.
fn holds_on_create(case: &Case, stage: Stage) -> Result<(), TestCaseError> {
    let plan = case.plan(&case.tenant, &case.created);
    let after = stage(case, "CREATE", &case.created);
    let accepted = plan.refused.is_empty() && plan.rejections().next().is_none();
    let expected = accepted.then(|| applied(&case.created, &plan));
    prop_assert_eq!(after, expected, "plan: {:?}", plan);
    Ok(())
}

/// Law 3: outside of labels and annotations nothing changes, and among them only keys that the
/// plan, the old ledger or landlord owns.
fn holds_foreign_keys(
    case: &Case,
    before: &Value,
    after: &Value,
    plan: &Plan,
) -> Result<(), TestCaseError> {
    let without_metadata = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["labels"] = json!(null);
        object["metadata"]["annotations"] = json!(null);
        object
    };
    prop_assert_eq!(without_metadata(before), without_metadata(after));
    let (before, after) = (metadata(before), metadata(after));
    let (ledger, _) = read_ledger(&before);
    for key in
        before.labels.keys().map(Key::label).chain(before.annotations.keys().map(Key::annotation))
    {
        if !is_landlords(&key, &ledger, plan) {
            let value = |metadata: &Metadata| metadata.field(key.field).get(&key.name).cloned();
            prop_assert_eq!(value(&before), value(&after), "{} of {:?}", key, case);
        }
    }
    Ok(())
}

fn is_landlords(key: &Key, ledger: &Ledger, plan: &Plan) -> bool {
    let own = key.field == Field::Annotation && key.name.starts_with(OWN_PREFIX)
        || key.name == TENANT_LABEL;
    let by_hook = matches!(plan.remove.get(key), Some(Why::Hook(_)));
    own || ledger.manages(key) || plan.set.contains_key(key) || by_hook
}

pub(crate) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn check(cases_number: u32, stage: Stage) {
    let law = |case: Case| {
        holds_on_update(&case, stage)?;
        holds_on_create(&case, stage)
    };
    runner(cases_number).run(&cases(), law).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_policy_does_what_the_engine_plans() {
    check(NATIVE_CASES, natively);
}

#[test]
fn the_compiled_policy_does_what_the_engine_plans() {
    check(COMPILED_CASES, compiled);
}

/// Law 1 for a namespace that nobody claims: whether it is marked depends on the settings, and
/// under `reject` on the guard's stamp.
#[rstest]
fn the_policy_marks_what_the_engine_marks(
    #[values(None, Some("mallory"), Some("system:serviceaccount:ops:robot"))] creator: Option<&str>,
    #[values("labelled", "all")] scope: &str,
    #[values("allow", "reject")] unclaimed: &str,
    #[values(true, false)] marked: bool,
) {
    let admins = json!({"groups": ["system:masters"], "serviceAccounts": ["ops:robot"]});
    let settings = json!({"unclaimed": unclaimed, "guard": {"scope": scope}, "admins": admins});
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}});
    let stamp = creator.map(|name| {
        (CREATOR.to_owned(), json!(json!({"username": name, "groups": []}).to_string()))
    });
    let mark = marked.then(|| (UNCLAIMED.to_owned(), json!("true")));
    let annotations: Object<_, _> = stamp.into_iter().chain(mark).collect();
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web", "labels": {}, "annotations": annotations}});
    let case = Case { settings, tenant, earlier: None, created: object.clone(), edits: Vec::new() };
    let plan = tenancy::plan::unclaimed(
        &case.settings(),
        &Namespace::from_value(&object).expect("a namespace"),
        &Ledger::default(),
    );
    let expected = scope == "all" && (unclaimed == "allow" || creator != Some("mallory"));
    for stage in [natively as Stage, compiled] {
        let after = stage(&case, "UPDATE", &object).expect("accepted");
        assert_eq!(after, applied(&object, &plan));
        assert_eq!(metadata(&after).annotations.contains_key(UNCLAIMED), expected);
    }
}

/// The laws would hold vacuously if nothing ever met.
#[test]
fn the_cases_are_worth_their_time() {
    let plans = RefCell::new(Vec::new());
    let collect = |case: Case| {
        plans.borrow_mut().push(case.plan(&case.tenant, &case.object()));
        Ok(())
    };
    runner(1000).run(&cases(), collect).expect("collecting never fails");
    let plans = plans.into_inner();
    let count = |is: fn(&Plan) -> bool| plans.iter().filter(|plan| is(plan)).count();
    let kinds = [
        ("drift", count(|plan| !plan.is_empty())),
        ("compliant", count(Plan::is_empty)),
        ("refused", count(|plan| !plan.refused.is_empty())),
        ("kept", count(|plan| !plan.kept.is_empty())),
        ("released", count(|plan| !plan.remove.is_empty())),
        (
            "removed by a hook",
            count(|plan| plan.remove.values().any(|why| matches!(why, Why::Hook(_)))),
        ),
        (
            "set by a hook",
            count(|plan| plan.set.values().any(|want| matches!(want.why, Why::Hook(_)))),
        ),
        ("rejected by a hook", count(|plan| plan.rejections().next().is_some())),
    ];
    for (what, number) in kinds {
        assert!(number >= 50, "{what}: {number} of 1000 cases");
    }
}
