//! `landlord release --all` while the policy is at work: its webhook puts nothing back, and goes
//! where that is asked for.

use std::fs;
use std::process::{Command, Output};

use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, PostParams};
use local_cluster::Cluster;
use local_cluster::kubewarden::{apply_policy, policies};
use serde_json::{Value, json};

use super::world::{GATE, World, eventually};
use crate::landlord::{binary, root, start_policy};

impl World {
    async fn release(&self, flags: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command
            .args(["release", "--all", "--yes"])
            .args(flags)
            .arg(format!("--kubeconfig={}", self.cluster.kubeconfig().display()));
        tokio::task::spawn_blocking(move || command.output())
            .await
            .expect("a task")
            .expect("the command")
    }

    /// Labels of landlord's or of the tenant's, and annotations.
    async fn traces(&self, name: &str) -> (Vec<String>, Vec<String>) {
        let (labels, annotations) = self.metadata(name).await;
        let given = |key: &String| key.starts_with("landlord.dev/") || key == "cost-center";
        let ledger = self.ledger(name).await;
        let ledger = (!ledger.is_empty()).then_some(ledger);
        (
            labels.into_keys().filter(given).collect(),
            annotations.into_keys().chain(ledger).collect(),
        )
    }
}

#[tokio::test]
async fn the_webhook_puts_nothing_back() {
    let mut world = World::without_controller("landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    world
        .set_tenant(
            "solar",
            json!({"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}}),
        )
        .await;
    world.create("web", "solar", json!({})).await;
    world.create("shop", "solar", json!({})).await;
    assert_eq!(world.traces("web").await.0.len(), 2, "the policy wrote as it was created");

    let released = world.release(&[]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned()
        + &String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{text}");
    for name in ["web", "shop"] {
        assert_eq!(world.traces(name).await, (Vec::new(), Vec::new()), "{text}");
    }
    assert!(text.contains("writes into new namespaces"), "{text}");

    let again = world.release(&["--with-policy"]).await;
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    let policies = policies(&world.cluster.admin().expect("a client"));
    eventually("no policy", async || {
        policies.get_opt("landlord").await.is_ok_and(|policy| policy.is_none())
    })
    .await;
}

/// Where labels of people stay, the claim stays, and the webhook would write everything anew: that
/// is said, and how to end it.
#[tokio::test]
async fn what_the_webhook_puts_back_is_said() {
    let mut world = World::without_controller("landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    world.set_tenant("solar", json!({"labels": {"cost-center": "4711"}})).await;
    world.create("web", "solar", json!({})).await;
    let released = world.release(&["--keep-claims"]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned();
    assert!(
        released.status.code() == Some(2)
            && text.contains("web is not clean")
            && text.contains("--with-policy"),
        "{text}"
    );

    let released = world.release(&["--keep-claims", "--with-policy"]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned()
        + &String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{text}");
    assert_eq!(
        world.traces("web").await,
        (vec!["landlord.dev/tenant".to_owned()], Vec::new()),
        "{text}"
    );
}

/// A webhook that nobody answers refuses to have the namespace `stuck` changed, and the Pods of
/// `kept`.
const REFUSING: &str = r#"{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: refusing}, webhooks: [
  {name: namespaces.refusing.example, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail, clientConfig: {url: "https://127.0.0.1:1/"},
   namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: stuck}}, rules: [{apiGroups: [""], apiVersions: [v1], resources: [namespaces], operations: [UPDATE]}]},
  {name: pods.refusing.example, admissionReviewVersions: [v1], sideEffects: None, failurePolicy: Fail, clientConfig: {url: "https://127.0.0.1:1/"},
   namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kept}}, rules: [{apiGroups: [""], apiVersions: [v1], resources: [pods], operations: [UPDATE]}]}]}"#;
const EVERYTHING: [&str; 2] = ["--with-policy", "--with-crds"];

/// What is needed to go on, settings and tenants, stays until all is clean.
#[tokio::test]
async fn the_same_command_goes_on_where_it_could_not() {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    world
        .set_tenant(
            "solar",
            json!({"nodeSelector": {"pool": "solar"}, "labels": {"cost-center": "4711"}}),
        )
        .await;
    for name in ["web", "stuck", "kept"] {
        world.create(name, "solar", json!({})).await;
    }
    let client = world.cluster.admin().expect("a client");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kept");
    let held = json!({"metadata": {"name": "held"}, "spec": {"schedulingGates": [{"name": GATE}], "containers": [{"name": "none", "image": "none"}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(held).expect("a Pod"))
        .await
        .expect("created");
    world.cluster.apply(REFUSING).await.expect("a webhook");

    let first = world.release(&EVERYTHING).await;
    let text = String::from_utf8_lossy(&first.stdout).into_owned()
        + &String::from_utf8_lossy(&first.stderr);
    assert_eq!(first.status.code(), Some(2), "{text}");
    for words in [
        "stuck is not clean",
        "Pod kept/held is not clean",
        "kept is not clean: a Pod in it is still held",
        "is switched off",
        "stay until",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert_eq!(world.traces("web").await, (Vec::new(), Vec::new()), "{text}");
    world.create("late", "solar", json!({})).await;
    assert_eq!(world.ledger("late").await, "", "the policy is switched off");

    Api::<ValidatingWebhookConfiguration>::all(client.clone())
        .delete("refusing", &DeleteParams::default())
        .await
        .expect("deleted");
    let second = world.release(&EVERYTHING).await;
    let text = String::from_utf8_lossy(&second.stdout).into_owned()
        + &String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(0), "{text}");
    for name in ["stuck", "kept", "late"] {
        assert_eq!(world.traces(name).await, (Vec::new(), Vec::new()), "{text}");
    }
    let spec = pods.get("held").await.expect("the Pod").spec.expect("a spec");
    assert_eq!(
        (json!(spec.node_selector), spec.scheduling_gates),
        (json!({"pool": "solar"}), None),
        "it belongs where its tenant said"
    );
    assert!(policies(&client).get_opt("landlord").await.expect("an answer").is_none(), "{text}");
}

/// The policy for Pods as it is shipped, with a guard's scope in which every namespace has to be
/// looked at first.
async fn place_pods(world: &World) {
    let text = fs::read_to_string(root().join("deploy/cluster-admission-policy-pods.yaml"))
        .expect("the policy");
    let (rights, policy) = text.rsplit_once("---\n").expect("two parts");
    world.cluster.apply(rights).await.expect("rights");
    let mut policy: Value = serde_saphyr::from_str(policy).expect("YAML");
    policy["spec"]["settings"]["guard"] = json!({"scope": "all"});
    apply_policy(&world.cluster.admin().expect("a client"), &policy.to_string())
        .await
        .expect("an active policy");
}

/// A Pod of this namespace, tried as a dry run: what it would be told to select.
async fn selector(world: &World, namespace: &str) -> Result<Value, String> {
    let pod = json!({"metadata": {"name": "trial"}, "spec": {"containers": [{"name": "none", "image": "none"}]}});
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let pods: Api<Pod> = Api::namespaced(world.cluster.admin().expect("a client"), namespace);
    let pod = pods
        .create(&params, &serde_json::from_value(pod).expect("a Pod"))
        .await
        .map_err(|error| error.to_string())?;
    Ok(json!(pod.spec.and_then(|spec| spec.node_selector)))
}

#[tokio::test]
async fn the_policy_for_pods_does_not_outlive_what_it_waits_for() {
    let mut world = World::on(Cluster::builder().without_pod_node_selector(), "landlord").await;
    world.policy = start_policy(&world.cluster, "landlord").await;
    place_pods(&world).await;
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    world.create("web", "solar", json!({})).await;
    eventually("the policy for Pods", async || {
        selector(&world, "web").await == Ok(json!({"pool": "solar"}))
    })
    .await;

    let refused = world.release(&[]).await;
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        refused.status.code() == Some(1)
            && text.contains("delete clusteradmissionpolicies landlord-pods"),
        "{text}"
    );
    assert!(!world.ledger("web").await.is_empty(), "nothing was changed");
    let dry = world.release(&["--dry-run"]).await;
    let told = String::from_utf8_lossy(&dry.stderr).into_owned();
    assert_eq!((dry.status.code(), told), (Some(1), text), "a dry run says what the run does");

    let released = world.release(&["--with-policy"]).await;
    let text = String::from_utf8_lossy(&released.stdout).into_owned()
        + &String::from_utf8_lossy(&released.stderr);
    assert_eq!(released.status.code(), Some(0), "{text}");
    assert_eq!(world.traces("web").await, (Vec::new(), Vec::new()), "{text}");
    eventually("a Pod of anybody's", async || selector(&world, "web").await == Ok(Value::Null))
        .await;
}
