//! Strategies for settings, tenants and namespaces. The alphabets are tiny, so that keys and values
//! clash all the time: `coverage.rs` counts how often.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tenancy::keys;
use tenancy::ledger::ANNOTATION;
use tenancy::namespace::NAME_LABEL;

pub(crate) use self::hook::{hooks, with_hook};
pub(crate) use self::value::value;

mod hook;
mod value;

/// Keys that tenants want and namespaces have. `web` is also what `{{namespace}}` renders to.
const KEYS: [&str; 4] = ["a", "b", "c", "web"];
/// Keys that tenants never set, for selectors.
const SELECTED: [&str; 2] = ["env", "tier"];
const VALUES: [&str; 3] = ["1", "2", "web"];
pub(crate) const TENANTS: [&str; 2] = ["solar", "wind"];

/// How far the tenants of a case may go.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scope {
    /// Selectors look at keys that no tenant sets.
    pub(crate) stable_selectors: bool,
    /// `release` of settings and tenants; `None` for any.
    pub(crate) release: Option<&'static str>,
    /// `conflicts` of settings and tenants; `None` for any.
    pub(crate) conflicts: Option<&'static str>,
}

fn pick(from: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(from).prop_map(str::to_owned)
}

fn mode(fixed: Option<&'static str>, all: &'static [&'static str]) -> BoxedStrategy<Value> {
    match fixed {
        Some(mode) => Just(json!(mode)).boxed(),
        None => option::of(pick(all)).prop_map(Value::from).boxed(),
    }
}

fn conflicts(scope: Scope) -> BoxedStrategy<Value> {
    mode(scope.conflicts, &["override", "keep", "reject"])
}

fn release(scope: Scope) -> BoxedStrategy<Value> {
    mode(scope.release, &["remove", "restore", "keep"])
}

/// An object of the members that are not `null`.
fn object(members: Vec<(&str, Value)>) -> Value {
    members
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect::<Map<_, _>>()
        .into()
}

/// Labels or annotations as a tenant wants them: keys and values may be templated.
fn wants() -> impl Strategy<Value = Value> {
    let key = prop_oneof![4 => pick(&KEYS), 1 => pick(&["{{namespace}}", "{{tenant.name}}"])];
    let value = prop_oneof![4 => pick(&VALUES), 1 => pick(&["{{namespace}}", "{{ tenant.name }}"])];
    btree_map(key, value, 0..3).prop_map(|wants| json!(wants))
}

fn node_selector() -> impl Strategy<Value = Value> {
    let map =
        btree_map(pick(&["pool", "zone"]), pick(&["x", "y"]), 0..2).prop_map(|map| json!(map));
    prop_oneof![Just(Value::Null), map.clone(), map]
}

fn tolerations() -> impl Strategy<Value = Value> {
    let toleration = pick(&["x", "y"])
        .prop_map(|value| json!({"key": "pool", "value": value, "effect": "NoSchedule"}));
    prop_oneof![3 => Just(Value::Null), 1 => vec(toleration, 0..2).prop_map(Value::Array)]
}

fn selector(scope: Scope) -> impl Strategy<Value = Value> {
    let key = if scope.stable_selectors {
        pick(&SELECTED).boxed()
    } else {
        prop_oneof![2 => pick(&SELECTED), 1 => pick(&KEYS), 1 => Just(NAME_LABEL.to_owned())]
            .boxed()
    };
    (key, pick(&VALUES), 0..4).prop_map(|(key, value, form)| match form {
        0 => json!({"matchLabels": {key: value}}),
        1 => json!({"matchExpressions": [{"key": key, "operator": "Exists"}]}),
        2 => json!({"matchExpressions": [{"key": key, "operator": "NotIn", "values": [value]}]}),
        _ => json!({"matchExpressions": [{"key": key, "operator": "DoesNotExist"}]}),
    })
}

fn layer() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    (wants(), wants(), node_selector(), tolerations()).prop_map(
        |(labels, annotations, node_selector, tolerations)| {
            vec![
                ("labels", labels),
                ("annotations", annotations),
                ("nodeSelector", node_selector),
                ("tolerations", tolerations),
            ]
        },
    )
}

/// `spec` of a landlord tenant.
pub(crate) fn spec(scope: Scope) -> impl Strategy<Value = Value> {
    let hooks = prop_oneof![3 => Just(Value::Null), 1 => hooks(scope)];
    let one = (selector(scope), layer())
        .prop_map(|(selector, layer)| [vec![("namespaceSelector", selector)], layer].concat());
    (layer(), vec(one.prop_map(object), 0..3), conflicts(scope), release(scope), hooks).prop_map(
        |(own, overrides, conflicts, release, hooks)| {
            let more = vec![
                ("overrides", json!(overrides)),
                ("namespaces", json!({"prefixes": ["solar-"]})),
                ("conflicts", conflicts),
                ("release", release),
                ("hooks", hooks),
            ];
            object([own, more].concat())
        },
    )
}

/// `spec` of a Capsule tenant. With `lasting`, it has nothing that outlives it by design: no
/// defaults and no `managedMetadataOnly`.
pub(crate) fn capsule_spec(lasting: bool) -> impl Strategy<Value = Value> {
    let item = (option::of(selector(Scope::default())), wants(), wants()).prop_map(
        |(selector, labels, annotations)| {
            object(vec![
                ("namespaceSelector", json!(selector)),
                ("labels", labels),
                ("annotations", annotations),
            ])
        },
    );
    let rule = (btree_map(pick(&KEYS), rule_value(lasting), 0..3), pick(&["Namespace", "*"]))
        .prop_map(|(labels, kind)| json!({"enforce": {"metadata": [{"kinds": [kind], "labels": labels}]}}));
    let literal = (
        btree_map(pick(&KEYS), pick(&VALUES), 0..3),
        btree_map(annotation_key(), pick(&VALUES), 0..2),
    );
    (literal, vec(item, 0..3), vec(rule, 0..2), node_selector(), any::<(bool, bool)>()).prop_map(
        move |((labels, annotations), items, rules, node_selector, (cordoned, exclusive))| {
            let options = json!({
                "additionalMetadata": {"labels": labels, "annotations": annotations},
                "additionalMetadataList": items, "managedMetadataOnly": exclusive && !lasting,
            });
            object(vec![
                ("namespaceOptions", options),
                ("rules", json!(rules)),
                ("nodeSelector", node_selector),
                ("cordoned", json!(cordoned)),
            ])
        },
    )
}

fn annotation_key() -> impl Strategy<Value = String> {
    prop_oneof![4 => pick(&KEYS), 1 => pick(&[ANNOTATION, NAME_LABEL])]
}

fn rule_value(lasting: bool) -> impl Strategy<Value = Value> {
    (pick(&VALUES), any::<bool>()).prop_map(move |(value, managed)| {
        if managed || lasting { json!({"managed": value}) } else { json!({"default": value}) }
    })
}

/// Settings for tenants read from objects. `identify` has rules beside the own label, in front of
/// and behind it.
pub(crate) fn settings(source: &'static str, scope: Scope) -> impl Strategy<Value = Value> {
    let label =
        if source == "capsule" { "capsule.clastix.io/tenant" } else { "landlord.dev/tenant" };
    let rules = [
        json!([{"label": label}]),
        json!([{"annotation": "owner"}]),
        json!([{"label": label}, {"label": "b"}]),
        json!([{"jsonPath": {"path": "$.namespace.metadata.annotations.owner"}}, {"label": label}]),
        json!([{"label": label}, {"namePrefix": {}}, {"annotation": "owner"}]),
        json!([{"namePrefix": {}}, {"label": label}]),
        // Names of several tenants at once, and keys that tenants want.
        json!([{"jsonPath": {"path": "$.namespace.metadata.annotations[*]", "prefix": "tenant:"}}, {"label": label}]),
        json!([{"label": label}, {"jsonPath": {"path": "$.namespace.metadata.annotations[*]", "prefix": "tenant:"}}]),
        json!([{"jsonPath": {"path": "$.namespace.metadata.annotations.owner", "prefix": "tenant:"}}, {"namePrefix": {"segments": 1}}, {"label": label}]),
        json!([{"label": "web"}, {"label": label}]),
    ];
    let protected = vec(pick(&["a", "b*", "?", "w*b", NAME_LABEL]), 0..2);
    (
        option::of(proptest::sample::select(rules.to_vec())),
        option::weighted(0.3, protected),
        conflicts(scope),
        release(scope),
        (pick(&["labelled", "all"]), pick(&["allow", "reject"])),
        prop_oneof![1 => Just(json!([])), 1 => hooks(scope)],
    )
        .prop_map(move |(rules, protected, conflicts, release, (guard, unclaimed), hooks)| {
            let mut settings = object(vec![
                ("tenantSource", json!(source)),
                ("identify", json!(rules)),
                ("protectedKeys", json!(protected)),
                ("conflicts", conflicts),
                ("release", release),
                ("guard", json!({"scope": guard})),
                ("unclaimed", json!(unclaimed)),
            ]);
            let listed = hooks.as_array().into_iter().flatten();
            settings["hooks"] =
                listed.fold(json!([]), |hooks, hook| with_hook(&settings, hooks, hook));
            settings
        })
}

/// The metadata of a namespace that landlord has not seen yet; mostly it claims a tenant.
/// `clashes`: with the keys tenants want.
pub(crate) fn metadata(source: &'static str, clashes: bool) -> impl Strategy<Value = Value> {
    let label =
        if source == "capsule" { "capsule.clastix.io/tenant" } else { "landlord.dev/tenant" };
    let keys: &[&str] =
        if clashes { &["a", "b", "c", "web", "env", "tier"] } else { &["env", "tier"] };
    let labels = btree_map(pick(keys), pick(&VALUES), 0..5);
    let annotations = btree_map(
        prop_oneof![3 => pick(keys), 1 => pick(&["note", "owner"])],
        pick(&["1", "2", "solar", "wind", "tenant:solar", "tenant:wind"]),
        0..3,
    );
    let selector = option::weighted(0.3, pick(&["pool=x", "pool=y", "", "pool=x,zone=y"]))
        .prop_map(move |selector| selector.filter(|_| clashes));
    let claim = prop_oneof![5 => pick(&TENANTS).prop_map(Some), 1 => Just(None)];
    let name = option::weighted(0.9, prop_oneof![4 => Just("web"), 1 => Just("solar-web")]);
    let stamp = option::weighted(
        0.3,
        pick(&[
            r#"{"username":"mallory","groups":[]}"#,
            r#"{"username":"x","groups":["system:masters"]}"#,
            "x",
        ]),
    );
    (labels, annotations, selector, claim, name, stamp).prop_map(
        move |(mut labels, mut annotations, selector, claim, name, stamp)| {
            annotations.extend(stamp.map(|stamp| (keys::CREATOR.to_owned(), stamp)));
            labels.extend(claim.map(|claim| (label.to_owned(), claim)));
            labels.extend(name.map(|name| (NAME_LABEL.to_owned(), name.to_owned())));
            annotations.extend(selector.map(|selector| (keys::NODE_SELECTOR.to_owned(), selector)));
            object(vec![
                ("name", json!(name)),
                ("generateName", if name.is_none() { json!("we") } else { Value::Null }),
                ("labels", json!(labels)),
                ("annotations", json!(annotations)),
            ])
        },
    )
}
