//! Gated Pods while controllers and API servers end, and other clients write to the Pods.

use futures::future::join_all;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use local_cluster::user::ADMIN;
use local_cluster::waiting::PATIENCE;
use nix::sys::signal::Signal;
use serde_json::json;

use super::{solar, world};
use crate::cluster::eventually;
use crate::cluster::world::GATE;

/// Who write to four held Pods without a pause.
const WRITERS: usize = 8;

/// By a crash in the middle; the next controller lists what is left.
#[tokio::test]
async fn a_killed_controllers_pods_are_released_by_the_next() {
    let mut world = world().await;
    world.create_held(20, 20).await;
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    let first = world.add_controller("one").await;
    eventually("the first releases", async || world.log("one").contains("released")).await;
    world.controller(first).signal(Signal::SIGKILL).expect("a signal");
    let api: Api<Pod> = Api::all(world.cluster.client(ADMIN).expect("a client"));
    let held = api.list(&ListParams::default()).await.expect("Pods");
    let held = held
        .iter()
        .filter(|pod| pod.spec.as_ref().is_some_and(|spec| spec.scheduling_gates.is_some()))
        .count();
    assert!((1..400).contains(&held), "{held}: in the middle");
    world.add_controller("two").await;
    world.all_come_to_their_pools(400).await;
}

/// The watch breaks off, and Pods come and go meanwhile.
#[tokio::test]
async fn a_restart_of_the_api_server_is_survived() {
    let mut world = world().await;
    world.create_held(4, 5).await;
    world.add_controller("one").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 20").await;
    world.cluster.restart_api_server().await.expect("up again");
    world.hold("ns-0", "later").await;
    world
        .pods("ns-1")
        .delete("pod-1", &DeleteParams::default().grace_period(0))
        .await
        .expect("deleted");
    world.set_tenant("solar", solar()).await;
    world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.all_come_to_their_pools(20).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
}

#[tokio::test]
async fn a_pod_that_is_gone_is_forgotten() {
    let mut world = world().await;
    world.add_controller("one").await;
    world.create("web", "solar", json!({})).await;
    for name in ["gone", "anew", "stays"] {
        world.hold("web", name).await;
    }
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 3").await;
    for name in ["gone", "anew"] {
        world
            .pods("web")
            .delete(name, &DeleteParams::default().grace_period(0))
            .await
            .expect("deleted");
    }
    world.create_pod("web", "anew", &[GATE], json!({"nodeSelector": {"pool": "solar"}})).await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 2").await;
    world.set_tenant("solar", solar()).await;
    world.comes_to_node("web", "stays", "solar-1").await;
    world.comes_to_node("web", "anew", "solar-1").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 0").await;
    assert!(!world.log("one").contains("release failed"), "{}", world.log("one"));
}

/// Others write to the Pods all the while: every patch is made for the newest state, and one that
/// came too late is made anew.
#[tokio::test]
async fn pods_that_others_write_to_are_released_all_the_same() {
    let mut world = world().await;
    world.create_held(2, 2).await;
    world.add_controller("one").await;
    world.comes_to_count("landlord_held_pods{state=\"waiting\"} 4").await;
    let write = async |number: usize| {
        let (api, name) =
            (world.pods(&format!("ns-{}", number % 2)), format!("pod-{}", number % 4));
        for round in 0.. {
            let patch = Patch::Merge(
                json!({"metadata": {"labels": {format!("by-{number}"): round.to_string()}}}),
            );
            let pod = api.patch(&name, &PatchParams::default(), &patch).await.expect("patched");
            if pod.spec.expect("a spec").scheduling_gates.is_none() {
                return;
            }
        }
    };
    let release = async {
        world.set_tenant("solar", solar()).await;
        world.set_tenant("lunar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    };
    let all = async { tokio::join!(join_all((0..WRITERS).map(write)), release) };
    tokio::time::timeout(PATIENCE, all).await.expect("every Pod is released");
    world.all_come_to_their_pools(4).await;
    world.comes_to_count("landlord_pods_released_total{outcome=\"done\"} 4").await;
    let metrics = world.page("one", "/metrics").await;
    assert!(
        !metrics.contains("outcome=\"Refused\""),
        "a Pod that has changed is not taken for one that is refused: {metrics}"
    );
}

/// Nobody may update Pods for a while, landlord neither.
#[tokio::test]
async fn a_release_that_is_refused_is_told_and_tried_again() {
    let mut world = world().await;
    world.add_controller("one").await;
    let api_version = "admissionregistration.k8s.io/v1";
    let policy = json!({"apiVersion": api_version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "frozen"}, "spec": {
        "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["UPDATE"]}]},
        "validations": [{"expression": "false", "message": "Pods are frozen"}]}});
    let mut binding = json!({"apiVersion": api_version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "frozen"},
        "spec": {"policyName": "frozen", "validationActions": ["Deny"]}});
    for object in [&policy, &binding] {
        world.cluster.apply(&object.to_string()).await.expect("a policy");
    }
    world.create("web", "solar", json!({})).await;
    world.hold("web", "first").await;
    let frozen = async || {
        let (label, trial) = (
            Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}})),
            PatchParams { dry_run: true, ..PatchParams::default() },
        );
        world.pods("web").patch("first", &trial, &label).await.is_err()
    };
    eventually("the policy at work", frozen).await;
    world.set_tenant("solar", solar()).await;
    let told = async || {
        world
            .pod_events("web", "first")
            .await
            .iter()
            .any(|(reason, note)| reason == "Refused" && note.contains("frozen"))
    };
    eventually("an Event", told).await;
    let released = async || world.condition("solar", "PodsReleased").await;
    eventually("a condition", async || released().await["reason"] == "ReleaseFailed").await;
    assert!(
        released().await["message"].as_str().is_some_and(|message| message.contains("web/first"))
    );
    world.comes_to_count("landlord_held_pods{state=\"failing\"} 1").await;

    binding["spec"]["validationActions"] = json!(["Audit"]);
    world.cluster.apply(&binding.to_string()).await.expect("a policy");
    world.comes_to_node("web", "first", "solar-1").await;
}
