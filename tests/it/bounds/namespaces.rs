//! What anybody can send who may write namespaces and Pods.

use serde_json::{Value, json};

use super::bomb::{Bomb, adopted, claiming, crowded, entries, request};

pub(super) fn annotation(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["annotations"] = json!({"note": "x".repeat(size)});
    Bomb::create(namespace)
}

pub(super) fn labels(size: usize) -> Bomb {
    Bomb::create(crowded("labels", size))
}

pub(super) fn labels_edited(size: usize) -> Bomb {
    Bomb::update(
        &adopted(r#"{"tenant":"solar","labels":[],"annotations":[]}"#),
        &crowded("labels", size),
    )
}

pub(super) fn labels_of_generated(size: usize) -> Bomb {
    Bomb::create(generated(crowded("labels", size)))
}

/// Of a namespace whose name the API server makes.
pub(super) fn generated(mut namespace: Value) -> Value {
    let metadata = namespace["metadata"].as_object_mut().expect("metadata");
    metadata.remove("name");
    metadata.insert("generateName".to_owned(), json!("web-"));
    namespace
}

/// `Value` cannot hold it, so it is written.
pub(super) fn nested(depth: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["spec"] = serde_json::from_str(&super::bomb::nest(100)).expect("JSON");
    let mut bomb = Bomb::create(namespace);
    bomb.raw = Some((super::bomb::nest(100), super::bomb::nest(depth)));
    bomb
}

pub(super) fn wide(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["spec"] = json!({"list": vec![0; size]});
    Bomb::create(namespace)
}

pub(super) fn long_claim(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["labels"]["landlord.dev/tenant"] = json!("x".repeat(size));
    Bomb::create(namespace)
}

pub(super) fn long_name(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["name"] = json!("x".repeat(size));
    Bomb::create(namespace)
}

pub(super) fn long_key(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["labels"]["x".repeat(size)] = json!("y");
    Bomb::create(namespace)
}

/// A ledger that is believed, on an UPDATE.
pub(super) fn ledger(size: usize) -> Bomb {
    let keys: Vec<String> = (0..size).map(|number| format!("app.example/key-{number}")).collect();
    edited(&json!({"tenant": "solar", "labels": keys, "annotations": []}).to_string())
}

pub(super) fn ledger_of_garbage(size: usize) -> Bomb {
    edited(&"x".repeat(size))
}

pub(super) fn ledger_with_previous(size: usize) -> Bomb {
    let keys: Vec<String> = (0..size).map(|number| format!("k-{number}")).collect();
    edited(
        &json!({"tenant": "solar", "labels": keys, "annotations": [], "release": "restore", "previous": {"labels": entries("k", size)}})
            .to_string(),
    )
}

fn edited(ledger: &str) -> Bomb {
    let old = adopted(ledger);
    let mut new = old.clone();
    new["metadata"]["labels"]["more"] = json!("x");
    Bomb::update(&old, &new)
}

pub(super) fn stamp(size: usize) -> Bomb {
    let groups: Vec<String> = (0..size).map(|number| format!("group-{number}")).collect();
    let mut namespace = claiming();
    namespace["metadata"]["annotations"] =
        json!({"landlord.dev/creator": json!({"username": "jane", "groups": groups}).to_string()});
    Bomb::create(namespace)
}

pub(super) fn owner_references(size: usize) -> Bomb {
    let mut namespace = claiming();
    namespace["metadata"]["labels"] = json!({});
    let owner = |number| json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "name": format!("solar-{number}"), "uid": "1"});
    namespace["metadata"]["ownerReferences"] = (0..size).map(owner).collect();
    Bomb::create(namespace)
}

/// A namespace whose selector has so many keys, and a Pod that has none of them.
pub(super) fn pod(size: usize) -> Bomb {
    let selector: Vec<String> = (0..size).map(|number| format!("k{number}=v")).collect();
    let mut namespace = adopted(
        r#"{"tenant":"solar","labels":[],"annotations":["scheduler.alpha.kubernetes.io/node-selector"]}"#,
    );
    namespace["metadata"]["annotations"]["scheduler.alpha.kubernetes.io/node-selector"] =
        json!(selector.join(","));
    placed(namespace, json!({}))
}

/// So many tolerations, and a Pod that has as many others.
pub(super) fn pod_with_tolerations(size: usize) -> Bomb {
    let tolerations = |key: &str| {
        (0..size)
            .map(|number| json!({"key": format!("{key}{number}"), "operator": "Exists"}))
            .collect::<Value>()
    };
    let key = "scheduler.alpha.kubernetes.io/defaultTolerations";
    let mut namespace =
        adopted(&format!(r#"{{"tenant":"solar","labels":[],"annotations":["{key}"]}}"#));
    namespace["metadata"]["annotations"][key] = json!(tolerations("wanted").to_string());
    placed(namespace, json!({"tolerations": tolerations("other")}))
}

fn placed(namespace: Value, spec: Value) -> Bomb {
    let mut request = request(
        "CREATE",
        &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}),
        &Value::Null,
    );
    request["kind"]["kind"] = json!("Pod");
    request["namespace"] = json!("web");
    Bomb {
        request: Some(request),
        settings: json!({"pods": {"place": true}}),
        objects: vec![namespace],
        ..Bomb::default()
    }
}
