//! Probes: requests that the guard has to stop at every moment. Nothing is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error, ResourceExt};
use local_cluster::Cluster;
use serde_json::json;

use crate::commands::landlord::{PROBE, until};
use crate::commands::stage::{TENANTS, owner};

const PAUSE: Duration = Duration::from_millis(200);
const LABEL: &str = "landlord.dev/tenant";
/// What the second tenant's owner would like to have.
const VICTIM: &str = "victim";

/// What was asked, and what of it was let in. Requests without an answer of the API server do not
/// count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) pods: usize,
    pub(super) pods_let_in: usize,
    pub(super) claims: usize,
    pub(super) claims_let_in: usize,
}

impl Counts {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            pods: self.pods - before.pods,
            pods_let_in: self.pods_let_in - before.pods_let_in,
            claims: self.claims - before.claims,
            claims_let_in: self.claims_let_in - before.claims_let_in,
        }
    }
}

#[derive(Default)]
struct Totals {
    pods: AtomicUsize,
    pods_let_in: AtomicUsize,
    claims: AtomicUsize,
    claims_let_in: AtomicUsize,
}

pub(super) struct Probes(Arc<Totals>);

impl Probes {
    /// Makes the first tenant's namespace, waits until it is sealed, and begins.
    pub(super) async fn start(cluster: &Cluster, stop: &Arc<AtomicBool>) -> Result<Self> {
        let (victim, thief) =
            (cluster.client(&owner(TENANTS[0]))?, cluster.client(&owner(TENANTS[1]))?);
        let namespace = serde_json::from_value(
            json!({"metadata": {"name": VICTIM, "labels": {LABEL: TENANTS[0]}}}),
        )?;
        Api::<Namespace>::all(victim).create(&PostParams::default(), &namespace).await?;
        until("the seal", async || Ok(take(&thief).await == Some(false))).await?;
        let totals = Arc::new(Totals::default());
        let (stop, counted) = (Arc::clone(stop), Arc::clone(&totals));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                if let Some(started) = start(&thief).await {
                    counted.pods.fetch_add(1, Ordering::Relaxed);
                    counted.pods_let_in.fetch_add(usize::from(started), Ordering::Relaxed);
                }
                if let Some(taken) = take(&thief).await {
                    counted.claims.fetch_add(1, Ordering::Relaxed);
                    counted.claims_let_in.fetch_add(usize::from(taken), Ordering::Relaxed);
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Self(totals))
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |one: &AtomicUsize| one.load(Ordering::Relaxed);
        Counts {
            pods: read(&self.0.pods),
            pods_let_in: read(&self.0.pods_let_in),
            claims: read(&self.0.claims),
            claims_let_in: read(&self.0.claims_let_in),
        }
    }
}

/// Whether a Pod of a namespace that is never ready would start; `None` without an answer.
async fn start(client: &Client) -> Option<bool> {
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let body = json!({"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "none", "image": "none"}]}});
    let pod: Pod = serde_json::from_value(body).ok()?;
    match Api::<Pod>::namespaced(client.clone(), PROBE).create(&params, &pod).await {
        Ok(pod) => Some(pod.spec?.scheduling_gates.is_none_or(|gates| gates.is_empty())),
        Err(error) => is_refusal(&error).then_some(false),
    }
}

/// Whether the namespace would have another tenant; `None` without an answer.
async fn take(client: &Client) -> Option<bool> {
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let patch = Patch::Merge(json!({"metadata": {"labels": {LABEL: TENANTS[1]}}}));
    match Api::<Namespace>::all(client.clone()).patch(VICTIM, &params, &patch).await {
        Ok(namespace) => Some(namespace.labels().get(LABEL).is_some_and(|one| one == TENANTS[1])),
        Err(error) => is_refusal(&error).then_some(false),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 403)
}
