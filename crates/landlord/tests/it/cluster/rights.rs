//! Rights: the controller has those of `deploy/rbac.yaml` that it uses, and no other. The API
//! server's audit log is the witness.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local_cluster::Node;
use local_cluster::kubewarden::DEFINITION as POLICY_DEFINITION;
use local_cluster::user::{ADMIN, CONTROLLER};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::log::{Request, Right, requests};
pub(super) use self::log::{audited_cluster, used_and_missing};
use super::autoscalers;
use super::world::{GATE, NODE_SELECTOR, World, comes_true, eventually};
use crate::dashboard::{address, token};
use crate::landlord::{root, run};
use test_support::http_client::Http;

mod log;

/// How long nothing is heard of a controller that has come to rest, and is then watched.
const REST: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(60);

async fn audited() -> (World, PathBuf, TempDir) {
    let (builder, log, folder) = audited_cluster();
    (World::on(builder, "landlord").await, log, folder)
}

/// What the manifests give the controller; rules that list names give it for each of them.
fn given() -> BTreeSet<Right> {
    let text = fs::read_to_string(root().join("deploy/rbac.yaml")).expect("the rights");
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).expect("YAML");
    let of_controller = |object: &&Value| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ["ClusterRole", "Role"].contains(&object["kind"].as_str().unwrap_or_default())
            && !name.contains("policy-server")
    };
    let list = |value: &Value| {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one.as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    let mut rights = BTreeSet::new();
    for rule in objects
        .iter()
        .filter(of_controller)
        .flat_map(|object| object["rules"].as_array().expect("rules"))
    {
        let names: Vec<String> =
            list(&rule["resourceNames"]).iter().map(|name| format!(" {name}")).collect();
        let names = if names.is_empty() { vec![String::new()] } else { names };
        for group in list(&rule["apiGroups"]) {
            for resource in list(&rule["resources"]) {
                for verb in list(&rule["verbs"]) {
                    rights.extend(
                        names.iter().map(|name| format!("{verb} {group}/{resource}{name}")),
                    );
                }
            }
        }
    }
    rights
}

#[tokio::test]
async fn every_right_is_used_and_none_is_missing() {
    let (mut world, log, _folder) = audited().await;
    world.cluster.apply(&autoscalers::and(POLICY_DEFINITION)).await.expect("the kinds");
    let policy = |settings: Value| {
        json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": {"name": "landlord"},
               "spec": {"module": "registry://example.com/landlord:1", "settings": settings, "rules": [], "mutating": true}})
        .to_string()
    };
    world.cluster.add_nodes([Node::new("n1").label("pool", "solar")]).await.expect("a node");
    // A strategy: its probes, its condition and its record.
    world
        .cluster
        .apply(&policy(json!({"tenantSource": "landlord", "strategy": {"mode": "auto"}})))
        .await
        .expect("a policy");
    world
        .cluster
        .apply(&parts_that_give_way())
        .await
        .expect("what is left of the older form of the guard");
    let first = world
        .add_controller_with(
            &[
                "--policy=landlord",
                "--guard",
                "--guard-place",
                "--audit",
                "--web=127.0.0.1:0",
                "--web-access=token",
            ],
            "one",
        )
        .await;
    the_guard_is_changed_and_repaired(&world, first).await;
    // Each right is waited for while the controller runs that is to use it: what it does by itself,
    // it does in its own time.
    uses(&log, |right| right.starts_with("update ") && right.contains(" landlord-guard-")).await;
    landlords_tenant_comes_and_goes(&world).await;
    uses(&log, |right| !is_of_capsule(right) && !is_removal_of_later_parts(right)).await;

    world.source = "capsule";
    // Three parts of the guard have no place in this one.
    let settings = json!({"tenantSource": "capsule", "identify": [{"label": "capsule.clastix.io/tenant"}],
                          "excludedNamespaces": [], "includeSystemNamespaces": true, "guard": {"onUnready": "deny"}});
    world.cluster.apply(&policy(settings)).await.expect("a policy");
    capsules_tenant_comes_and_goes(&world).await;
    uses(&log, |right| !is_removal_of_place(right)).await;
    world.end_controller(first, Signal::SIGTERM).await;

    // The next controller does not fill in selectors.
    let second = world.add_controller_with(&["--policy=landlord", "--guard"], "two").await;
    uses(&log, |_| true).await;
    world.end_controller(second, Signal::SIGTERM).await;

    let requests = requests(&log);
    let refused: Vec<&Right> =
        requests.iter().filter(|one| one.is_forbidden).map(|one| &one.right).collect();
    assert_eq!(refused, [""; 0], "rights that are missing");
}

/// Waits until the controller has used the rights of this kind that it is given.
async fn uses(log: &Path, is_meant: impl Fn(&str) -> bool) {
    let meant: BTreeSet<Right> =
        given().into_iter().filter(|right| is_meant(right) && !is_of_another_form(right)).collect();
    assert!(!meant.is_empty(), "no right is meant");
    let used = || requests(log).into_iter().flat_map(Request::rights).collect::<BTreeSet<Right>>();
    if !comes_true(async || meant.is_subset(&used())).await {
        let used = used();
        let unused: Vec<&Right> = meant.difference(&used).collect();
        assert_eq!(unused, [""; 0], "rights that nothing needs; used: {used:#?}");
    }
}

/// Rights for the forms of the guard without MutatingAdmissionPolicies, which this API server has:
/// `guard::forms` uses them.
fn is_of_another_form(right: &str) -> bool {
    let refuses = ["-stamp", "-owners", "-seal"].iter().any(|part| right.ends_with(part));
    right.ends_with("/mutatingwebhookconfigurations")
        || right.starts_with("delete ") && (right.ends_with("-room") || right.ends_with("-refusal"))
        || right.starts_with("update ") && right.contains("/validating") && refuses
}

fn is_of_capsule(right: &str) -> bool {
    right.contains(" capsule.clastix.io/")
}

/// Of the parts that are not there for ever; which other rights to delete there are is for the
/// older form.
fn is_removal_of_later_parts(right: &str) -> bool {
    let is_later = ["-hold", "-names", "-references"].iter().any(|part| right.ends_with(part));
    is_removal_of_place(right) || right.starts_with("delete ") && is_later
}

fn is_removal_of_place(right: &str) -> bool {
    right.starts_with("delete ") && right.ends_with("-place")
}

/// A deleted tenant of Capsule's is asked for once more, too.
async fn capsules_tenant_comes_and_goes(world: &World) {
    world.set_tenant("moon", json!({"nodeSelector": {"pool": "moon"}})).await;
    world.create("base", "moon", json!({})).await;
    world.comes_to("base", "moon", [], [(NODE_SELECTOR, "pool=moon")]).await;
    for tenant in ["stays-a", "stays-b"] {
        world.set_tenant(tenant, json!({})).await;
    }
    world.delete_tenant("moon").await;
    eventually("the second release", async || world.log("one").matches("releasing").count() >= 2)
        .await;
}

/// Held Pods, an edit in bulk, a quarrel, a backfill and a release.
async fn landlords_tenant_comes_and_goes(world: &World) {
    // Held before there is a tenant: one Pod is released then, another told that it clashes.
    world.create("held", "solar", json!({})).await;
    world.create_pod("held", "free", &[GATE], json!({})).await;
    world.create_pod("held", "odd", &[GATE], json!({"nodeSelector": {"pool": "mars"}})).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=solar")]).await;
    eventually("a release", async || world.gates("held", "free").await.is_empty()).await;
    eventually("a clash", async || !world.pod_events("held", "odd").await.is_empty()).await;
    somebody_looks_at_the_dashboard(world).await;
    // An edit in bulk: its Event is about the tenant, which is read for that.
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "lunar"}})).await;
    world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=lunar")]).await;
    eventually("its Event", async || !world.events("Tenant", "solar").await.is_empty()).await;
    // The same Event again is a patch of the first; a contested key is read for its writer.
    for _ in 0..3 {
        world.comes_to("web", "solar", [], [(NODE_SELECTOR, "pool=lunar")]).await;
        world.patch("web", json!({"annotations": {NODE_SELECTOR: "pool=x"}})).await;
    }
    eventually("a contested key", async || {
        world.condition("solar", "Converged").await["reason"] == "Contested"
    })
    .await;
    let measured = "landlord_admission_probes_total{outcome=\"failed\"}";
    eventually("a measurement", async || world.page("one", "/metrics").await.contains(measured))
        .await;
    // A backfill as a Job of the same service account reads the policy at once.
    let words = format!(
        "backfill --policy=landlord --kubeconfig={}",
        world.cluster.kubeconfig_of(CONTROLLER).display()
    );
    tokio::task::spawn_blocking(move || run(&words)).await.expect("the command");
    // A deleted tenant is asked for once more, after its grace; the only one would not be given up.
    for tenant in ["stays-a", "stays-b"] {
        world.set_tenant(tenant, json!({})).await;
    }
    world.delete_tenant("solar").await;
    eventually("the release", async || world.log("one").contains("releasing")).await;
}

/// Whose a token is, what it may, and a tenant's Pods.
async fn somebody_looks_at_the_dashboard(world: &World) {
    let http = Http::new(&address(world, "one"));
    let header = format!("Bearer {}", token(world, ADMIN));
    let answer = http.get_with("/api/v1/tenants/solar/pods", &[("authorization", &header)]).await;
    assert_eq!((answer.status, &answer.json()["error"]), (200, &Value::Null), "{}", answer.text);
}

fn parts_that_give_way() -> String {
    let older = run("render guard --without-mutating-policies").out;
    let parts = ["stamp", "owners", "seal"].map(|part| format!("landlord.dev/guard: {part}\n"));
    older
        .split("---\n")
        .filter(|object| parts.iter().any(|part| object.contains(part)))
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Another client changes all of the guard at once. While it does, the controller stands still: it
/// repairs what it finds, and one repair for each object, one after the other on a slow machine, is
/// a contention, between whose rounds it pauses for up to a minute.
async fn the_guard_is_changed_and_repaired(world: &World, controller: usize) {
    let guard =
        tokio::task::spawn_blocking(|| run("render guard --place").out).await.expect("the guard");
    let objects = guard.matches("landlord.dev/guard: ").count();
    eventually("the guard", async || {
        world.log("one").matches("outcome=\"installed\"").count() == objects
    })
    .await;
    world.signal(controller, Signal::SIGSTOP);
    world
        .cluster
        .apply(&guard.replace("landlord.dev/guard: ", "landlord.dev/guard: not-"))
        .await
        .expect("another guard");
    world.signal(controller, Signal::SIGCONT);
    eventually("the repair", async || {
        world.log("one").matches("guard repaired").count() >= objects
    })
    .await;
}

/// A lease is kept, and a watch that the API server has ended is begun anew.
fn is_idle(request: &Request) -> bool {
    request.right.contains("/leases") || request.right.starts_with("watch ")
}

/// A compliant cluster costs a lease and nothing else; and what is asked for goes the way of the
/// flow schemas.
#[tokio::test]
async fn an_idle_controller_writes_its_lease_and_lists_nothing() {
    let (mut world, log, _folder) = audited().await;
    world.flags = vec!["--release-pods", "--web=127.0.0.1:0"];
    world.add_controller("one").await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    for number in 0..20 {
        world.create(&format!("web-{number}"), "solar", json!({})).await;
    }
    eventually("the status", async || world.status("solar").await["namespaces"]["compliant"] == 20)
        .await;
    // What was still on its way is not the idle controller's.
    let mut before = requests(&log).len();
    eventually("a rest", async || {
        tokio::time::sleep(REST).await;
        let began = std::mem::replace(&mut before, requests(&log).len());
        requests(&log).iter().skip(began).all(is_idle)
    })
    .await;
    tokio::time::sleep(IDLE).await;
    let later: Vec<Request> = requests(&log).into_iter().skip(before).collect();
    let others: Vec<(&Right, &String)> =
        later.iter().filter(|one| !is_idle(one)).map(|one| (&one.right, &one.at)).collect();
    assert_eq!(others, []);
    eventually("the lease is kept", async || {
        let leases =
            requests(&log).into_iter().skip(before).filter(|one| one.right.contains("/leases"));
        leases.count() >= 10
    })
    .await;

    let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let metrics = world
        .cluster
        .client(ADMIN)
        .expect("a client")
        .request_text(request)
        .await
        .expect("metrics");
    for schema in ["landlord-controller", "landlord-leases"] {
        let word = format!("flow_schema=\"{schema}\"");
        assert!(
            metrics
                .lines()
                .any(|line| line.starts_with("apiserver_flowcontrol_dispatched_requests_total")
                    && line.contains(&word)),
            "{schema}"
        );
    }
}
