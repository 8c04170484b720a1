//! Churn: owners create a namespace with a Pod in it, and delete the oldest of theirs; tenants are
//! edited in turns.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use local_cluster::Cluster;
use local_cluster::waiting::PATIENCE;
use serde_json::json;

use super::record::Counts;
use crate::commands::demo::tenants::with_cost_center;
use crate::commands::stage::{TENANTS, owner};

const LEDGER: &str = "landlord.dev/ledger";
/// Between two namespaces of one owner.
const PAUSE: Duration = Duration::from_millis(800);
/// Between two edits of tenants.
const EDIT_INTERVAL: Duration = Duration::from_secs(15);
/// How often a namespace is looked at until it is ready.
const LOOK: Duration = Duration::from_millis(20);
/// How soon the end is noticed.
const NOTICE: Duration = Duration::from_millis(200);

pub(super) struct Churn<'a> {
    cluster: &'a Cluster,
    /// Namespaces of each tenant at a time.
    each: usize,
    /// How many there are, by tenant.
    present: [AtomicUsize; TENANTS.len()],
    tally: Tally,
    is_over: AtomicBool,
}

/// What happened, for the samples.
#[derive(Default)]
pub(super) struct Tally(Mutex<(Counts, Vec<f64>)>);

impl Tally {
    fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.locked().0);
    }

    /// All counts, and how long those took that became ready since this was asked last.
    pub(super) fn take(&self) -> (Counts, Vec<f64>) {
        let mut locked = self.locked();
        let mut ready = std::mem::take(&mut locked.1);
        ready.sort_by(f64::total_cmp);
        (locked.0, ready)
    }

    fn locked(&self) -> MutexGuard<'_, (Counts, Vec<f64>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Churn<'a> {
    pub(super) fn new(cluster: &'a Cluster, each: usize) -> Self {
        let (present, tally) = (TENANTS.map(|_| AtomicUsize::new(0)), Tally::default());
        Self { cluster, each, present, tally, is_over: AtomicBool::new(false) }
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Nothing more begins.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Everything, until the end.
    pub(super) async fn run(&self) -> Result<()> {
        let owners = (0..TENANTS.len()).map(|index| self.own(index));
        tokio::try_join!(try_join_all(owners), self.edit())?;
        Ok(())
    }

    /// One owner.
    async fn own(&self, index: usize) -> Result<()> {
        let (tenant, present) =
            TENANTS.get(index).zip(self.present.get(index)).context("a tenant")?;
        let client = self.cluster.client(&owner(tenant))?;
        let mut names = VecDeque::new();
        for number in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("{tenant}-{number}");
            // It is counted before an edit can find it.
            present.fetch_add(1, Ordering::Relaxed);
            self.create(&client, tenant, &name)
                .await
                .with_context(|| format!("namespace {name}"))?;
            names.push_back(name);
            if names.len() > self.each
                && let Some(oldest) = names.pop_front()
            {
                self.delete(&client, tenant, &oldest).await.with_context(|| oldest.clone())?;
                present.fetch_sub(1, Ordering::Relaxed);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Creates it with a Pod, and waits until it is ready.
    async fn create(&self, client: &Client, tenant: &str, name: &str) -> Result<()> {
        let metadata = json!({"name": name, "labels": {"landlord.dev/tenant": tenant}});
        let body = serde_json::from_value(json!({"metadata": metadata}))?;
        let api: Api<Namespace> = Api::all(client.clone());
        api.create(&PostParams::default(), &body).await?;
        let began = Instant::now();
        self.tally.count(|counts| {
            counts.created += 1;
            counts.needed += 1;
        });
        let pod = json!({"metadata": {"name": "job"}, "spec": {"containers": [{"name": "job", "image": "job"}]}});
        let pods: Api<Pod> = Api::namespaced(client.clone(), name);
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        let is_ready = |one: &Namespace| {
            one.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(LEDGER))
        };
        while !is_ready(&api.get(name).await?) {
            ensure!(began.elapsed() < PATIENCE, "not ready within {} s", PATIENCE.as_secs());
            tokio::time::sleep(LOOK).await;
        }
        self.tally.locked().1.push(began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Deletes it with its Pod: there is neither a kubelet nor a namespace controller.
    async fn delete(&self, client: &Client, tenant: &str, name: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), name);
        let node = pods.get("job").await?.spec.and_then(|spec| spec.node_name);
        let is_stray = node.as_ref().is_some_and(|node| !node.starts_with(tenant));
        pods.delete("job", &DeleteParams::default().grace_period(0)).await?;
        Api::<Namespace>::all(client.clone()).delete(name, &DeleteParams::default()).await?;
        self.cluster.finalize_namespace(name).await?;
        self.tally.count(|counts| {
            counts.deleted += 1;
            counts.strays += usize::from(is_stray);
            counts.unplaced += usize::from(node.is_none());
        });
        Ok(())
    }

    /// Edits tenants, one after the other.
    async fn edit(&self) -> Result<()> {
        let mut edited = Instant::now();
        for number in 0.. {
            while edited.elapsed() < EDIT_INTERVAL {
                if self.is_over.load(Ordering::Relaxed) {
                    return Ok(());
                }
                tokio::time::sleep(NOTICE).await;
            }
            edited = Instant::now();
            let index = number % TENANTS.len();
            let (tenant, present) =
                TENANTS.get(index).zip(self.present.get(index)).context("a tenant")?;
            self.cluster.apply(&with_cost_center(tenant, &format!("cc-{number}"))).await?;
            self.tally.count(|counts| {
                counts.edits += 1;
                counts.needed += present.load(Ordering::Relaxed);
            });
        }
        Ok(())
    }
}
