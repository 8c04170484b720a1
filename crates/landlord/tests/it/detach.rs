//! `detach`: owner references to tenants go, and nothing else does.

use serde_json::{Value, json};

use crate::single::{Crowd, put};

/// A namespace with these owners, each of a group.
fn owned(name: &str, labels: &Value, owners: &[(&str, &str)]) -> Value {
    let reference = |(group, name): &(&str, &str)| json!({"apiVersion": format!("{group}/v1"), "kind": "Tenant", "name": name, "uid": "1"});
    let owners: Vec<Value> = owners.iter().map(reference).collect();
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "ownerReferences": owners}})
}

const CAPSULE: &str = "capsule.clastix.io";

async fn crowd() -> Crowd {
    let crowd = Crowd::start().await;
    let web = json!({"landlord.dev/tenant": "web"});
    for object in [
        owned("labelled-too", &web, &[(CAPSULE, "web")]),
        owned("shared", &web, &[(CAPSULE, "web"), ("example.com", "team")]),
        owned("by-reference", &json!({}), &[(CAPSULE, "web")]),
        owned("kube-system", &json!({}), &[(CAPSULE, "system")]),
        owned("others", &web, &[("example.com", "team")]),
    ] {
        put(&crowd.server, object);
    }
    crowd
}

fn identify() -> Value {
    json!([{"label": "landlord.dev/tenant"}, {"ownerReference": {"group": CAPSULE, "kind": "Tenant"}}])
}

fn owners(crowd: &Crowd, name: &str) -> Vec<String> {
    let object = crowd.server.object("Namespace", name).expect("a namespace");
    let list = object["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn references_go_where_no_claim_rests_on_them() {
    let crowd = crowd().await;
    let (run, asked) = crowd.run("detach capsule --dry-run", identify()).await;
    assert_eq!(run.out, "kube-system: system\nlabelled-too: web\nshared: web\n", "{}", run.err);
    let why = "namespace \"by-reference\" keeps it: nothing else says that it is tenant \"web\"'s; \
               `kubectl label namespace by-reference landlord.dev/tenant=web` first";
    assert!(run.err.contains(why), "{}", run.err);
    assert_eq!((run.code, asked.keys().any(|(verb, _)| *verb == "patch")), (Some(2), false));

    let (run, _) = crowd.run("detach capsule", identify()).await;
    assert_eq!((run.code, run.err.contains("say --yes")), (Some(1), true), "{}", run.err);

    let (run, asked) = crowd.run("detach capsule --yes", identify()).await;
    assert_eq!(run.out, "3 namespaces have lost their references to Tenant.capsule.clastix.io\n");
    assert_eq!((run.code, asked[&("patch", "namespaces".to_owned())]), (Some(2), 3), "{}", run.err);
    assert_eq!(owners(&crowd, "shared"), ["team"]);
    assert_eq!(owners(&crowd, "by-reference"), ["web"]);
    assert_eq!(owners(&crowd, "others"), ["team"]);
    for name in ["labelled-too", "kube-system"] {
        assert_eq!(owners(&crowd, name), [""; 0], "{name}");
    }

    let labelled =
        owned("by-reference", &json!({"landlord.dev/tenant": "web"}), &[(CAPSULE, "web")]);
    put(&crowd.server, labelled);
    let (run, asked) = crowd.run("detach capsule --yes", identify()).await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(asked[&("patch", "namespaces".to_owned())], 1, "the rest is done");
    let (run, _) = crowd.run("detach capsule --dry-run", identify()).await;
    assert_eq!((run.code, run.out.as_str()), (Some(0), ""), "{}", run.err);
}

/// Other kinds are named with their group, and what is neither is refused with an example.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_a_product_or_a_kind() {
    let crowd = crowd().await;
    let (run, _) = crowd.run("detach Tenant.example.com --yes", identify()).await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(owners(&crowd, "others"), [""; 0]);
    assert_eq!(owners(&crowd, "shared"), ["web"]);
    let (run, _) = crowd.run("detach capsul", identify()).await;
    assert_eq!((run.code, run.err.contains("Project.management.cattle.io")), (Some(1), true));
}

/// Users of a namespace may write its owner references: what these say is neither a command nor
/// reaches the terminal.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_users_make_up_are_harmless() {
    let crowd = crowd().await;
    let hostile = "web; rm -rf ~ \u{1b}[2J\u{202e}";
    put(&crowd.server, owned("hostile", &json!({}), &[(CAPSULE, hostile)]));
    let web = json!({"landlord.dev/tenant": "web"});
    put(&crowd.server, owned("hostile-too", &web, &[(CAPSULE, hostile)]));
    let (run, _) = crowd.run("detach capsule --dry-run", identify()).await;
    let said = run.out + &run.err;
    let harmless = "nothing else says that it is tenant \"web; rm -rf ~ \\u{1b}[2J\\u{202e}\"'s; there is no such tenant, so correct";
    assert!(said.contains(harmless), "{said}");
    assert!(said.contains("hostile-too: web; rm -rf ~ "), "{said}");
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
}
