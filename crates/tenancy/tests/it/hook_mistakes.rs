//! Hooks that are refused before they run: each kind of mistake in a table with its message, alone,
//! beside another hook, and beside a tenant that it cannot live with.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::settings::Settings;

use crate::hooks::World;

/// Each kind of mistake, with what its message must say.
#[rstest]
#[case::root(json!({"name": "x", "when": [{"path": "$.nmespace.metadata", "exists": true}], "set": {"labels": {"a": "1"}}}),
    "hooks[0].when[0].path: hook \"x\": \"$.nmespace.metadata\": a hook reads `$.request`, `$.namespace` or `$.tenant`")]
#[case::everything(json!({"name": "x", "when": [{"path": "$..env", "exists": true}], "set": {"labels": {"a": "1"}}}), "begin with one of them")]
#[case::spec(json!({"name": "x", "when": [{"path": "$.namespace.spec.finalizers", "exists": true}], "set": {"labels": {"a": "1"}}}), "of a namespace, hooks read")]
#[case::dots(json!({"name": "x", "when": [{"path": "$.namespace.metadata.labels.app.of", "exists": true}], "set": {"labels": {"a": "1"}}}), "['example.com/key']")]
#[case::status(json!({"name": "x", "set": {"labels": {"a": {"fromPath": "$.tenant.status.state"}}}}), "a tenant's status is not for hooks")]
#[case::syntax(json!({"name": "x", "when": [{"path": "$.namespace[", "exists": true}], "set": {"labels": {"a": "1"}}}), "is not valid at")]
#[case::request(json!({"name": "x", "when": [{"path": "$.request.userInfo.username", "exists": true}], "set": {"labels": {"a": "1"}}}),
    "hooks[0].stages: hook \"x\": \"$.request.userInfo.username\" reads the request, which the controller never sees: write `stages: [admission]`")]
#[case::expression(json!({"name": "x", "require": [{"path": "$.namespace.metadata.name", "matches": "("}]}), "hooks[0].require[0].matches: hook \"x\": \"(\" is not a regular expression")]
#[case::bomb(json!({"name": "x", "require": [{"path": "$.namespace.metadata.name", "matches": "((a{0,99}){0,99}){0,99}"}]}), "fix or simplify it")]
#[case::untested(json!({"name": "x", "when": [{"path": "$.namespace.metadata.name"}], "set": {"labels": {"a": "1"}}}), "nothing is said about")]
#[case::twice(json!({"name": "x", "when": [{"path": "$.namespace.metadata.name", "equals": "a", "exists": true}], "set": {"labels": {"a": "1"}}}), "two tests at once")]
#[case::unknown(json!({"name": "x", "when": [{"path": "$.namespace.metadata.name", "equal": "a"}], "set": {"labels": {"a": "1"}}}), "did you mean `equals`?")]
#[case::no_list(json!({"name": "x", "when": [{"path": "$.namespace.metadata.name", "in": []}], "set": {"labels": {"a": "1"}}}), "when[0].in: hook \"x\": empty")]
#[case::idle(json!({"name": "x"}), "neither sets, removes nor requires")]
#[case::no_stage(json!({"name": "x", "stages": [], "set": {"labels": {"a": "1"}}}), "hooks[0].stages: hook \"x\": empty")]
#[case::name(json!({"name": "X y", "set": {"labels": {"a": "1"}}}), "is no DNS label")]
#[case::key(json!({"name": "x", "set": {"labels": {"a b": "1"}}}), "hooks[0].set.labels[\"a b\"]: hook \"x\"")]
#[case::value(json!({"name": "x", "set": {"labels": {"a": "b c"}}}), "hooks[0].set.labels[\"a\"]: hook \"x\"")]
#[case::number(json!({"name": "x", "set": {"labels": {"a": 1}}}), "put it in quotes")]
#[case::tag(json!({"name": "x", "set": {"labels": {"a": "{{who}}"}}}), "tag \"who\"")]
#[case::own(json!({"name": "x", "set": {"annotations": {"landlord.dev/ledger": "{}"}}}), "is written by landlord itself")]
#[case::selector(json!({"name": "x", "remove": {"annotations": ["scheduler.alpha.kubernetes.io/node-selector"]}}), "hooks[0].remove.annotations[0]: hook \"x\"")]
#[case::tenant_label(json!({"name": "x", "remove": {"labels": ["capsule.clastix.io/tenant"]}}), "is written by landlord itself")]
#[case::pool_of_one(json!({"name": "x", "set": {"nodeSelector": {"a": "{{namespace}}"}}}), "a node pool of one namespace is none")]
#[case::pool_at_one_stage(json!({"name": "x", "stages": ["admission"], "set": {"nodeSelector": {"a": "b"}}}), "must be the same at both stages")]
#[case::both(json!({"name": "x", "set": {"labels": {"a": "1"}}, "remove": {"labels": ["a"]}}), "it also sets label \"a\"")]
#[case::reads_own(json!({"name": "x", "when": [{"path": "$.namespace.metadata.labels.a", "exists": false}], "set": {"labels": {"a": "1"}}}),
    "hooks[0].when: hook \"x\": it reads label \"a\", which hook \"x\" sets, and hooks see only what none of them writes: to set a key only where it is absent, write `conflicts: keep`")]
#[case::never(json!({"name": "x", "when": [{"path": "$.namespace.metadata.labels.a", "equals": "1"}, {"path": "$.namespace.metadata.labels.a", "in": ["2", "3"]}],
    "set": {"labels": {"b": "1"}}}), "hooks[0].when: hook \"x\": no namespace can fulfil all of its conditions")]
#[case::reads_the_selector(json!({"name": "x", "when": [{"path": "$.namespace.metadata.labels.env", "exists": true}, {"path": "$.namespace.metadata.annotations['scheduler.alpha.kubernetes.io/node-selector']", "exists": true}], "set": {"labels": {"a": "1"}}}),
    "hooks[0].when[1]: hook \"x\": it reads annotation \"scheduler.alpha.kubernetes.io/node-selector\", which landlord itself may write")]
#[case::reads_tolerations(json!({"name": "x", "set": {"annotations": {"a": {"fromPath": "$.namespace.metadata.annotations['scheduler.alpha.kubernetes.io/defaultTolerations']"}}}}),
    "hooks[0].set.annotations[\"a\"]: hook \"x\": it reads annotation \"scheduler.alpha.kubernetes.io/defaultTolerations\"")]
#[case::reads_all_annotations(json!({"name": "x", "set": {"nodeSelector": {"zone": {"fromPath": "$.namespace.metadata.annotations[*]"}}}}), "hooks[0].set.nodeSelector[\"zone\"]: hook \"x\": it reads annotation")]
#[case::reads_some_annotations(json!({"name": "x", "when": [{"path": "$.namespace.metadata.annotations[?(@ == 'a')]", "exists": true}], "set": {"labels": {"a": "1"}}}), "each by its key")]
fn a_mistaken_hook_is_refused(#[case] hook: Value, #[case] message: &str) {
    let refusal = World::with_hook(hook.clone()).refusal();
    assert!(refusal.contains(message), "{refusal}");
    let refusal = World::with_hooks(json!([])).spec("hooks", json!([hook])).refusal();
    let in_spec = message
        .strip_prefix("hooks[0]")
        .map_or(message.to_owned(), |rest| format!("spec.hooks[0]{rest}"));
    assert!(refusal.contains(&in_spec), "{refusal}");
}

const ENV: &str = "$.namespace.metadata.labels.env";

/// Pairs of hooks that cannot both be meant.
#[rstest]
#[case::values(json!({"name": "x", "set": {"labels": {"a": "1"}}}), json!({"name": "y", "set": {"labels": {"a": "2"}}}),
    "hooks[1].set.labels[\"a\"]: hook \"y\": it and hook \"x\" can give label \"a\" different values")]
#[case::pools(json!({"name": "x", "set": {"nodeSelector": {"a": "1"}}}), json!({"name": "y", "set": {"nodeSelector": {"a": "2"}}}), "node selector key \"a\" different values")]
#[case::none(json!({"name": "x", "set": {"nodeSelector": {"a": "1"}}}), json!({"name": "y", "set": {"nodeSelector": {}}}), "hooks[1].set.nodeSelector: hook \"y\": it and hook \"x\" can give the node selector different values")]
#[case::removes(json!({"name": "x", "set": {"labels": {"a": "1"}}}), json!({"name": "y", "remove": {"labels": ["a"]}}), "hooks[1].remove: hook \"y\"")]
#[case::is_removed(json!({"name": "x", "remove": {"labels": ["a"]}}), json!({"name": "y", "set": {"labels": {"a": "1"}}}), "hooks[1].set.labels[\"a\"]")]
#[case::names(json!({"name": "x", "set": {"labels": {"a": "1"}}}), json!({"name": "x", "set": {"labels": {"b": "1"}}}), "hooks[1].name: hook \"x\": another hook has this name")]
#[case::overlap(
    json!({"name": "x", "when": [{"path": ENV, "in": ["a", "b"]}], "set": {"labels": {"a": "1"}}}),
    json!({"name": "y", "when": [{"path": ENV, "in": ["b", "c"]}], "set": {"labels": {"a": "2"}}}), "let their conditions exclude each other")]
#[case::reads_removed(
    json!({"name": "x", "remove": {"labels": ["env"]}}),
    json!({"name": "y", "when": [{"path": ENV, "exists": true}], "set": {"labels": {"a": "2"}}}), "it reads label \"env\", which hook \"x\" removes")]
#[case::is_read(
    json!({"name": "x", "when": [{"path": ENV, "exists": true}], "set": {"labels": {"a": "2"}}}),
    json!({"name": "y", "set": {"labels": {"env": "1"}}}), "hooks[1].set: hook \"y\": hook \"x\" cannot run beside it: it reads label \"env\"")]
#[case::wildcard(
    json!({"name": "x", "set": {"labels": {"a": "2"}}}),
    json!({"name": "y", "when": [{"path": "$.namespace.metadata.labels.*", "equals": "1"}], "set": {"annotations": {"b": "1"}}}), "it reads label \"a\"")]
fn two_hooks_that_cannot_both_be_meant_are_refused(
    #[case] one: Value,
    #[case] other: Value,
    #[case] message: &str,
) {
    let refusal = World::with_hooks(json!([one, other])).refusal();
    assert!(refusal.contains(message), "{refusal}");
    let refusal = World::with_hook(one).spec("hooks", json!([other])).refusal();
    assert!(refusal.starts_with("tenant \"solar\": spec.hooks[0]"), "{refusal}");
}

/// Conditions that exclude each other let two hooks set one key.
#[rstest]
#[case(json!({"path": ENV, "equals": "a"}), json!({"path": ENV, "equals": "b"}))]
#[case(json!({"path": ENV, "equals": "a"}), json!({"path": ENV, "not": {"equals": "a"}}))]
#[case(json!({"path": ENV, "in": ["a", "b"]}), json!({"path": ENV, "not": {"matches": "^[ab]$"}}))]
#[case(json!({"path": ENV, "exists": false}), json!({"path": ENV, "matches": "x"}))]
#[case(json!({"path": "$.tenant.metadata.name", "equals": "a"}), json!({"path": "$.tenant.metadata.name", "equals": "b"}))]
fn exclusive_hooks_may_set_one_key(#[case] one: Value, #[case] other: Value) {
    let hook = |name: &str, when: Value| json!({"name": name, "when": [when], "set": {"labels": {"x": name}}});
    let settings = json!({"hooks": [hook("one", one), hook("other", other)]});
    Settings::from_value(&settings).expect("accepted");
}

/// What a tenant writes itself, and hooks of the settings that cannot live with it.
#[rstest]
#[case::violated(json!({"name": "x", "require": [{"path": ENV, "in": ["dev", "prod"]}]}),
    "tenant \"solar\": spec.hooks: hook \"x\": require[0]: it demands that $.namespace.metadata.labels.env be one of \"dev\", \"prod\", but this tenant sets it to \"test\"")]
#[case::violated_by_name(json!({"name": "x", "when": [{"path": "$.tenant.metadata.name", "equals": "solar"}], "require": [{"path": ENV, "equals": "dev"}]}), "it demands that")]
#[case::blind(json!({"name": "x", "when": [{"path": ENV, "equals": "test"}], "set": {"labels": {"a": "1"}}}),
    "hook \"x\": when[0]: it reads label \"env\", which this tenant writes itself")]
#[case::stage(json!({"name": "x", "stages": ["admission"], "set": {"labels": {"env": "a"}}}), "hook \"x\": set.labels[\"env\"]: this tenant writes the key as well")]
fn a_tenant_that_hooks_cannot_live_with_is_refused(#[case] hook: Value, #[case] message: &str) {
    let refusal = World::with_hook(hook).spec("labels", json!({"env": "test"})).refusal();
    assert!(refusal.contains(message), "{refusal}");
}

#[rstest]
#[case::other_tenant(json!({"name": "x", "when": [{"path": "$.tenant.metadata.name", "equals": "wind"}], "require": [{"path": ENV, "equals": "dev"}]}))]
#[case::sometimes(json!({"name": "x", "when": [{"path": "$.namespace.metadata.labels.a", "equals": "1"}], "require": [{"path": ENV, "equals": "dev"}]}))]
#[case::warned(json!({"name": "x", "onFailure": "ignore", "require": [{"path": ENV, "equals": "dev"}]}))]
#[case::overridden(json!({"name": "x", "set": {"labels": {"env": "dev"}}, "require": [{"path": ENV, "equals": "dev"}]}))]
fn a_tenant_that_may_comply_is_accepted(#[case] hook: Value) {
    let world = World::with_hook(hook).spec("labels", json!({"env": "test"}));
    world.settings().tenant(&world.tenant).expect("accepted");
}
