//! Hooks (DESIGN 11): what they set, remove and require, at which stage, and which of them are refused before they run.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::claim::Claim;
use tenancy::hook::Stage;
use tenancy::metadata::Metadata;
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan};
use tenancy::settings::Settings;

/// A tenant with these fields in its spec, under settings with these hooks.
#[derive(Clone)]
struct World {
    settings: Value,
    tenant: Value,
}

impl World {
    fn with_hooks(hooks: Value) -> Self {
        Self { settings: json!({"hooks": hooks}), tenant: json!({"metadata": {"name": "solar"}, "spec": {"data": {"team": "4711"}}}) }
    }

    fn with_hook(hook: Value) -> Self {
        Self::with_hooks(json!([hook]))
    }

    fn spec(mut self, field: &str, value: Value) -> Self {
        self.tenant["spec"][field] = value;
        self
    }

    fn settings(&self) -> Settings {
        Settings::from_value(&self.settings).expect("valid settings")
    }

    fn plan(&self, metadata: &Value, stage: Stage<'_>) -> Plan {
        let settings = self.settings();
        let tenant = settings.tenant(&self.tenant).expect("a valid tenant");
        let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
        let claim = Claim { tenant: "solar".into(), rule: "label:landlord.dev/tenant".into(), by: None };
        plan(&settings, &namespace, &claim, &tenant, stage).expect("a plan")
    }

    /// Labels and annotations after the plan, without landlord's own.
    fn after(&self, metadata: &Value, stage: Stage<'_>) -> Value {
        let after = self.bring(metadata, stage);
        let own = |map: &tenancy::metadata::Map| -> Value {
            let entries = map.iter().filter(|(key, _)| !key.starts_with("landlord.dev/"));
            entries.map(|(key, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into()
        };
        json!({"labels": own(&after.labels), "annotations": own(&after.annotations)})
    }

    fn bring(&self, metadata: &Value, stage: Stage<'_>) -> Metadata {
        let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
        self.plan(metadata, stage).apply(&namespace.metadata)
    }

    /// Why settings or tenant are refused.
    fn refusal(&self) -> String {
        match Settings::from_value(&self.settings) {
            Err(error) => error.to_string(),
            Ok(settings) => settings.tenant(&self.tenant).expect_err("settings and tenant are accepted").to_string(),
        }
    }
}

fn named(name: &str, labels: Value) -> Value {
    json!({"name": name, "labels": labels})
}

fn failures(plan: &Plan) -> Vec<String> {
    plan.failures.iter().map(ToString::to_string).collect()
}

const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

#[rstest]
#[case::literal(json!({"labels": {"stage": "prod"}}), json!({"labels": {"env": "prod", "stage": "prod"}, "annotations": {}}))]
#[case::template(json!({"labels": {"{{tenant.name}}-of": "{{namespace}}"}}), json!({"labels": {"env": "prod", "solar-of": "web"}, "annotations": {}}))]
#[case::from_tenant(
    json!({"annotations": {"team": {"fromPath": "$.tenant.spec.data.team"}}}),
    json!({"labels": {"env": "prod"}, "annotations": {"team": "4711"}})
)]
#[case::from_namespace(
    json!({"annotations": {"was": {"fromPath": "$.namespace.metadata.labels.env"}}}),
    json!({"labels": {"env": "prod"}, "annotations": {"was": "prod"}})
)]
#[case::from_nowhere(json!({"annotations": {"team": {"fromPath": "$.tenant.spec.data.nothing"}}}), json!({"labels": {"env": "prod"}, "annotations": {}}))]
#[case::pool(json!({"nodeSelector": {"tier": "gold", "of": "{{tenant.name}}"}}), json!({"labels": {"env": "prod"}, "annotations": {SELECTOR: "of=solar,tier=gold"}}))]
fn a_hook_sets(#[case] set: Value, #[case] expected: Value) {
    let world = World::with_hook(json!({"name": "one", "set": set}));
    let namespace = named("web", json!({"env": "prod"}));
    assert_eq!(world.after(&namespace, Stage::Reconcile), expected);
    assert_eq!(world.after(&namespace, Stage::Create(&json!({}))), expected);
}

#[rstest]
#[case::equals(json!({"path": "$.namespace.metadata.labels.env", "equals": "prod"}), true)]
#[case::equals_not(json!({"path": "$.namespace.metadata.labels.env", "equals": "dev"}), false)]
#[case::number(json!({"path": "$.namespace.metadata.labels.size", "equals": 7}), true)]
#[case::boolean(json!({"path": "$.namespace.metadata.labels.on", "equals": true}), true)]
#[case::among(json!({"path": "$.namespace.metadata.labels.env", "in": ["dev", "prod"]}), true)]
#[case::exists(json!({"path": "$.namespace.metadata.labels.env", "exists": true}), true)]
#[case::exists_not(json!({"path": "$.namespace.metadata.labels.env", "exists": false}), false)]
#[case::absent(json!({"path": "$.namespace.metadata.labels.nothing", "exists": false}), true)]
#[case::not(json!({"path": "$.namespace.metadata.labels.env", "not": {"equals": "dev"}}), true)]
#[case::not_absent(json!({"path": "$.namespace.metadata.labels.nothing", "not": {"in": ["a"]}}), true)]
#[case::matches(json!({"path": "$.namespace.metadata.labels.env", "matches": "^pr"}), true)]
#[case::any_label(json!({"path": "$.namespace.metadata.labels.*", "equals": "7"}), true)]
#[case::quoted(json!({"path": "$.namespace.metadata.labels['example.com/of']", "equals": "x"}), true)]
#[case::name(json!({"path": "$.namespace.metadata.name", "matches": "^web$"}), true)]
#[case::api_server(json!({"path": "$.namespace.metadata.labels['kubernetes.io/metadata.name']", "equals": "web"}), true)]
#[case::tenant(json!({"path": "$.tenant.metadata.name", "equals": "solar"}), true)]
#[case::data(json!({"path": "$.tenant.spec.data.team", "not": {"exists": true}}), false)]
#[case::own_label(json!({"path": "$.namespace.metadata.labels['landlord.dev/tenant']", "exists": true}), false)]
fn a_condition_decides(#[case] condition: Value, #[case] runs: bool) {
    let world = World::with_hook(json!({"name": "one", "when": [condition], "set": {"annotations": {"ran": "yes"}}}));
    let labels = json!({"env": "prod", "size": "7", "on": "true", "example.com/of": "x", "landlord.dev/tenant": "solar"});
    let after = world.after(&named("web", labels), Stage::Reconcile);
    assert_eq!(after["annotations"].get("ran").is_some(), runs);
}

#[test]
fn all_conditions_must_hold() {
    let env = json!({"path": "$.namespace.metadata.labels.env", "equals": "prod"});
    let size = json!({"path": "$.namespace.metadata.labels.size", "equals": "large"});
    let world = World::with_hook(json!({"name": "one", "when": [env, size], "set": {"annotations": {"ran": "yes"}}}));
    let ran = |labels: Value| world.after(&named("web", labels), Stage::Reconcile)["annotations"].get("ran").is_some();
    assert!(ran(json!({"env": "prod", "size": "large"})));
    assert!(!ran(json!({"env": "prod"})));
}

#[test]
fn hooks_come_after_the_tenant_and_in_order() {
    let hooks = json!([
        {"name": "b", "set": {"nodeSelector": {"b": "1"}, "labels": {"x": "hook"}}},
        {"name": "a", "set": {"nodeSelector": {"a": "1"}}},
        {"name": "first", "priority": 1, "set": {"labels": {"y": "1"}}},
    ]);
    let world = World::with_hooks(hooks).spec("nodeSelector", json!({"pool": "solar"})).spec("labels", json!({"x": "tenant"}));
    let plan = world.plan(&named("web", json!({})), Stage::Reconcile);
    let why = |name: &str| plan.set.iter().find(|(key, _)| key.name == name).map(|(_, want)| (want.value.clone(), want.why.to_string()));
    assert_eq!(why("x"), Some(("hook".into(), "hook b".into())));
    assert_eq!(why(SELECTOR), Some(("a=1,b=1,pool=solar".into(), "hook b".into())));
    let order: Vec<String> = world.settings().hooks.iter().map(|hook| hook.name.clone()).collect();
    assert_eq!(order, ["first", "a", "b"]);
}

#[test]
fn what_a_hook_removes_goes_whoever_wrote_it() {
    let world = World::with_hook(json!({"name": "one", "remove": {"labels": ["legacy", "of"], "annotations": ["old"]}}));
    let world = world.spec("labels", json!({"of": "solar"}));
    let namespace = json!({"name": "web", "labels": {"legacy": "1", "free": "1"}, "annotations": {"old": "1"}});
    assert_eq!(world.after(&namespace, Stage::Reconcile), json!({"labels": {"free": "1"}, "annotations": {}}));
    assert!(!world.bring(&namespace, Stage::Reconcile).annotations["landlord.dev/ledger"].contains("of\""), "the ledger does not list it");
}

#[test]
fn protected_keys_stay() {
    let mut world = World::with_hook(json!({"name": "one", "remove": {"labels": ["legacy"]}, "set": {"labels": {"safe": "no"}}}));
    world.settings["protectedKeys"] = json!(["legacy", "safe"]);
    let namespace = named("web", json!({"legacy": "1", "safe": "yes"}));
    assert_eq!(world.after(&namespace, Stage::Reconcile)["labels"], json!({"legacy": "1", "safe": "yes"}));
}

#[rstest]
#[case("keep", "mine")]
#[case("override", "set")]
fn conflicts_of_a_hook_are_its_own(#[case] conflicts: &str, #[case] expected: &str) {
    let world = World::with_hook(json!({"name": "one", "set": {"labels": {"x": "set"}}, "conflicts": conflicts}))
        .spec("conflicts", json!("reject"));
    assert_eq!(world.after(&named("web", json!({"x": "mine"})), Stage::Reconcile)["labels"]["x"], expected);
    assert_eq!(world.after(&named("web", json!({})), Stage::Reconcile)["labels"]["x"], "set");
}

#[test]
fn every_failed_requirement_is_listed() {
    let world = World::with_hooks(json!([
        {"name": "cost", "when": [{"path": "$.namespace.metadata.labels.env", "equals": "prod"}], "require": [
            {"path": "$.namespace.metadata.labels.cost-center", "matches": "^[0-9]{4}$", "message": "four digits, see wiki/cost"},
            {"path": "$.namespace.metadata.labels.contact", "exists": true},
        ]},
        {"name": "soft", "onFailure": "warn", "require": [{"path": "$.namespace.metadata.name", "matches": "^team-"}]},
        {"name": "mute", "onFailure": "ignore", "require": [{"path": "$.namespace.metadata.name", "equals": "other"}]},
    ]));
    let plan = world.plan(&named("web", json!({"env": "prod", "cost-center": "12"})), Stage::Reconcile);
    assert_eq!(
        failures(&plan),
        [
            "hook cost: four digits, see wiki/cost ($.namespace.metadata.labels.cost-center is \"12\", it must match \"^[0-9]{4}$\")",
            "hook cost: $.namespace.metadata.labels.contact is absent, it must exist",
            "hook soft: $.namespace.metadata.name is \"web\", it must match \"^team-\"",
        ]
    );
    assert_eq!(plan.rejections().count(), 2);
    assert!(failures(&world.plan(&named("team-web", json!({"env": "dev"})), Stage::Reconcile)).is_empty());
}

#[test]
fn requirements_read_the_result() {
    let world = World::with_hooks(json!([
        {"name": "set", "set": {"labels": {"x": "1"}}, "remove": {"labels": ["legacy"]}},
        {"name": "ask", "require": [
            {"path": "$.namespace.metadata.labels.x", "equals": "1"},
            {"path": "$.namespace.metadata.labels.legacy", "exists": false},
            {"path": "$.namespace.metadata.labels.*", "not": {"equals": "gone"}},
        ]},
    ]));
    assert!(failures(&world.plan(&named("web", json!({"x": "0", "legacy": "gone"})), Stage::Reconcile)).is_empty());
}

#[test]
fn a_namespace_without_a_name_waits_for_what_needs_it() {
    let world = World::with_hooks(json!([
        {"name": "set", "set": {"labels": {"x": "{{namespace}}"}}},
        {"name": "when", "when": [{"path": "$.namespace.metadata.name", "matches": "^web"}], "set": {"labels": {"y": "1"}}},
        {"name": "ask", "require": [{"path": "$.namespace.metadata.labels.x", "exists": true}, {"path": "$.namespace.metadata.name", "equals": "b"}]},
    ]));
    let plan = world.plan(&json!({"generateName": "web-"}), Stage::Create(&json!({})));
    assert_eq!(plan.waiting.iter().collect::<Vec<_>>(), ["x", "y"]);
    assert!(failures(&plan).is_empty(), "{:?}", plan.failures);
}

#[test]
fn what_the_request_decides_stays_as_the_creator_made_it() {
    let world = World::with_hook(json!({
        "name": "creator", "stages": ["admission"], "set": {"annotations": {"by": {"fromPath": "$.request.userInfo.username"}}},
    }));
    let (alice, bob) = (json!({"userInfo": {"username": "alice"}}), json!({"userInfo": {"username": "bob"}}));
    let created = world.bring(&named("web", json!({})), Stage::Create(&alice));
    assert_eq!(created.annotations["by"], "alice");
    let object = json!({"name": "web", "labels": created.labels, "annotations": created.annotations});
    assert!(world.plan(&object, Stage::Reconcile).is_empty(), "the controller leaves it alone");
    assert!(world.plan(&object, Stage::Update { request: &bob, old: &created }).is_empty(), "another editor changes nothing");
    let mut forged = object.clone();
    forged["annotations"]["by"] = json!("bob");
    let back = world.bring(&forged, Stage::Update { request: &bob, old: &created });
    assert_eq!(back, created, "an edit is put back");
    let without = World::with_hooks(json!([]));
    assert_eq!(without.after(&object, Stage::Reconcile)["annotations"], json!({}), "without the hook the key is released");
}

#[test]
fn requirements_on_the_requester_are_judged_at_every_admission() {
    let world = World::with_hook(json!({
        "name": "gold", "stages": ["admission"], "when": [{"path": "$.namespace.metadata.labels.tier", "equals": "gold"}],
        "require": [{"path": "$.request.userInfo.groups[*]", "equals": "platform", "message": "gold is given by the platform team"}],
    }));
    let request = json!({"userInfo": {"groups": ["devs"]}});
    let (old, new) = (named("web", json!({})), named("web", json!({"tier": "gold"})));
    let before = Namespace::from_value(&json!({"metadata": old})).expect("a namespace").metadata;
    let stage = Stage::Update { request: &request, old: &before };
    assert_eq!(world.plan(&new, stage).rejections().count(), 1);
    assert!(failures(&world.plan(&old, stage)).is_empty());
    assert!(failures(&world.plan(&new, Stage::Reconcile)).is_empty());
}

#[rstest]
#[case("reject", true)]
#[case("warn", false)]
fn a_pool_that_cannot_be_made_keeps_pods_waiting(#[case] on_failure: &str, #[case] pending: bool) {
    let world = World::with_hook(json!({
        "name": "pool", "onFailure": on_failure,
        "set": {"nodeSelector": {"pool": {"fromPath": "$.namespace.metadata.annotations.pool"}}},
    }));
    let namespace = json!({"name": "web", "annotations": {"pool": "not a label value"}});
    let plan = world.plan(&namespace, Stage::Reconcile);
    assert_eq!(plan.failures.len(), 1, "{:?}", plan.failures);
    let ledger = &world.bring(&namespace, Stage::Reconcile).annotations["landlord.dev/ledger"];
    assert_eq!(ledger.starts_with("{\"pending\":"), pending, "{ledger}");
}

#[test]
fn hooks_in_any_order_of_definition_make_the_same_plan() {
    let hooks = [
        json!({"name": "a", "set": {"labels": {"x": "1"}}}),
        json!({"name": "b", "priority": 5, "set": {"annotations": {"y": "1"}}, "require": [{"path": "$.namespace.metadata.name", "equals": "no"}]}),
        json!({"name": "c", "remove": {"labels": ["z"]}, "require": [{"path": "$.namespace.metadata.name", "equals": "no"}]}),
    ];
    let plan = |order: [usize; 3]| {
        World::with_hooks(order.map(|index| hooks[index].clone()).into()).plan(&named("web", json!({"z": "1"})), Stage::Reconcile)
    };
    let expected = plan([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(plan(order), expected, "{order:?}");
    }
}

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
#[case::bomb(json!({"name": "x", "require": [{"path": "$.namespace.metadata.name", "matches": "((a{0,99}){0,99}){0,99}"}]}), "mend or simplify it")]
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
fn a_mistaken_hook_is_refused(#[case] hook: Value, #[case] message: &str) {
    let refusal = World::with_hook(hook.clone()).refusal();
    assert!(refusal.contains(message), "{refusal}");
    let refusal = World::with_hooks(json!([])).spec("hooks", json!([hook])).refusal();
    let in_spec = message.strip_prefix("hooks[0]").map_or(message.to_owned(), |rest| format!("spec.hooks[0]{rest}"));
    assert!(refusal.contains(&in_spec), "{refusal}");
}

const ENV: &str = "$.namespace.metadata.labels.env";

/// Pairs of hooks that cannot both be meant.
#[rstest]
#[case::values(json!({"name": "x", "set": {"labels": {"a": "1"}}}), json!({"name": "y", "set": {"labels": {"a": "2"}}}),
    "hooks[1].set.labels[\"a\"]: hook \"y\": it and hook \"x\" can give label \"a\" different values")]
#[case::pools(json!({"name": "x", "set": {"nodeSelector": {"a": "1"}}}), json!({"name": "y", "set": {"nodeSelector": {"a": "2"}}}), "node selector key \"a\" different values")]
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
fn two_hooks_that_cannot_both_be_meant_are_refused(#[case] one: Value, #[case] other: Value, #[case] message: &str) {
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

#[test]
fn a_status_alone_does_not_change_what_hooks_read() {
    let world = World::with_hook(json!({"name": "x", "set": {"labels": {"a": {"fromPath": "$.tenant.spec.data.team"}}}}));
    let mut later = world.tenant.clone();
    later["status"] = json!({"namespaces": {"total": 3}});
    later["metadata"]["resourceVersion"] = json!("7");
    let settings = world.settings();
    assert_eq!(settings.tenant(&world.tenant).expect("a tenant"), settings.tenant(&later).expect("a tenant"));
}
