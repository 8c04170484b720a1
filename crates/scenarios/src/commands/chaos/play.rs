//! Play: one schedule on a cluster of its own, from its start to rest.

use anyhow::{Result, ensure};
use chaos::event::TENANTS;
use chaos::{Event, Laws, Schedule};
use local_cluster::Node;

use super::audit_log::{self, AuditLog};
use super::parts::Parts;
use super::people::People;
use super::placements::Placements;
use super::rest::Rest;
use super::say;
use crate::commands::served::Served;
use crate::commands::stage::{Stage, StageOptions};

/// How often progress is reported.
const TOLD: usize = 20;

/// Plays a schedule, and returns what the laws say of it.
pub(super) async fn play(options: &StageOptions, schedule: &Schedule) -> Result<Laws> {
    let (builder, log) = AuditLog::attach(options.builder())?;
    let stage = Stage::start_on(builder).await?;
    let served = Served::read(&stage.cluster.admin()?).await?;
    ensure!(served.can_hold(), "chaos {}", served.lacks());
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
        "  {} of {} requests of people were refused, {} not answered; all is fixed, waiting for rest",
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
    let pool = |name: &'static str| {
        ["a", "b"].map(move |tier| {
            Node::new(format!("{name}-{tier}")).label("pool", name).label("tier", tier)
        })
    };
    TENANTS.into_iter().chain(["foreign"]).flat_map(pool).collect()
}
