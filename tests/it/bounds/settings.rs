//! What the author of the settings can write.

use serde_json::{Map, Value, json};

use super::bomb::{Bomb, claiming, crowded};
use super::tenants::hook;

fn under(settings: Value) -> Bomb {
    Bomb::create(claiming()).under(settings)
}

fn inline_tenants(size: usize) -> Value {
    let tenant = |number: usize| json!({"name": format!("tenant-{number}"), "nodeSelector": {"pool": "x"}, "labels": {"cost": "{{tenant.name}}"}});
    let solar = json!({"name": "solar", "nodeSelector": {"pool": "solar"}});
    json!({"tenantSource": {"inline": (0..size).map(tenant).chain([solar]).collect::<Value>()}})
}

pub(super) fn inline(size: usize) -> Bomb {
    under(inline_tenants(size))
}

pub(super) fn inline_checked(size: usize) -> Bomb {
    Bomb::checked(inline_tenants(size))
}

pub(super) fn hooks(size: usize) -> Bomb {
    under(json!({"hooks": (0..size).map(hook).collect::<Value>()}))
}

pub(super) fn hooks_in_reverse(size: usize) -> Bomb {
    let hook = |number| {
        let mut hook = hook(number);
        hook["priority"] = json!(size - number);
        hook["when"] = json!([]);
        hook["conflicts"] = json!("keep");
        hook
    };
    under(json!({"hooks": (0..size).map(hook).collect::<Value>()}))
}

pub(super) fn hooks_checked(size: usize) -> Bomb {
    Bomb::checked(json!({"hooks": (0..size).map(hook).collect::<Value>()}))
}

/// An expression that takes exponential time where it is tried again and again, on a value that it
/// almost takes.
pub(super) fn expression(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["annotations"] = json!({"note": "a".repeat(size)});
    let demand = json!({"path": "$.namespace.metadata.annotations.note", "matches": "^(a+)+(a*)*(a|aa)+$|(x+x+)+y|^(([a-z])+.)+[A-Z]([a-z])+b"});
    Bomb::create(namespace).under(
        json!({"hooks": [{"name": "evil", "require": [demand, {"path": "$.namespace.metadata.annotations.note", "matches": "b$"}]}]}),
    )
}

pub(super) fn expression_over_labels(size: usize) -> Bomb {
    let demand = json!({"path": "$.namespace.metadata.labels.*", "matches": "^(a+)+$|(x+x+)+y|^(([a-z])+.)+[A-Z]"});
    Bomb::create(crowded("labels", size))
        .under(json!({"hooks": [{"name": "evil", "require": [demand]}]}))
}

/// Nearly as many states at once as an expression may have, and a value that keeps all of them
/// busy.
pub(super) fn costly_expression(size: usize) -> Bomb {
    let demand = json!({"path": "$.namespace.metadata.annotations.note", "matches": "^(a?b?){40}(a?c?){40}$"});
    let mut namespace = claiming();
    namespace["metadata"]["annotations"] = json!({"note": "a".repeat(size)});
    Bomb::create(namespace).under(json!({"hooks": [{"name": "evil", "require": [demand]}]}))
}

/// So many values of the longest that are asked about: together they are more than the API server
/// takes.
pub(super) fn expression_over_annotations(size: usize) -> Bomb {
    let demand = json!({"path": "$.namespace.metadata.annotations.*", "matches": "^(a+)+$|(x+x+)+y|^(([a-z])+.)+[A-Z]"});
    let mut namespace = claiming();
    let notes: Map<String, Value> =
        (0..size).map(|number| (format!("note-{number}"), json!("a".repeat(4090) + "!"))).collect();
    namespace["metadata"]["annotations"] = Value::Object(notes);
    Bomb::create(namespace).under(json!({"hooks": [{"name": "evil", "require": [demand]}]}))
}

/// So many hooks' worth of paths, each over all labels.
pub(super) fn paths_over_labels(size: usize) -> Bomb {
    let demand = |number: usize| json!({"path": "$.namespace.metadata.labels[?(@ != 'a')]", "equals": format!("value-{number}")});
    let hook = json!({"name": "many", "onFailure": "warn", "require": (0..10).map(demand).collect::<Value>()});
    Bomb::create(crowded("labels", size)).under(json!({"hooks": [hook]}))
}

pub(super) fn path_that_descends(size: usize) -> Bomb {
    let rule = json!({"jsonPath": {"path": "$.namespace..labels.*", "prefix": "none:"}});
    Bomb::create(crowded("labels", size))
        .under(json!({"identify": [rule, {"label": "landlord.dev/tenant"}]}))
}

pub(super) fn globs(size: usize) -> Bomb {
    let globs: Vec<String> = (0..size).map(|number| format!("*a*b*{number}")).collect();
    under(json!({"excludedNamespaces": globs, "protectedKeys": globs}))
}

/// Many stars, and a name that they almost take.
pub(super) fn stars(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["name"] = json!("a".repeat(size));
    Bomb::create(namespace).under(json!({"excludedNamespaces": [format!("*{}b", "*a".repeat(60))]}))
}

pub(super) fn unknown_field(size: usize) -> Bomb {
    Bomb::checked(json!({"x".repeat(size): 1}))
}

pub(super) fn long_expression(size: usize) -> Bomb {
    Bomb::checked(
        json!({"hooks": [{"name": "long", "require": [{"path": "$.namespace.metadata.name", "matches": "(a{1000}){1000}".repeat(size / 15)}]}]}),
    )
}

pub(super) fn long_path(size: usize) -> Bomb {
    Bomb::checked(
        json!({"hooks": [{"name": "long", "require": [{"path": "$".to_owned() + &".a".repeat(size), "exists": true}]}]}),
    )
}

pub(super) fn identify(size: usize) -> Bomb {
    let rules: Vec<Value> =
        (0..size).map(|number| json!({"label": format!("example.com/key-{number}")})).collect();
    under(json!({"identify": rules}))
}
