//! What a tenant's author can write.

use serde_json::{Map, Value, json};

use super::bomb::{Bomb, claiming, crowded, entries, tenant};
use super::namespaces::generated;

fn bomb(spec: Value) -> Bomb {
    Bomb::create(claiming()).beside(tenant(spec))
}

/// The API server takes objects of 1.5 MB and 10 000 owners are less.
pub(super) fn owners(size: usize) -> Bomb {
    bomb(
        json!({"owners": (0..size).map(|number| json!({"kind": "User", "name": format!("user-{number}")})).collect::<Value>()}),
    )
}

pub(super) fn labels(size: usize) -> Bomb {
    bomb(json!({"labels": entries("cost.example/key", size)}))
}

fn overriding(size: usize, one: impl Fn(usize) -> Value) -> Bomb {
    let one = |number| {
        let mut one = one(number);
        let all =
            json!({"matchExpressions": [{"key": "of-no-namespace", "operator": "DoesNotExist"}]});
        one.as_object_mut().expect("an override").entry("namespaceSelector").or_insert(all);
        one
    };
    bomb(json!({"overrides": (0..size).map(one).collect::<Value>()}))
}

pub(super) fn overrides(size: usize) -> Bomb {
    overriding(
        size,
        |number| json!({"labels": {format!("key-{number}"): "value", "last": format!("{number}")}}),
    )
}

pub(super) fn override_selectors(size: usize) -> Bomb {
    overriding(size, |number| json!({"nodeSelector": {format!("key-{number}"): "value"}}))
}

pub(super) fn override_tolerations(size: usize) -> Bomb {
    overriding(
        size,
        |number| json!({"tolerations": [{"key": format!("key-{number}"), "operator": "Exists", "effect": "NoSchedule"}]}),
    )
}

pub(super) fn override_terms(size: usize) -> Bomb {
    let values: Vec<String> = (0..50).map(|number| format!("value-{number}")).collect();
    let term = json!({"key": "env", "operator": "NotIn", "values": values});
    overriding(
        size,
        |number| json!({"namespaceSelector": {"matchExpressions": [term]}, "labels": {"last": format!("{number}")}}),
    )
}

pub(super) fn templates(size: usize) -> Bomb {
    let labels: Map<String, Value> = (0..size)
        .map(|number| (format!("{{{{namespace}}}}-{number}"), json!("{{tenant.name}}")))
        .collect();
    bomb(json!({"labels": labels}))
}

/// As many templated keys as labels, of a namespace without a name: any label may be any key.
pub(super) fn templates_of_generated(size: usize) -> Bomb {
    let labels: Map<String, Value> =
        (0..30).map(|number| (format!("{{{{namespace}}}}-{number}"), json!("x"))).collect();
    let overrides =
        json!([{"namespaceSelector": {"matchLabels": {"env": "prod"}}, "labels": {"a": "b"}}]);
    Bomb::create(generated(crowded("labels", size)))
        .beside(tenant(json!({"labels": labels, "overrides": overrides})))
}

pub(super) fn long_template(size: usize) -> Bomb {
    bomb(json!({"annotations": {"note": "{{namespace}}".repeat(size / 13)}}))
}

pub(super) fn hooks(size: usize) -> Bomb {
    bomb(json!({"hooks": (0..size).map(hook).collect::<Value>()}))
}

/// One of many that do not meet.
pub(super) fn hook(number: usize) -> Value {
    json!({"name": format!("hook-{number}"), "when": [{"path": "$.namespace.metadata.labels.env", "equals": format!("env-{number}")}],
           "set": {"labels": {format!("key-{number}"): "value"}}})
}

pub(super) fn nested(_: usize) -> Bomb {
    let nested: Value = serde_json::from_str(&super::bomb::nest(120)).expect("JSON");
    bomb(json!({"data": {"x": nested}}))
}

pub(super) fn prefixes(size: usize) -> Bomb {
    let prefixes: Vec<String> = (0..size).map(|number| format!("team-{number}-")).collect();
    let mut bomb = bomb(json!({"namespaces": {"prefixes": prefixes}}))
        .under(json!({"identify": [{"namePrefix": {}}]}));
    if let Some(request) = &mut bomb.request {
        request["object"]["metadata"] = json!({"name": "solar-web"});
    }
    bomb
}

fn capsule(spec: Value, metadata: &Value) -> Bomb {
    let tenant = json!({"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec});
    let mut bomb =
        Bomb::create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
            .beside(tenant);
    bomb.settings = json!({"tenantSource": {"capsule": {"validations": true}}});
    if let Some(request) = &mut bomb.request {
        request["userInfo"]["groups"] = json!(["system:masters"]);
    }
    bomb
}

pub(super) fn capsule_items(size: usize) -> Bomb {
    let item = |number: usize| {
        json!({"namespaceSelector": {"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]},
               "labels": {format!("key-{number}"): "{{ namespace }}"}, "annotations": {format!("note-{number}"): "{{ tenant.name }}"}})
    };
    let spec = json!({"owners": [], "namespaceOptions": {"additionalMetadataList": (0..size).map(item).collect::<Value>()}});
    capsule(spec, &json!({"name": "web", "labels": {"capsule.clastix.io/tenant": "solar"}}))
}

/// Many labels, and a regular expression that each of them is asked about.
pub(super) fn capsule_names(size: usize) -> Bomb {
    let mut labels = entries("app.example/key", size);
    labels.insert("capsule.clastix.io/tenant".to_owned(), json!("solar"));
    let spec = json!({"owners": [], "namespaceOptions": {"forbiddenLabels": {"deniedRegex": "(a|b|c|key)+-[0-9]*$"}}});
    capsule(spec, &json!({"name": "web", "labels": labels}))
}

/// The same labels were there before they were forbidden, so that every one is a warning.
pub(super) fn capsule_names_edited(size: usize) -> Bomb {
    edited(capsule_names(size))
}

/// So many labels that the tenant wants otherwise.
pub(super) fn clashes(size: usize) -> Bomb {
    let labels: Map<String, Value> =
        (0..size).map(|number| (format!("app.example/key-{number}"), json!("other"))).collect();
    Bomb::create(crowded("labels", size))
        .beside(tenant(json!({"labels": labels, "conflicts": "reject"})))
}

pub(super) fn clashes_edited(size: usize) -> Bomb {
    edited(clashes(size))
}

fn edited(mut bomb: Bomb) -> Bomb {
    if let Some(request) = &mut bomb.request {
        request["operation"] = json!("UPDATE");
        request["oldObject"] = request["object"].clone();
        request["object"]["metadata"]["annotations"] = json!({"note": "new"});
    }
    bomb
}
