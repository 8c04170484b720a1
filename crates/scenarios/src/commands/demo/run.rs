//! A run: namespaces and Pods made by several users at a time, and where the scheduler put the
//! Pods.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use local_cluster::Cluster;
use local_cluster::waiting::PATIENCE;
use serde_json::{Value, json};

use crate::commands::stage::TENANTS;

const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
/// Namespaces of one tenant.
const EACH: usize = 3;
const POLL: Duration = Duration::from_millis(50);

/// The same steps in every run; names differ.
pub(super) struct Run {
    pub(super) prefix: &'static str,
    /// Whether landlord is there, and a user tries to get into a foreign pool.
    pub(super) tenants: bool,
}

/// One namespace and its Pod.
pub(super) struct Outcome {
    pub(super) namespace: String,
    pub(super) user: String,
    pub(super) tenant: String,
    pub(super) selector: Option<String>,
    pub(super) node: Option<String>,
    /// Why the namespace was not made.
    pub(super) refusal: Option<String>,
}

impl Outcome {
    pub(super) fn pod_was_made(&self) -> bool {
        self.refusal.is_none()
    }

    /// Whether the Pod is on a node that is not its tenant's.
    pub(super) fn is_outside(&self) -> bool {
        self.node
            .as_deref()
            .is_some_and(|node| node.rsplit_once('-').map(|(pool, _)| pool) != Some(&self.tenant))
    }

    pub(super) fn verdict(&self) -> &'static str {
        match (&self.refusal, &self.node) {
            (Some(_), _) => "refused",
            (None, None) => "not placed",
            (None, Some(_)) if self.is_outside() => "OUTSIDE",
            (None, Some(_)) => "ok",
        }
    }
}

struct Step {
    namespace: String,
    user: String,
    tenant: String,
}

impl Run {
    /// Plays it. Each tenant's owner and a CI job make namespaces side by side.
    pub(super) async fn play(&self, cluster: &Cluster) -> Result<Vec<Outcome>> {
        let mut outcomes = join_all(self.steps().into_iter().map(|step| step.take(cluster)))
            .await
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        if self.tenants {
            let thief = Step {
                namespace: "app-stolen".to_owned(),
                user: "comet-owner".to_owned(),
                tenant: "solar".to_owned(),
            };
            outcomes.push(thief.take(cluster).await?);
        }
        Ok(outcomes)
    }

    fn steps(&self) -> Vec<Step> {
        let step = |tenant: &str, number: usize| Step {
            namespace: format!("{}-{tenant}-{number}", self.prefix),
            user: if number == EACH { "ci".to_owned() } else { format!("{tenant}-owner") },
            tenant: tenant.to_owned(),
        };
        TENANTS
            .iter()
            .flat_map(|tenant| (1..=EACH).map(move |number| step(tenant, number)))
            .collect()
    }
}

impl Step {
    async fn take(self, cluster: &Cluster) -> Result<Outcome> {
        let client = cluster.client(&self.user)?;
        let Self { namespace, user, tenant } = self;
        let mut outcome =
            Outcome { namespace, user, tenant, selector: None, node: None, refusal: None };
        let body = json!({"metadata": {"name": outcome.namespace, "labels": {"landlord.dev/tenant": outcome.tenant}}});
        match create::<Namespace>(Api::all(client.clone()), body).await {
            Ok(made) => {
                outcome.selector =
                    made.metadata.annotations.unwrap_or_default().remove(NODE_SELECTOR)
            }
            Err(Error::Api(status)) if status.code == 403 => {
                outcome.refusal = Some(
                    status
                        .message
                        .rsplit(" denied the request: ")
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                );
                return Ok(outcome);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("namespace {}", outcome.namespace));
            }
        }
        outcome.node = pod(&client, &outcome.namespace)
            .await
            .with_context(|| format!("Pod in {}", outcome.namespace))?;
        Ok(outcome)
    }
}

async fn create<K>(api: Api<K>, body: Value) -> Result<K, Error>
where
    K: serde::de::DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(body).map_err(Error::SerdeError)?)
        .await
}

/// Creates a Pod at once, and returns the node that the scheduler bound it to.
async fn pod(client: &Client, namespace: &str) -> Result<Option<String>, Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    create(api.clone(), json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web"}]}})).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let node = api.get("web").await?.spec.and_then(|spec| spec.node_name);
        if node.is_some() || Instant::now() > deadline {
            return Ok(node);
        }
        tokio::time::sleep(POLL).await;
    }
}
