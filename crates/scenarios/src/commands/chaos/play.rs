//! Play: one schedule on a cluster of its own, from its start to rest.

use std::time::Duration;

use anyhow::Result;
use chaos::event::TENANTS;
use chaos::{Event, Laws, Schedule};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, watcher};
use local_cluster::{Cluster, Node, waiting};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::audit_log::{self, AuditLog};
use super::parts::Parts;
use super::people::People;
use super::rest::Rest;
use super::say;
use crate::commands::stage::{Stage, StageOptions};

/// How often progress is told.
const TOLD: usize = 20;

/// Where each Pod is bound, as soon as that is seen.
pub(super) struct Placements {
    seen: mpsc::UnboundedReceiver<(String, Option<String>)>,
    watching: JoinHandle<()>,
}

impl Drop for Placements {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Placements {
    fn watch(cluster: &Cluster) -> Result<Self> {
        let (sender, seen) = mpsc::unbounded_channel();
        let api: Api<Pod> = Api::all(cluster.admin()?);
        let watching = tokio::spawn(async move {
            let mut pods = watcher(api, Config::default()).default_backoff().applied_objects().boxed();
            loop {
                // A watch that breaks off starts again by itself.
                if let Ok(Some(pod)) = pods.try_next().await {
                    let key = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
                    // Nobody listens any more at the end.
                    drop(sender.send((key, pod.spec.and_then(|spec| spec.node_name))));
                }
            }
        });
        Ok(Self { seen, watching })
    }

    /// Tells the laws what was seen since this was done last. A node's name begins with its pool's.
    pub(super) fn judge(&mut self, people: &mut People) {
        while let Ok((key, node)) = self.seen.try_recv() {
            people.meet(&key);
            if let Some(pool) = node.as_deref().and_then(|node| node.split('-').next()) {
                people.laws.place(&key, pool);
            }
        }
    }
}

/// Plays a schedule, and returns what the laws say of it.
pub(super) async fn play(options: &StageOptions, schedule: &Schedule) -> Result<Laws> {
    let (builder, log) = AuditLog::of(Cluster::builder())?;
    let stage = Stage::start_on(builder).await?;
    stage.cluster.add_nodes(nodes()).await?;
    let mut parts = Parts::start(stage, options).await?;
    let mut people = People::new(parts.cluster())?;
    let mut placements = Placements::watch(parts.cluster())?;
    for tenant in TENANTS {
        people.apply(Event::Tenant(tenant, 0)).await;
    }
    for (number, step) in schedule.steps.iter().enumerate() {
        tokio::time::sleep(step.after).await;
        parts.thaw_late()?;
        placements.judge(&mut people);
        people.apply(step.event).await;
        parts.disturb(step.event).await?;
        if (number + 1).is_multiple_of(TOLD) {
            say(&format!("  {} of {} steps", number + 1, schedule.steps.len()));
        }
    }
    say(&format!(
        "  {} of {} requests of people were refused, {} not answered; all is mended, waiting for rest",
        people.refused, people.asked, people.unanswered
    ));
    let laws = Rest { parts: &mut parts, people, placements, log: &log }.judge().await?;
    if !laws.violations().is_empty()
        && let Some(folder) = audit_log::keep_logs(parts.cluster())
    {
        say(&format!("logs: {}", folder.display()));
    }
    Ok(laws)
}

/// Two nodes for each tenant, one a tier, and one that is nobody's.
fn nodes() -> Vec<Node> {
    let pool = |name: &'static str| ["a", "b"].map(move |tier| Node::new(format!("{name}-{tier}")).label("pool", name).label("tier", tier));
    TENANTS.into_iter().chain(["foreign"]).flat_map(pool).collect()
}

/// How long nothing may be heard at rest, and how long that may take to come.
pub(super) const SILENCE: Duration = Duration::from_secs(8);
pub(super) const PATIENCE: Duration = waiting::PATIENCE;
