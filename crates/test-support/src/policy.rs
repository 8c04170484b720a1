//! Policy: the one that is shipped, behind its webhook.

use std::fs;
use std::path::Path;

use local_cluster::kubewarden::{Naming, Options, apply_policy};
use local_cluster::{Cluster, Kubewarden};
use serde_json::{Value, json};

use crate::root;

/// The shipped policy; for Capsule's tenants with the two changes that the documentation asks for.
pub fn shipped(source: &str) -> Value {
    let text = fs::read_to_string(root().join("deploy/cluster-admission-policy.yaml"))
        .expect("the policy");
    let mut policy: Value = serde_saphyr::from_str(&text).expect("YAML");
    if source == "capsule" {
        policy["spec"]["settings"]["tenantSource"] = json!("capsule");
        policy["spec"]["contextAwareResources"] =
            json!([{"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant"}]);
    }
    policy
}

/// Starts it as it is shipped, for this source, by these programs.
pub async fn start(cluster: &Cluster, source: &str, policy_host: &Path, wasm: &Path) -> Kubewarden {
    start_named(cluster, source, policy_host, wasm, Naming::default()).await
}

/// The same behind a Kubewarden that names webhooks this way.
pub async fn start_named(
    cluster: &Cluster,
    source: &str,
    policy_host: &Path,
    wasm: &Path,
    naming: Naming,
) -> Kubewarden {
    let policy = shipped(source);
    let module = policy["spec"]["module"].as_str().expect("a module").to_owned();
    let options = Options {
        policy_host: policy_host.to_owned(),
        modules: [(module, wasm.to_owned())].into(),
        sources: None,
    };
    let (kubewarden, admin) = (
        Kubewarden::start_named(cluster, options, naming).await.expect("Kubewarden"),
        cluster.admin().expect("a client"),
    );
    apply_policy(&admin, &policy.to_string()).await.expect("an active policy");
    kubewarden.wait_until_asked(&admin, "landlord").await.expect("a webhook that is asked");
    kubewarden
}

/// Takes the policy server down for good, where the webhook lets requests through then.
pub async fn take_down(cluster: &Cluster, source: &str, kubewarden: &Kubewarden) {
    let mut ignoring = shipped(source);
    ignoring["spec"]["failurePolicy"] = "Ignore".into();
    apply_policy(&cluster.admin().expect("a client"), &ignoring.to_string())
        .await
        .expect("an active policy");
    kubewarden.kill_policy_server();
}
