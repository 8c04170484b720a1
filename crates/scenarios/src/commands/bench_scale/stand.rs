//! Stand: a number of namespaces and tenants, and what is measured there.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::world::World;
use super::{Latency, Row, readers};
use crate::commands::usage;

const WRITTEN: &str = "landlord_namespace_writes_total{outcome=\"done\"}";
const COMPLIANT: &str = "landlord_namespaces{state=\"compliant\"}";
/// Events of each kind at most.
const SAMPLES: usize = 200;
/// Between two namespaces of those that come to a controller at rest.
const CREATE_INTERVAL: Duration = Duration::from_millis(50);
const OFTEN: Duration = Duration::from_millis(2);
/// The page of metrics takes the controller's time, too.
const SELDOM: Duration = Duration::from_millis(50);

pub(super) struct Stand {
    pub(super) namespaces: usize,
    pub(super) tenants: usize,
    /// Namespaces of the tenant that is edited.
    pub(super) edited: usize,
}

impl Stand {
    pub(super) async fn measure(&self, landlord: &Path) -> Result<Row> {
        let world = World::start(self.flags(), landlord).await?;
        world.reach(WRITTEN, 1.0, OFTEN).await?;
        let first_write = world.began.elapsed().as_secs_f64();
        let (placements, drifts) = self.disturb(&world).await?;
        world.reach(COMPLIANT, (self.namespaces + placements.len()) as f64, SELDOM).await?;
        let all_written = world.began.elapsed().as_secs_f64();
        let (processor, memory_mb) =
            (usage::cpu(&world.controller)?, usage::memory(&world.controller)?);
        let idle = create_some(&world, "idle").await?;
        let (read, searches) = readers::beside(&world, create_some(&world, "read")).await?;
        let edit = world
            .edit((0..self.edited).map(|number| format!("namespace-{number}")))
            .await?
            .as_secs_f64();
        Ok(Row {
            namespaces: self.namespaces,
            tenants: self.tenants,
            memory_mb,
            first_write,
            all_written,
            processor,
            edited: self.edited,
            edit,
            placement_idle: Latency::from_samples(&idle),
            placement_read: Latency::from_samples(&read),
            search: Latency::from_samples(&searches),
            placement_busy: Latency::from_samples(&placements),
            drift_busy: Latency::from_samples(&drifts),
        })
    }

    fn flags(&self) -> [String; 3] {
        let numbers =
            [("namespaces", self.namespaces), ("tenants", self.tenants), ("edited", self.edited)];
        numbers.map(|(flag, number)| format!("--{flag}={number}"))
    }

    /// Namespaces come, and labels are changed, for as long as the others are being written.
    async fn disturb(&self, world: &World) -> Result<(Vec<Duration>, Vec<Duration>)> {
        let (mut placements, mut drifts) = (Vec::new(), Vec::new());
        let mut looked = Instant::now();
        for number in 0..SAMPLES {
            let name = format!("busy-{number}");
            placements.push(world.create(&name).await?);
            drifts.push(world.tamper(&name).await?);
            if looked.elapsed() > SELDOM {
                looked = Instant::now();
                if world.metric(COMPLIANT).await? >= (self.namespaces + placements.len()) as f64 {
                    break;
                }
            }
        }
        Ok((placements, drifts))
    }
}

/// Namespaces come one after the other, for some seconds.
async fn create_some(world: &World, name: &str) -> Result<Vec<Duration>> {
    let mut turns = tokio::time::interval(CREATE_INTERVAL);
    let mut times = Vec::new();
    for number in 0..SAMPLES {
        turns.tick().await;
        times.push(world.create(&format!("{name}-{number}")).await?);
    }
    Ok(times)
}

impl Latency {
    fn from_samples(times: &[Duration]) -> Self {
        Self {
            samples: times.len(),
            p50_ms: usage::quantile(times, 0.5),
            p99_ms: usage::quantile(times, 0.99),
        }
    }
}
