//! Hooks of tenants on a real API server: what the schema of the CRD takes, what it refuses when it
//! is applied, and what it cannot see and the tenant's condition says, while all other tenants work
//! on.

use kube::api::{Patch, PatchParams};
use local_cluster::manifest::api_of;
use local_cluster::user::ADMIN;
use serde_json::{Value, json};

use super::world::{NODE_SELECTOR, World, eventually};

const NAME: &str = "$.namespace.metadata.name";
const ENV: &str = "$.namespace.metadata.labels.env";

/// A hook that would be right but for what `with` says otherwise.
fn hook(with: Value) -> Value {
    let mut hook = json!({"name": "x", "set": {"labels": {"a": "b"}}});
    for (field, value) in with.as_object().expect("fields") {
        hook[field] = value.clone();
    }
    hook
}

fn when(condition: Value) -> Value {
    hook(json!({"when": [condition]}))
}

fn require(condition: Value) -> Value {
    json!({"name": "x", "require": [condition]})
}

/// Hooks that are wrong by themselves, and what the API server says.
fn seen() -> Vec<(Value, &'static str)> {
    let one_test = "write one of exists, equals, in, matches and not";
    let one_in_not = "not takes one of exists, equals, in and matches";
    let at_admission = "write stages: [admission]";
    vec![
        (json!({"name": "x"}), "a hook sets, removes or requires something"),
        (json!({"set": {"labels": {"a": "b"}}}), "has an element that omits all key fields"),
        (hook(json!({"name": "X y"})), "spec.hooks[0].name: Invalid value"),
        (hook(json!({"name": "x".repeat(64)})), "spec.hooks[0].name: Too long"),
        (hook(json!({"stages": []})), "spec.hooks[0].stages: Invalid value"),
        (hook(json!({"stages": ["request"]})), "spec.hooks[0].stages[0]: Unsupported value"),
        (hook(json!({"priority": "soon"})), ".priority: expected numeric"),
        (hook(json!({"onFailure": "perhaps"})), "spec.hooks[0].onFailure: Unsupported value"),
        (hook(json!({"conflicts": "win"})), "spec.hooks[0].conflicts: Unsupported value"),
        (hook(json!({"wehn": []})), ".spec.hooks[name=\"x\"].wehn: field not declared in schema"),
        (hook(json!({"set": {"label": {"a": "b"}}})), "set.label: field not declared in schema"),
        (hook(json!({"set": {"labels": ["a"]}})), "set.labels"),
        (hook(json!({"remove": {"labels": [""]}})), "spec.hooks[0].remove.labels[0]"),
        (when(json!({"exists": true})), "spec.hooks[0].when[0].path: Required value"),
        (
            when(json!({"path": "$.foo.bar", "exists": true})),
            "spec.hooks[0].when[0].path: Invalid value",
        ),
        (
            when(json!({"path": format!("$.tenant.{}", "a".repeat(300)), "exists": true})),
            "spec.hooks[0].when[0].path: Too long",
        ),
        (when(json!({"path": "$.request.userInfo.username", "exists": true})), at_admission),
        (require(json!({"path": "$.request.userInfo.username", "exists": true})), at_admission),
        (when(json!({"path": NAME})), one_test),
        (require(json!({"path": NAME, "equals": "a", "exists": true})), one_test),
        (when(json!({"path": NAME, "in": []})), "spec.hooks[0].when[0].in: Invalid value"),
        (when(json!({"path": NAME, "matches": ""})), "spec.hooks[0].when[0].matches"),
        (
            when(json!({"path": NAME, "matches": "a".repeat(513)})),
            "spec.hooks[0].when[0].matches: Too long",
        ),
        (when(json!({"path": NAME, "exists": "yes"})), "when[0].exists"),
        (require(json!({"path": NAME, "not": {}})), one_in_not),
        (require(json!({"path": NAME, "not": {"equals": "a", "matches": "b"}})), one_in_not),
    ]
}

/// Hooks that only anyone who reads them finds wrong. What the settings say beside them is in
/// `settings`.
fn unseen() -> Vec<(&'static str, Value, &'static str)> {
    let sets = |value: Value| hook(json!({"set": {"labels": {"a": value}}}));
    vec![
        (
            "expression",
            require(json!({"path": NAME, "matches": "("})),
            "require[0].matches: hook \"x\": \"(\" is not a regular expression",
        ),
        (
            "path",
            sets(json!({"fromPath": "$.nmespace.metadata.name"})),
            "a hook reads `$.request`, `$.namespace` or `$.tenant`",
        ),
        (
            "stage",
            sets(json!({"fromPath": "$.request.userInfo.username"})),
            "which the controller never sees: write `stages: [admission]`",
        ),
        ("number", sets(json!(1)), "put it in quotes"),
        (
            "never",
            hook(
                json!({"when": [{"path": ENV, "equals": "dev"}, {"path": ENV, "equals": "prod"}]}),
            ),
            "spec.hooks[0].when: hook \"x\": no namespace can fulfil all of its conditions",
        ),
        (
            "own",
            hook(json!({"when": [{"path": "$.namespace.metadata.labels.a", "exists": true}]})),
            "it reads label \"a\", which hook \"x\" sets",
        ),
        (
            "clash",
            hook(json!({"set": {"labels": {"tier": "silver"}}})),
            "spec.hooks[0].set.labels[\"tier\"]: hook \"x\": it and hook \"tier\" can give label \"tier\" different values",
        ),
        ("namesake", hook(json!({"name": "tier"})), "hook \"tier\": another hook has this name"),
        (
            "reader",
            hook(json!({"when": [{"path": "$.namespace.metadata.labels.tier", "exists": true}]})),
            "it reads label \"tier\", which hook \"tier\" sets",
        ),
    ]
}

fn settings() -> Value {
    json!({"hooks": [{"name": "tier", "set": {"labels": {"tier": "gold"}}}]})
}

/// Every field that a hook of a tenant has, and what becomes of a namespace called `web` with
/// `env: prod`.
fn taken() -> Value {
    json!([
        {"name": "pool", "priority": 10, "when": [{"path": ENV, "in": ["prod", "stage"]}, {"path": ENV, "not": {"equals": "dev"}}],
         "set": {"nodeSelector": {"size": {"fromPath": "$.tenant.spec.data.size"}}, "labels": {"rank": "1"}, "annotations": {"of": "{{tenant.name}}"}}},
        {"name": "strict", "stages": ["admission", "reconcile"], "conflicts": "keep", "onFailure": "warn", "set": {"labels": {"kept": "no"}},
         "remove": {"labels": ["gone"], "annotations": ["gone"]},
         "require": [{"path": NAME, "matches": "^w", "message": "w first"}, {"path": "$.namespace.metadata.labels.rank", "equals": 1}]},
        {"name": "creator", "stages": ["admission"], "when": [{"path": "$.request.userInfo.username", "exists": true}],
         "set": {"annotations": {"by": {"fromPath": "$.request.userInfo.username"}}}},
    ])
}

#[tokio::test]
async fn what_the_schema_sees_of_hooks() {
    let world = World::without_controller("landlord").await;
    let many = |count: usize| -> Value {
        (0..count).map(|index| hook(json!({"name": format!("x{index}")}))).collect()
    };
    let of_keys = |count: usize| -> Value {
        (0..count)
            .map(|index| (format!("k{index}"), json!("v")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut lists: Vec<(Value, &str)> =
        seen().into_iter().map(|(hook, message)| (json!([hook]), message)).collect();
    lists.extend([
        (json!([hook(json!({})), hook(json!({}))]), "duplicate entries for key [name=\"x\"]"),
        (many(17), "spec.hooks: Too many: 17: must have at most 16 items"),
        (
            json!([hook(json!({"set": {"labels": of_keys(33)}}))]),
            "spec.hooks[0].set.labels: Too many",
        ),
    ]);
    let mut otherwise = Vec::new();
    for (hooks, message) in lists {
        match apply(&world, "bad", json!({"hooks": hooks})).await {
            Err(said) if said.contains(message) => {}
            answer => {
                otherwise.push(format!("{hooks}\n  expected {message}\n  answered {answer:?}"))
            }
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    apply(&world, "most", json!({"hooks": many(16)})).await.expect("as many as there may be");
    apply(&world, "every-field", json!({"hooks": taken()})).await.expect("every field");
}

#[tokio::test]
async fn what_the_schema_does_not_see_is_said_by_the_condition() {
    let mut world = World::without_controller("landlord").await;
    world.set_settings(&settings());
    apply(
        &world,
        "solar",
        json!({"nodeSelector": {"pool": "solar"}, "data": {"size": "large"}, "hooks": taken()}),
    )
    .await
    .expect("taken");
    for (name, hook, _) in unseen() {
        let spec = json!({"nodeSelector": {"pool": name}, "hooks": [hook]});
        apply(&world, name, spec)
            .await
            .unwrap_or_else(|error| panic!("the schema does not take {name}: {error}"));
        world.create(&format!("of-{name}"), name, json!({})).await;
    }
    world.create("web", "solar", json!({"env": "prod", "kept": "yes", "gone": "soon"})).await;
    world.add_controller("one").await;
    let labels = [("env", "prod"), ("kept", "yes"), ("rank", "1"), ("tier", "gold")];
    world
        .comes_to(
            "web",
            "solar",
            labels,
            [(NODE_SELECTOR, "pool=solar,size=large"), ("of", "solar")],
        )
        .await;
    for (name, _, message) in unseen() {
        is_refused(&world, name, message).await;
    }
    eventually("the other tenant", async || {
        world.condition("solar", "Ready").await["status"] == "True"
    })
    .await;
    // Fixed, it is as any other.
    apply(&world, "clash", json!({"nodeSelector": {"pool": "clash"}, "hooks": [hook(json!({}))]}))
        .await
        .expect("taken");
    world
        .comes_to(
            "of-clash",
            "clash",
            [("a", "b"), ("tier", "gold")],
            [(NODE_SELECTOR, "pool=clash")],
        )
        .await;
    eventually("the fixed tenant", async || {
        world.condition("clash", "Ready").await["status"] == "True"
    })
    .await;
}

/// Waits until the tenant's condition says so, and an Event about its namespace, which stays as it
/// is.
async fn is_refused(world: &World, name: &str, message: &str) {
    let namespace = format!("of-{name}");
    let says = |text: &Value| text.as_str().is_some_and(|text| text.contains(message));
    eventually(&format!("the condition of {name}: {message}"), async || {
        let ready = world.condition(name, "Ready").await;
        ready["status"] == "False" && ready["reason"] == "Invalid" && says(&ready["message"])
    })
    .await;
    eventually(&format!("an Event about {namespace}: {message}"), async || {
        let events = world.events("Namespace", &namespace).await;
        events.iter().any(|(reason, note)| reason == "InvalidTenant" && note.contains(message))
    })
    .await;
    world.comes_to(&namespace, name, [], []).await;
}

/// Applies a tenant as `kubectl` does: a field that the schema does not know is an error.
async fn apply(world: &World, name: &str, spec: Value) -> Result<(), String> {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec});
    let object = serde_json::from_value(tenant).expect("an object");
    let api =
        api_of(&world.cluster.client(ADMIN).expect("a client"), &object).await.expect("the kind");
    let params = PatchParams::apply("tests").force().validation_strict();
    api.patch(name, &params, &Patch::Apply(&object))
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}
