//! Estimate: how long it would take to write a plan, from how fast the API server answers a few of
//! its patches as dry runs.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kube::Client;

use cluster::writer::{ApplyMode, Writer, Written};
use controller::contention::Contention;
use controller::planner::{Decision, Knowledge, decide};
use controller::store::Store;

/// Patches that are tried, and how many of them at a time: where a backfill begins.
const SAMPLE: usize = 32;
const AT_A_TIME: usize = 8;

/// What the writes would cost.
#[derive(Debug)]
pub(crate) struct Estimate {
    pub(crate) writes: usize,
    /// `None` where the API server does not let this user try.
    pub(crate) time: Option<Duration>,
}

/// Tries a few of the namespaces' patches as dry runs.
pub(crate) async fn estimate(client: Client, store: &Store, names: &[&str]) -> Estimate {
    let contention = Contention::default();
    let now = cluster::clock::now();
    let decision = |name: &&str| match decide(
        Knowledge { store, contention: &contention, now },
        name,
    )
    .decision
    {
        Decision::Write(write) => Some(write),
        Decision::Rest { .. } | Decision::Ignore => None,
    };
    let sample: Vec<_> = names.iter().filter_map(decision).take(SAMPLE).collect();
    let writer = Writer::new(client, ApplyMode::ServerDryRun);
    let began = Instant::now();
    let tries =
        stream::iter(&sample).map(|write| writer.write(&write.request)).buffer_unordered(AT_A_TIME);
    let good = tries
        .filter(|(written, _)| std::future::ready(matches!(written, Written::Dry)))
        .count()
        .await;
    let each = began.elapsed().div_f64(good.max(1) as f64);
    let time = (good > 0 && good == sample.len()).then(|| each.mul_f64(names.len() as f64));
    Estimate { writes: names.len(), time }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.time {
            Some(time) => {
                let rate = self.writes as f64 / time.as_secs_f64().max(1e-6);
                write!(
                    f,
                    "{} writes, about {:.1} s at {rate:.0}/s, as dry runs of some of them show",
                    self.writes,
                    time.as_secs_f64()
                )
            }
            None => write!(
                f,
                "{} writes; for how long is not known: the API server refuses to try them",
                self.writes
            ),
        }
    }
}
