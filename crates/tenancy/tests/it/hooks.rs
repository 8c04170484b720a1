//! Hooks: what they set, remove and require, and at which stage.

use rstest::rstest;
use serde_json::{Value, json};
use tenancy::claim::Claim;
use tenancy::hook::Stage;
use tenancy::metadata::Metadata;
use tenancy::namespace::Namespace;
use tenancy::plan::{Plan, plan, read_ledger};
use tenancy::settings::Settings;

/// A tenant with these fields in its spec, under settings with these hooks.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) settings: Value,
    pub(crate) tenant: Value,
}

impl World {
    pub(crate) fn with_hooks(hooks: Value) -> Self {
        Self {
            settings: json!({"hooks": hooks}),
            tenant: json!({"metadata": {"name": "solar"}, "spec": {"data": {"team": "4711"}}}),
        }
    }

    pub(crate) fn with_hook(hook: Value) -> Self {
        Self::with_hooks(json!([hook]))
    }

    pub(crate) fn spec(mut self, field: &str, value: Value) -> Self {
        self.tenant["spec"][field] = value;
        self
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::from_value(&self.settings).expect("valid settings")
    }

    fn plan(&self, metadata: &Value, stage: Stage<'_>) -> Plan {
        let settings = self.settings();
        let tenant = settings.tenant(&self.tenant).expect("a valid tenant");
        let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
        let claim =
            Claim { tenant: "solar".into(), rule: "label:landlord.dev/tenant".into(), by: None };
        let (ledger, _) = read_ledger(&namespace.metadata);
        plan(&settings, &namespace, &ledger, &claim, &tenant, stage).expect("a plan")
    }

    /// Labels and annotations after the plan, without landlord's own.
    fn after(&self, metadata: &Value, stage: Stage<'_>) -> Value {
        let after = self.bring(metadata, stage);
        let own = |map: &tenancy::metadata::Map| -> Value {
            let entries = map.iter().filter(|(key, _)| !key.starts_with("landlord.dev/"));
            entries
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        json!({"labels": own(&after.labels), "annotations": own(&after.annotations)})
    }

    fn bring(&self, metadata: &Value, stage: Stage<'_>) -> Metadata {
        let namespace = Namespace::from_value(&json!({"metadata": metadata})).expect("a namespace");
        self.plan(metadata, stage).apply(&namespace.metadata)
    }

    /// Why settings or tenant are refused.
    pub(crate) fn refusal(&self) -> String {
        match Settings::from_value(&self.settings) {
            Err(error) => error.to_string(),
            Ok(settings) => settings
                .tenant(&self.tenant)
                .expect_err("settings and tenant are accepted")
                .to_string(),
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
#[case::pool_from_nowhere(json!({"nodeSelector": {"tier": {"fromPath": "$.tenant.spec.data.nothing"}}}), json!({"labels": {"env": "prod"}, "annotations": {}}))]
#[case::no_pool(json!({"nodeSelector": {}}), json!({"labels": {"env": "prod"}, "annotations": {SELECTOR: ""}}))]
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
    let world = World::with_hook(
        json!({"name": "one", "when": [condition], "set": {"annotations": {"ran": "yes"}}}),
    );
    let labels = json!({"env": "prod", "size": "7", "on": "true", "example.com/of": "x", "landlord.dev/tenant": "solar"});
    let after = world.after(&named("web", labels), Stage::Reconcile);
    assert_eq!(after["annotations"].get("ran").is_some(), runs);
}

#[test]
fn all_conditions_must_hold() {
    let env = json!({"path": "$.namespace.metadata.labels.env", "equals": "prod"});
    let size = json!({"path": "$.namespace.metadata.labels.size", "equals": "large"});
    let world = World::with_hook(
        json!({"name": "one", "when": [env, size], "set": {"annotations": {"ran": "yes"}}}),
    );
    let ran = |labels: Value| {
        world.after(&named("web", labels), Stage::Reconcile)["annotations"].get("ran").is_some()
    };
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
    let world = World::with_hooks(hooks)
        .spec("nodeSelector", json!({"pool": "solar"}))
        .spec("labels", json!({"x": "tenant"}));
    let plan = world.plan(&named("web", json!({})), Stage::Reconcile);
    let why = |name: &str| {
        plan.set
            .iter()
            .find(|(key, _)| key.name == name)
            .map(|(_, want)| (want.value.clone(), want.why.to_string()))
    };
    assert_eq!(why("x"), Some(("hook".into(), "hook b".into())));
    assert_eq!(why(SELECTOR), Some(("a=1,b=1,pool=solar".into(), "hook b".into())));
    let order: Vec<String> = world.settings().hooks.iter().map(|hook| hook.name.clone()).collect();
    assert_eq!(order, ["first", "a", "b"]);
}

#[test]
fn what_a_hook_removes_goes_whoever_wrote_it() {
    let world = World::with_hook(
        json!({"name": "one", "remove": {"labels": ["legacy", "of"], "annotations": ["old"]}}),
    );
    let world = world.spec("labels", json!({"of": "solar"}));
    let namespace =
        json!({"name": "web", "labels": {"legacy": "1", "free": "1"}, "annotations": {"old": "1"}});
    assert_eq!(
        world.after(&namespace, Stage::Reconcile),
        json!({"labels": {"free": "1"}, "annotations": {}})
    );
    assert!(
        !world.bring(&namespace, Stage::Reconcile).annotations["landlord.dev/ledger"]
            .contains("of\""),
        "the ledger does not list it"
    );
}

#[test]
fn protected_keys_stay() {
    let mut world = World::with_hook(
        json!({"name": "one", "remove": {"labels": ["legacy"]}, "set": {"labels": {"safe": "no"}}}),
    );
    world.settings["protectedKeys"] = json!(["legacy", "safe"]);
    let namespace = named("web", json!({"legacy": "1", "safe": "yes"}));
    assert_eq!(
        world.after(&namespace, Stage::Reconcile)["labels"],
        json!({"legacy": "1", "safe": "yes"})
    );
}

#[rstest]
#[case("keep", "mine")]
#[case("override", "set")]
fn conflicts_of_a_hook_are_its_own(#[case] conflicts: &str, #[case] expected: &str) {
    let world = World::with_hook(
        json!({"name": "one", "set": {"labels": {"x": "set"}}, "conflicts": conflicts}),
    )
    .spec("conflicts", json!("reject"));
    assert_eq!(
        world.after(&named("web", json!({"x": "mine"})), Stage::Reconcile)["labels"]["x"],
        expected
    );
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
    let plan =
        world.plan(&named("web", json!({"env": "prod", "cost-center": "12"})), Stage::Reconcile);
    assert_eq!(
        failures(&plan),
        [
            "hook cost: four digits, see wiki/cost ($.namespace.metadata.labels.cost-center is \"12\", it must match \"^[0-9]{4}$\")",
            "hook cost: $.namespace.metadata.labels.contact is absent, it must exist",
            "hook soft: $.namespace.metadata.name is \"web\", it must match \"^team-\"",
        ]
    );
    assert_eq!(plan.rejections().count(), 2);
    assert!(
        failures(&world.plan(&named("team-web", json!({"env": "dev"})), Stage::Reconcile))
            .is_empty()
    );
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
    assert!(
        failures(&world.plan(&named("web", json!({"x": "0", "legacy": "gone"})), Stage::Reconcile))
            .is_empty()
    );
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
    let (alice, bob) =
        (json!({"userInfo": {"username": "alice"}}), json!({"userInfo": {"username": "bob"}}));
    let created = world.bring(&named("web", json!({})), Stage::Create(&alice));
    assert_eq!(created.annotations["by"], "alice");
    let object =
        json!({"name": "web", "labels": created.labels, "annotations": created.annotations});
    assert!(world.plan(&object, Stage::Reconcile).is_empty(), "the controller leaves it alone");
    assert!(
        world.plan(&object, Stage::Update { request: &bob, old: &created }).is_empty(),
        "another editor changes nothing"
    );
    let mut forged = object.clone();
    forged["annotations"]["by"] = json!("bob");
    let back = world.bring(&forged, Stage::Update { request: &bob, old: &created });
    assert_eq!(back, created, "an edit is put back");
    let without = World::with_hooks(json!([]));
    assert_eq!(
        without.after(&object, Stage::Reconcile)["annotations"],
        json!({}),
        "without the hook the key is released"
    );
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
        World::with_hooks(order.map(|index| hooks[index].clone()).into())
            .plan(&named("web", json!({"z": "1"})), Stage::Reconcile)
    };
    let expected = plan([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(plan(order), expected, "{order:?}");
    }
}

#[test]
fn a_status_alone_does_not_change_what_hooks_read() {
    let world = World::with_hook(
        json!({"name": "x", "set": {"labels": {"a": {"fromPath": "$.tenant.spec.data.team"}}}}),
    );
    let mut later = world.tenant.clone();
    later["status"] = json!({"namespaces": {"total": 3}});
    later["metadata"]["resourceVersion"] = json!("7");
    let settings = world.settings();
    assert_eq!(
        settings.tenant(&world.tenant).expect("a tenant"),
        settings.tenant(&later).expect("a tenant")
    );
}

/// What decides where Pods run is no part of the base, as long as the tenant or a hook may write it:
/// what selects and requires by it sees the end, and a second plan finds nothing.
#[test]
fn a_requirement_sees_the_node_selector_of_the_plan() {
    let path = format!("$.namespace.metadata.annotations['{SELECTOR}']");
    let world = World::with_hook(
        json!({"name": "one", "require": [{"path": path, "equals": "pool=solar"}]}),
    )
    .spec("nodeSelector", json!({"pool": "solar"}));
    let plan =
        world.plan(&json!({"name": "web", "annotations": {SELECTOR: "pool=x"}}), Stage::Reconcile);
    assert_eq!(failures(&plan), [""; 0]);
}
