//! Probes: requests that the guard has to stop at every moment. Nothing is stored.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// The last error that was no refusal.
    failure: Mutex<String>,
}

impl Totals {
    /// Counts one answer.
    fn add(&self, answer: Result<bool, Error>, asked: &AtomicUsize, let_in: &AtomicUsize) {
        match answer {
            Ok(yes) => {
                asked.fetch_add(1, Ordering::Relaxed);
                let_in.fetch_add(usize::from(yes), Ordering::Relaxed);
            }
            Err(error) => {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                *failure = error.to_string();
            }
        }
    }
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
        until("the seal", async || Ok(matches!(take(&thief).await, Ok(false)))).await?;
        let totals = Arc::new(Totals::default());
        let (stop, counted) = (Arc::clone(stop), Arc::clone(&totals));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                counted.add(start(&thief).await, &counted.pods, &counted.pods_let_in);
                counted.add(take(&thief).await, &counted.claims, &counted.claims_let_in);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Self(totals))
    }

    /// Why the last probe that had no answer had none, once.
    pub(super) fn failure(&self) -> Option<String> {
        let mut failure = self.0.failure.lock().unwrap_or_else(PoisonError::into_inner);
        Some(std::mem::take(&mut *failure)).filter(|text| !text.is_empty())
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

/// Whether a Pod of a namespace that is never ready would start.
async fn start(client: &Client) -> Result<bool, Error> {
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let body = json!({"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "none", "image": "none"}]}});
    let pod: Pod = serde_json::from_value(body).map_err(Error::SerdeError)?;
    match Api::<Pod>::namespaced(client.clone(), PROBE).create(&params, &pod).await {
        Ok(pod) => {
            let gates = pod.spec.and_then(|spec| spec.scheduling_gates);
            Ok(gates.is_none_or(|gates| gates.is_empty()))
        }
        Err(error) => refused(error),
    }
}

/// Whether the namespace would have another tenant.
async fn take(client: &Client) -> Result<bool, Error> {
    let params = PatchParams { dry_run: true, ..PatchParams::default() };
    let patch = Patch::Merge(json!({"metadata": {"labels": {LABEL: TENANTS[1]}}}));
    match Api::<Namespace>::all(client.clone()).patch(VICTIM, &params, &patch).await {
        Ok(namespace) => Ok(namespace.labels().get(LABEL).is_some_and(|one| one == TENANTS[1])),
        Err(error) => refused(error),
    }
}

/// That it was not let in, if the error is a refusal.
fn refused(error: Error) -> Result<bool, Error> {
    match error {
        Error::Api(status) if status.code == 403 => Ok(false),
        other => Err(other),
    }
}
