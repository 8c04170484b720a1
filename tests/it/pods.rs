//! What holds for every Pod that the policy places: nothing of its own is lost, it carries what its
//! namespace demands, and a second pass finds nothing to do. Whatever the namespace says, there is
//! an answer.

use std::cell::Cell;
use std::sync::Arc;

use policy_host::Objects;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tenancy::selector::NodeSelector;

use crate::compiled::POLICY;
use crate::fixtures::Native;

const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";

/// Texts that can be read, and others.
fn selectors() -> impl Strategy<Value = Option<String>> {
    option::of(prop_oneof![
        vec(select(vec!["pool=a", "pool=b", "zone=a", "zone=", " disk = ssd"]), 0..4)
            .prop_map(|parts| parts.join(",")),
        "[a-z=, ]{0,8}",
    ])
}

fn toleration() -> impl Strategy<Value = Value> {
    let field = |values: Vec<Value>| option::of(select(values));
    let operators = field(vec![json!("Equal"), json!("Exists"), json!("")]);
    let effects = field(vec![json!("NoSchedule"), json!("NoExecute")]);
    let keys = field(vec![json!("pool"), json!("spot")]);
    let seconds = field(vec![json!(60), json!(null)]);
    (keys, operators, effects, seconds).prop_map(|(key, operator, effect, seconds)| {
        let fields = [
            ("key", key),
            ("operator", operator),
            ("effect", effect),
            ("tolerationSeconds", seconds),
        ];
        fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?))).collect()
    })
}

/// A namespace of tenant solar, or one that is not ready.
fn namespaces() -> impl Strategy<Value = Value> {
    let ledger = select(vec![
        json!({"tenant": "solar", "labels": [], "annotations": [TOLERATIONS]}),
        json!({"tenant": "lunar"}),
    ]);
    let tolerations = option::of(prop_oneof![
        vec(toleration(), 0..3).prop_map(|list| json!(list).to_string()),
        "[\\[\\]{}\"a]{0,4}"
    ]);
    (ledger, selectors(), tolerations).prop_map(|(ledger, selector, tolerations)| {
        let metadata = json!({"name": "web", "labels": {"landlord.dev/tenant": "solar"},
            "annotations": {"landlord.dev/ledger": in_order(&ledger), SELECTOR: selector, TOLERATIONS: tolerations}});
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": without_nothing(metadata)})
    })
}

/// A ledger begins with its tenant.
fn in_order(ledger: &Value) -> String {
    format!(
        r#"{{"tenant":{},"labels":[],"annotations":{}}}"#,
        ledger["tenant"], ledger["annotations"]
    )
}

fn without_nothing(mut metadata: Value) -> Value {
    metadata["annotations"].as_object_mut().expect("a map").retain(|_, value| !value.is_null());
    metadata
}

fn pods() -> impl Strategy<Value = Value> {
    let selector = option::of(select(vec![
        json!({}),
        json!({"pool": "a"}),
        json!({"pool": "b", "own": "x"}),
        json!({"own": "x"}),
    ]));
    (selector, option::of(vec(toleration(), 0..3))).prop_map(|(selector, tolerations)| {
        let mut pod =
            json!({"metadata": {"name": "web"}, "spec": {"containers": [], "new": {"field": 1}}});
        let fields = [("nodeSelector", selector), ("tolerations", tolerations.map(Value::from))];
        fields
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
            .for_each(|(field, value)| pod["spec"][field] = value);
        pod
    })
}

/// The Pod as it is stored, or `None`.
type Stage = fn(&Value, &Value) -> Option<Value>;

fn request(pod: &Value) -> Value {
    json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "namespace": "web", "object": pod})
}

fn host(namespace: &Value) -> Arc<Objects> {
    Arc::new(Objects::from_values([namespace.clone()]).expect("an object"))
}

fn natively(namespace: &Value, pod: &Value) -> Option<Value> {
    let payload =
        json!({"request": request(pod), "settings": {"pods": {"place": true}}}).to_string();
    let answer = landlord_policy::validate(payload.as_bytes(), &Native(host(namespace).as_ref()));
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    let mutated = Some(&answer["mutated_object"]).filter(|mutated| !mutated.is_null());
    answer["accepted"].as_bool()?.then(|| mutated.unwrap_or(pod).clone())
}

fn compiled(namespace: &Value, pod: &Value) -> Option<Value> {
    let verdict =
        POLICY.validate(&request(pod), &json!({"pods": {"place": true}}), host(namespace));
    assert!(!verdict.message().contains("internal server error"), "a trap: {namespace} {pod}");
    let mut after = pod.clone();
    json_patch::patch(&mut after, &verdict.patch).expect("a patch that fits");
    verdict.allowed.then_some(after)
}

fn holds(namespace: &Value, before: &Value, stage: Stage) -> Result<bool, TestCaseError> {
    let Some(after) = stage(namespace, before) else { return Ok(false) };
    let again = stage(namespace, &after);
    prop_assert_eq!(again.as_ref(), Some(&after), "a second pass finds nothing to do");
    let text = namespace["metadata"]["annotations"][SELECTOR].as_str().unwrap_or_default();
    let mut expected = before["spec"]["nodeSelector"].as_object().cloned().unwrap_or_default();
    let selector: NodeSelector = text.parse().expect("others are refused");
    expected.extend(selector.iter().map(|(key, value)| (key.to_owned(), json!(value))));
    prop_assert_eq!(
        after["spec"]["nodeSelector"].as_object().cloned().unwrap_or_default(),
        expected
    );
    let list = |pod: &Value| pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    prop_assert!(list(&after).starts_with(&list(before)), "its own stay, where they are");
    let mut rest = after.clone();
    for field in ["nodeSelector", "tolerations"] {
        match before["spec"].get(field) {
            Some(value) => rest["spec"][field] = value.clone(),
            None => drop(rest["spec"].as_object_mut().expect("a spec").remove(field)),
        }
    }
    prop_assert_eq!(&rest, before, "nothing else changes");
    Ok(after != *before)
}

/// The laws would hold vacuously if no Pod were placed.
fn check(cases: u32, stage: Stage) {
    let placed = Cell::new(0);
    let law = |(namespace, pod): (Value, Value)| {
        placed.set(placed.get() + u32::from(holds(&namespace, &pod, stage)?));
        Ok(())
    };
    crate::laws::runner(cases)
        .run(&(namespaces(), pods()), law)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(placed.get() > cases / 10, "{} of {cases} Pods were placed", placed.get());
}

#[test]
fn every_pod_keeps_its_own_and_gets_what_its_namespace_demands() {
    check(3000, natively);
}

#[test]
fn also_by_the_compiled_policy() {
    check(300, compiled);
}
