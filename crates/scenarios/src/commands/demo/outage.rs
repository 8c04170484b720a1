//! Outage: nobody is left to write a node selector. The guard, which is inside the API server, lets
//! Pods wait.

use std::time::{Duration, Instant};

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use local_cluster::kubewarden::policies;
use local_cluster::{Cluster, Kubewarden, Process};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::commands::landlord::{guard_enforced, until};
use crate::commands::stage::{TENANTS, owner};

/// How long Pods are looked at that must not move: far longer than the scheduler takes.
const LOOK: Duration = Duration::from_secs(3);

/// What the act showed, for the closing lines.
pub(super) struct Act {
    pods: usize,
    waiting: usize,
    stray: usize,
    placed: usize,
    took: Duration,
}

impl Act {
    /// Whether every Pod waited, and went where it belongs.
    pub(super) fn kept_the_promise(&self) -> bool {
        self.waiting == self.pods && self.stray == 0 && self.placed == self.pods
    }
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pods, waiting, stray, placed, took } = self;
        write!(
            f,
            "webhook and controller down: {waiting} of {pods} Pods wait, {stray} strayed; controller back: {placed} of {pods} in their pool in {:.1} s",
            took.as_secs_f64()
        )
    }
}

/// Kills the policy server, freezes the controller, creates namespaces with a Pod each; then the
/// controller comes back.
pub(super) async fn play(
    cluster: &Cluster,
    kubewarden: &Kubewarden,
    controller: &Process,
) -> Result<Act> {
    let admin = cluster.admin()?;
    until("the guard", async || guard_enforced(&cluster.client(&owner(TENANTS[0]))?).await).await?;
    let ignore = Patch::Merge(json!({"spec": {"failurePolicy": "Ignore"}}));
    let generation = policies(&admin)
        .patch("landlord", &PatchParams::default(), &ignore)
        .await?
        .metadata
        .generation;
    let observed = async || {
        Ok(policies(&admin).get("landlord").await?.data["status"]["observedGeneration"].as_i64()
            == generation)
    };
    until("the webhook is optional", observed).await?;
    kubewarden.kill_policy_server();
    controller.signal(Signal::SIGSTOP)?;
    for tenant in TENANTS {
        create(&cluster.client(&owner(tenant))?, tenant).await?;
    }
    tokio::time::sleep(LOOK).await;
    let (waiting, stray) = (gated(&admin).await?, outside(&admin).await?);
    controller.signal(Signal::SIGCONT)?;
    let began = Instant::now();
    until("the Pods' nodes", async || Ok(placed(&admin).await? == TENANTS.len())).await?;
    let took = began.elapsed();
    let stray = stray + outside(&admin).await?;
    Ok(Act {
        pods: TENANTS.len(),
        waiting,
        stray,
        placed: TENANTS.len() - stray.min(TENANTS.len()),
        took,
    })
}

fn namespace(tenant: &str) -> String {
    format!("late-{tenant}")
}

async fn create(client: &Client, tenant: &str) -> Result<()> {
    let body = serde_json::from_value(
        json!({"metadata": {"name": namespace(tenant), "labels": {"landlord.dev/tenant": tenant}}}),
    )?;
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &body).await?;
    let pod = serde_json::from_value(
        json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": "web"}]}}),
    )?;
    Api::<Pod>::namespaced(client.clone(), &namespace(tenant))
        .create(&PostParams::default(), &pod)
        .await?;
    Ok(())
}

async fn pods(client: &Client) -> Result<Vec<Pod>> {
    let all = Api::<Pod>::all(client.clone()).list(&ListParams::default()).await?;
    Ok(all
        .into_iter()
        .filter(|pod| pod.namespace().is_some_and(|name| name.starts_with("late-")))
        .collect())
}

async fn gated(client: &Client) -> Result<usize> {
    let gated = |pod: &&Pod| {
        pod.spec
            .as_ref()
            .is_some_and(|spec| spec.scheduling_gates.is_some() && spec.node_name.is_none())
    };
    Ok(pods(client).await?.iter().filter(gated).count())
}

async fn placed(client: &Client) -> Result<usize> {
    Ok(pods(client).await?.iter().filter(|pod| node(pod).is_some()).count())
}

async fn outside(client: &Client) -> Result<usize> {
    let stray = |pod: &&Pod| {
        node(pod).is_some_and(|node| pod.namespace() != node.split('-').next().map(namespace))
    };
    Ok(pods(client).await?.iter().filter(stray).count())
}

fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}
