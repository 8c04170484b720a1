//! Keeper: the controller installs the guard, keeps it as it is rendered, and says so.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use local_cluster::manifest::{api_of, read};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Cluster, User};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::super::world::{World, eventually};
use super::stage::{STRANGER, settings};
use crate::landlord::{root, run};

/// The guard as it is rendered for the settings in force.
pub(super) fn rendered(world: &World, flags: &str) -> Vec<DynamicObject> {
    read(&render(world, flags)).expect("YAML")
}

fn render(world: &World, flags: &str) -> String {
    run(&format!(
        "render guard --settings={} {flags}",
        world.cluster.file("settings.yaml").display()
    ))
    .out
}

fn named(objects: &[DynamicObject], kind: &str, part: &str) -> DynamicObject {
    let is = |object: &&DynamicObject| {
        object.types.as_ref().is_some_and(|types| types.kind == kind)
            && object.metadata.name.as_deref() == Some(&format!("landlord-guard-{part}"))
    };
    objects.iter().find(is).expect("an object of the guard").clone()
}

async fn stored(world: &World, object: &DynamicObject) -> Option<DynamicObject> {
    let api =
        api_of(&world.cluster.client(ADMIN).expect("a client"), object).await.expect("the kind");
    api.get_opt(object.metadata.name.as_deref().expect("a name")).await.expect("an answer")
}

pub(super) async fn is_in_force(world: &World, objects: &[DynamicObject]) -> bool {
    for object in objects {
        let found = stored(world, object).await;
        let part = |object: &DynamicObject| {
            object
                .metadata
                .labels
                .clone()
                .and_then(|labels| labels.get("landlord.dev/guard").cloned())
        };
        if !found.is_some_and(|found| {
            found.data["spec"] == object.data["spec"] && part(&found) == part(object)
        }) {
            return false;
        }
    }
    true
}

async fn patch(world: &World, object: &DynamicObject, patch: Value) {
    let api =
        api_of(&world.cluster.client(ADMIN).expect("a client"), object).await.expect("the kind");
    let name = object.metadata.name.as_deref().expect("a name");
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.expect("patched");
}

async fn delete(world: &World, object: &DynamicObject) {
    let api =
        api_of(&world.cluster.client(ADMIN).expect("a client"), object).await.expect("the kind");
    api.delete(object.metadata.name.as_deref().expect("a name"), &DeleteParams::default())
        .await
        .expect("deleted");
}

async fn repairs(world: &World, part: &str) -> u64 {
    let line = format!("landlord_guard_repairs_total{{part=\"{part}\"}} ");
    let page = world.page("one", "/metrics").await;
    page.lines()
        .find_map(|text| text.strip_prefix(&line))
        .map_or(0, |number| number.parse().expect("a number"))
}

#[tokio::test]
async fn the_guard_is_installed_and_kept() {
    let mut world = World::on(Cluster::builder(), "landlord").await;
    world.set_settings(&settings("landlord"));
    let settings_file = format!("--settings={}", world.cluster.file("settings.yaml").display());
    let controller = world.add_controller_with(&[&settings_file, "--guard"], "one").await;
    let guard = rendered(&world, "");
    eventually("the guard", async || is_in_force(&world, &guard).await).await;
    assert_eq!(repairs(&world, "seal").await, 0, "to install is not to repair");

    let standby = world.add_controller_with(&[&settings_file, "--guard"], "standby").await;
    deletions_are_repaired(&world, &guard).await;
    edits_are_repaired(&world, &guard).await;
    versions_rest(&world, &guard).await;
    settings_are_followed(&world).await;

    // The other replica only watched; now it leads. It reads the settings at moments of its own.
    let guard = rendered(&world, "");
    let documents = async || world.log("standby").matches("settings in force").count() >= 2;
    eventually("the standby's settings", documents).await;
    assert!(!world.log("standby").contains("guard"), "{}", world.log("standby"));
    world.end_controller(controller, Signal::SIGTERM).await;
    eventually("an heir", async || world.log("standby").contains("leading")).await;
    delete(&world, &named(&guard, "MutatingAdmissionPolicy", "stamp")).await;
    eventually("it is back", async || {
        world.log("standby").contains("guard repaired") && is_in_force(&world, &guard).await
    })
    .await;

    // Without the flag, the guard is nobody's; and nothing takes it away.
    world.end_controller(standby, Signal::SIGTERM).await;
    let second = world.add_controller("two").await;
    delete(&world, &named(&guard, "MutatingAdmissionPolicy", "stamp")).await;
    eventually("the second controller", async || world.log("two").contains("leading")).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rest: Vec<DynamicObject> = guard
        .into_iter()
        .filter(|object| object.metadata.name.as_deref() != Some("landlord-guard-stamp"))
        .collect();
    assert!(is_in_force(&world, &rest).await && !rest.is_empty());

    // The flag wins over the settings.
    world.end_controller(second, Signal::SIGTERM).await;
    let settings = format!("--settings={}", world.cluster.file("settings.yaml").display());
    world.add_controller_with(&[&settings, "--guard=hold", "--guard-place"], "three").await;
    let guard = rendered(&world, "--on-unready=hold --place");
    eventually("the guard of the flags", async || is_in_force(&world, &guard).await).await;
}

/// The API server was updated to 1.36: what corrects comes, and what refuses goes once that is
/// enforced, so that no edit gets through in between. A right that is missing for one part does not
/// stop the others.
#[tokio::test(flavor = "multi_thread")]
async fn the_older_form_gives_way() {
    let builder = Cluster::builder().user(User::member(STRANGER, ["strangers"]));
    let mut world = World::on(builder, "landlord").await;
    world.cluster.apply(MEMBERS_RIGHTS).await.expect("rights");
    world.set_settings(&settings("landlord"));
    let rights = fs::read_to_string(root().join("deploy/rbac.yaml")).expect("the rights");
    world
        .cluster
        .apply(&rights.replace("landlord-guard-owners", "landlord-guard-others"))
        .await
        .expect("fewer rights");
    world.set_tenant("solar", json!({"owners": []})).await;
    world.set_tenant("lunar", json!({"owners": []})).await;
    world.create("web", "solar", json!({})).await;
    let older = render(&world, "--without-mutating-policies");
    world.cluster.apply(&older).await.expect("the older form");
    eventually("the older form in force", async || {
        try_to_relabel(&world, true)
            .await
            .is_err_and(|error| error.to_string().contains("are sealed"))
    })
    .await;
    let settings_file = format!("--settings={}", world.cluster.file("settings.yaml").display());
    world.add_controller_with(&[&settings_file, "--guard"], "one").await;

    let guard = rendered(&world, "");
    let gone = async |part| {
        stored(&world, &named(&read(&older).expect("YAML"), "ValidatingAdmissionPolicy", part))
            .await
            .is_none()
    };
    let won = relabel_until(&world, async || {
        is_in_force(&world, &guard).await && gone("stamp").await && gone("seal").await
    })
    .await;
    assert_eq!(won, 0, "requests that moved the namespace, or were let through");
    let body = serde_json::from_value(json!({"metadata": {"name": "late"}})).expect("a namespace");
    let trial = PostParams { dry_run: true, ..PostParams::default() };
    eventually("a namespace", async || world.namespaces().create(&trial, &body).await.is_ok())
        .await;
    assert!(
        !gone("owners").await && world.log("one").contains("guard not written"),
        "{}",
        world.log("one")
    );
    world.cluster.apply(&rights).await.expect("the rights");
    eventually("no surplus", async || gone("owners").await).await;
}

/// A user's attempt to move namespace `web` to tenant lunar, and to forge one of lunar.
async fn try_to_relabel(world: &World, dry_run: bool) -> Result<Namespace, kube::Error> {
    let api: Api<Namespace> = Api::all(world.cluster.client(STRANGER).expect("a client"));
    let lunar = json!({"metadata": {"labels": {"landlord.dev/tenant": "lunar"}}});
    api.patch("web", &PatchParams { dry_run, ..PatchParams::default() }, &Patch::Merge(lunar)).await
}

/// Tries to relabel a namespace as fast as it goes until this is so; the number of times that it
/// was of the other tenant, or that a forged ledger was stored.
async fn relabel_until(world: &World, is_over: impl AsyncFn() -> bool) -> usize {
    let (over, won) = (AtomicBool::new(false), AtomicUsize::new(0));
    let attack = async || {
        while !over.load(Ordering::Relaxed) {
            if let Ok(namespace) = try_to_relabel(world, false).await
                && namespace.metadata.labels.unwrap_or_default()["landlord.dev/tenant"] == "lunar"
            {
                won.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let forge = async || {
        let api: Api<Namespace> = Api::all(world.cluster.client(STRANGER).expect("a client"));
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let forged = json!({"metadata": {"name": "forged", "annotations": {"landlord.dev/ledger": r#"{"tenant":"lunar"}"#}}});
        let forged = serde_json::from_value(forged).expect("a namespace");
        while !over.load(Ordering::Relaxed) {
            if let Ok(namespace) = api.create(&params, &forged).await
                && namespace
                    .metadata
                    .annotations
                    .unwrap_or_default()
                    .contains_key("landlord.dev/ledger")
            {
                won.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let watch = async || {
        eventually("the change", is_over).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(attack(), attack(), attack(), attack(), forge(), watch());
    won.into_inner()
}

async fn deletions_are_repaired(world: &World, guard: &[DynamicObject]) {
    for object in [
        named(guard, "MutatingAdmissionPolicy", "seal"),
        named(guard, "ValidatingAdmissionPolicyBinding", "deny"),
    ] {
        delete(world, &object).await;
        eventually("it is back", async || is_in_force(world, std::slice::from_ref(&object)).await)
            .await;
    }
    eventually("the metrics", async || {
        (repairs(world, "seal").await, repairs(world, "deny").await) == (1, 1)
    })
    .await;
    let told = async || {
        let events = world.events("MutatingAdmissionPolicy", "landlord-guard-seal").await;
        events.iter().any(|(reason, note)| {
            reason == "GuardRepaired" && note.contains("deleted by another client")
        })
    };
    eventually("the Event", told).await;
    assert!(world.log("one").contains("guard repaired"), "{}", world.log("one"));
}

async fn edits_are_repaired(world: &World, guard: &[DynamicObject]) {
    let edits = [
        ("MutatingAdmissionPolicy", "hold", json!({"spec": {"failurePolicy": "Ignore"}})),
        (
            "ValidatingAdmissionPolicy",
            "binding",
            json!({"spec": {"matchConditions": [{"name": "never", "expression": "false"}]}}),
        ),
        (
            "ValidatingAdmissionPolicyBinding",
            "deny",
            json!({"spec": {"validationActions": ["Audit"]}}),
        ),
        (
            "MutatingAdmissionPolicyBinding",
            "stamp",
            json!({"spec": {"matchResources": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}}),
        ),
        (
            "MutatingAdmissionPolicy",
            "seal",
            json!({"metadata": {"labels": {"landlord.dev/guard": null, "app.kubernetes.io/managed-by": "me"}}}),
        ),
    ];
    for (kind, part, edit) in edits {
        let object = named(guard, kind, part);
        let before = repairs(world, part).await;
        patch(world, &object, edit).await;
        eventually(part, async || {
            repairs(world, part).await > before
                && is_in_force(world, std::slice::from_ref(&object)).await
        })
        .await;
    }
    // What others note on it is theirs.
    let object = named(guard, "MutatingAdmissionPolicy", "seal");
    patch(
        world,
        &object,
        json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}}),
    )
    .await;
    patch(world, &object, json!({"spec": {"reinvocationPolicy": "IfNeeded"}})).await;
    eventually("the spec", async || is_in_force(world, std::slice::from_ref(&object)).await).await;
    let found = stored(world, &object).await.expect("it is there").metadata;
    assert_eq!(
        (
            found.labels.expect("labels")["team"].as_str(),
            found.annotations.expect("annotations")["note"].as_str()
        ),
        ("a", "b")
    );
}

/// What is as it has to be is not written.
async fn versions_rest(world: &World, guard: &[DynamicObject]) {
    let versions = async || {
        let mut versions = Vec::new();
        for object in guard {
            versions.push(
                stored(world, object).await.and_then(|object| object.metadata.resource_version),
            );
        }
        versions
    };
    let before = versions().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(versions().await, before);
}

async fn settings_are_followed(world: &World) {
    let hold = named(&rendered(world, ""), "MutatingAdmissionPolicy", "hold");
    let (seal, names) = (
        repairs(world, "seal").await,
        named(&rendered(world, ""), "ValidatingAdmissionPolicy", "names"),
    );
    let admins = json!({"users": ["root"], "groups": []});
    let guard = json!({"scope": "all", "onUnready": "deny"});
    let settings = json!({"tenantSource": "capsule", "excludedNamespaces": [], "includeSystemNamespaces": true, "admins": admins, "guard": guard});
    world.set_settings(&settings);
    let guard = rendered(world, "");
    eventually("the new guard", async || is_in_force(world, &guard).await).await;
    eventually("no surplus", async || {
        stored(world, &hold).await.is_none() && stored(world, &names).await.is_none()
    })
    .await;
    assert_eq!(repairs(world, "seal").await, seal, "to follow the settings is not to repair");
}
