//! Kubelet: runs the first container of a Pod, as the controller's Deployment has it, as a process
//! of this machine, with its arguments, its settings and its service account's token. There are no
//! containers.

use std::fs;
use std::path::PathBuf;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodSpec, ServiceAccount};
use kube::Client;
use kube::api::{Api, PostParams};
use local_cluster::process::Program;
use local_cluster::user::{ADMIN, CONTROLLER};
use local_cluster::{Cluster, Process};
use serde_json::{Value, json};

/// One Pod of the Deployment in this namespace; its log goes by this name.
pub(crate) async fn start(cluster: &Cluster, namespace: &str, name: &str) -> Process {
    let client = cluster.client(ADMIN).expect("a client");
    let deployment: Deployment = Api::namespaced(client.clone(), namespace)
        .get("landlord-controller")
        .await
        .expect("a Deployment");
    let spec = deployment.spec.template.spec.expect("a Pod");
    start_pod(cluster, namespace, name, spec).await
}

/// A Pod of this namespace; its log goes by this name.
pub(crate) async fn start_pod(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    spec: PodSpec,
) -> Process {
    let client = cluster.client(ADMIN).expect("a client");
    let container = spec.containers.first().expect("a container").clone();
    let token =
        token(&client, namespace, spec.service_account_name.as_deref().expect("a service account"))
            .await;
    let program = Program::new(name, crate::landlord::binary(), cluster.log(name))
        .args(arguments(cluster, &client, namespace, &container).await)
        .env("KUBECONFIG", kubeconfig(cluster, name, &token));
    let env = container.env.unwrap_or_default().into_iter();
    let program =
        env.fold(program, |program, one| program.env(one.name, one.value.expect("a plain value")));
    // Its port would be taken on this machine, where it has no network of its own.
    program.env("LANDLORD_LISTEN", "127.0.0.1:0").start().expect("it starts")
}

/// The Deployment's arguments; files that a volume would bring are elsewhere.
async fn arguments(
    cluster: &Cluster,
    client: &Client,
    namespace: &str,
    container: &Container,
) -> Vec<String> {
    let mut arguments = container.args.clone().expect("arguments");
    for mount in container.volume_mounts.iter().flatten() {
        let folder = cluster.file(&mount.name);
        fs::create_dir_all(&folder).expect("a folder");
        let map: ConfigMap = Api::namespaced(client.clone(), namespace)
            .get("landlord-settings")
            .await
            .expect("a ConfigMap");
        map.data
            .into_iter()
            .flatten()
            .for_each(|(name, text)| fs::write(folder.join(name), text).expect("a file"));
        let here = format!("{}/", folder.display());
        arguments = arguments
            .iter()
            .map(|one| one.replace(&format!("{}/", mount.mount_path), &here))
            .collect();
    }
    arguments
}

/// A token of the service account, as a Pod gets one.
async fn token(client: &Client, namespace: &str, account: &str) -> String {
    let request =
        TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let token = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .expect("a token");
    token.status.and_then(|status| status.token).expect("a token")
}

fn kubeconfig(cluster: &Cluster, name: &str, token: &str) -> PathBuf {
    let text = fs::read_to_string(cluster.kubeconfig_of(CONTROLLER)).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["users"][0]["user"]["token"] = json!(token);
    let path = cluster.file(&format!("{name}.kubeconfig"));
    fs::write(&path, config.to_string()).expect("a file");
    path
}
