//! `chaos`: random schedules of edits and faults, in memory and on a real cluster, against the
//! laws.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, ensure};
use chaos::event::FORMS;
use chaos::{Laws, Layer, Schedule, Shrinking, Tally};
use clap::{Args, ValueEnum};

use super::demo::say;
use super::stage::StageOptions;

mod audit_log;
mod impostor;
mod memory;
mod parts;
mod people;
mod placements;
mod play;
mod relay;
mod rest;
mod storm;

/// Steps of a schedule on a cluster; with their waits and what they wait for, about half a minute.
const STEPS: usize = 60;
/// The share of the time that schedules in memory get: hundreds of them need no more.
const MEMORY_SHARE: u32 = 4;

/// Play random schedules of edits and faults, in memory and on a real cluster, and look whether the
/// laws hold all along and at rest
///
/// A schedule is a seed and a list of steps: namespaces and tenants are created, edited, moved and
/// deleted, what landlord wrote is tampered with, Pods are created; controllers, API server, etcd
/// and policy server are killed, frozen, slow, or answer nonsense. In memory, where admission also
/// denies, reverts, strips or delays patches of single namespaces, etcd is restored, and kinds go
/// and come back (the controller's parts, under a clock that jumps), a minute holds hundreds; on a
/// cluster of processes a schedule takes one or two minutes.
#[derive(Args, Debug)]
#[command(after_long_help = help())]
pub(crate) struct Chaos {
    #[command(flatten)]
    stage: StageOptions,
    /// Where to play
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_LAYER", value_enum, default_value = "both")]
    layer: Where,
    /// The first seed; each further schedule takes the next one [default: the time]
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_SEED")]
    seed: Option<u64>,
    /// Play this schedule and no other, as a failure prints it
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_SCHEDULE", value_name = "TEXT", conflicts_with_all = ["seed", "layer"])]
    schedule: Option<Schedule>,
    /// So many schedules on the cluster, instead of as many as the time allows
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_COUNT")]
    count: Option<u64>,
    /// Steps of each schedule on the cluster
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_STEPS", default_value_t = STEPS)]
    steps: usize,
    /// How long all of it may take. One that fails is shortened in what is left of it
    #[arg(long, env = "LOCAL_CLUSTER_CHAOS_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=600))]
    minutes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Where {
    Memory,
    Cluster,
    Both,
}

fn help() -> String {
    format!(
        "Laws: one engine (the policy leaves alone what the controller leaves alone), idempotence, foreign keys byte for byte, no panics, convergence (compliant, or reported), \
         silence at rest; no Pod outside its tenant's pool; no namespace lost; no more writes than the changes make necessary; in memory, no namespace that fails delays \
         another, it is tried rarely, and it is reported.\n\n\
         A failure prints the seed, the law and the shortest schedule that was found, in one line that plays it again. Timing is not part of a schedule to the microsecond, so a \
         race may need several tries.\n\nSteps, each after so many milliseconds:\n  {}\nTENANT is lunar, nova or solar; PART is one, two (controllers), usurper (one without a lease), \
         api-server, etcd or policy.\n\nExamples:\n  local-cluster chaos --seed 7\n  local-cluster chaos --layer memory --minutes 2\n  \
         local-cluster chaos --schedule 'cluster 7: 0 create web-0 solar; 200 kill one; 0 pod web-0; 500 start two'",
        FORMS.join("\n  ")
    )
}

impl Chaos {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(60 * self.minutes);
        let seed = self.seed.unwrap_or_else(now);
        match &self.schedule {
            Some(schedule) if schedule.layer == Layer::Memory => {
                return memory::play(&[(memory::SCHEDULE, schedule.to_string())]).await;
            }
            Some(schedule) => return self.play_on_cluster([schedule.clone()], end).await,
            None => say(&format!("the first seed is {seed}")),
        }
        if self.layer != Where::Cluster {
            let time =
                (end - Instant::now()) / if self.layer == Where::Both { MEMORY_SHARE } else { 1 };
            memory::play_for(seed, time).await?;
        }
        if self.layer != Where::Memory {
            let seeds = seed..self.count.map_or(u64::MAX, |count| seed.saturating_add(count));
            self.play_on_cluster(
                seeds.map(|seed| Schedule::roll(Layer::Cluster, seed, self.steps)),
                end,
            )
            .await?;
        }
        Ok(())
    }

    /// One after the other, until the time is over: one that cannot be expected to end in time is
    /// not begun.
    async fn play_on_cluster(
        &self,
        schedules: impl IntoIterator<Item = Schedule>,
        end: Instant,
    ) -> Result<()> {
        let (mut tally, mut longest) = (Tally::default(), Duration::ZERO);
        for schedule in schedules {
            if Instant::now() + longest > end {
                break;
            }
            say(&format!("cluster: seed {}, {} steps", schedule.seed, schedule.steps.len()));
            let began = Instant::now();
            let laws = play::play(&self.stage, &schedule).await?;
            longest = longest.max(began.elapsed());
            ensure!(
                laws.violations().is_empty(),
                "{}",
                self.report(&schedule, &laws, longest, end).await?
            );
            tally.count(&schedule, &laws);
            say(&format!(
                "cluster: seed {} kept the laws in {:.0} s",
                schedule.seed,
                began.elapsed().as_secs_f64()
            ));
        }
        println!("cluster: no law was broken in {tally}");
        Ok(())
    }

    /// The shortest schedule that fails, as far as the time reaches.
    async fn report(
        &self,
        failing: &Schedule,
        laws: &Laws,
        took: Duration,
        end: Instant,
    ) -> Result<String> {
        say(&format!(
            "seed {} breaks a law: {}; looking for a shorter schedule",
            failing.seed,
            laws.violations().join("; ")
        ));
        let (mut shrinking, mut found) =
            (Shrinking::new(failing.clone(), usize::MAX), laws.violations().to_vec());
        while Instant::now() + took < end
            && let Some(attempt) = shrinking.attempt()
        {
            let laws = play::play(&self.stage, &attempt).await?;
            let fails = !laws.violations().is_empty();
            say(&format!(
                "{} of {} steps: {}",
                attempt.steps.len(),
                failing.steps.len(),
                if fails { "still broken" } else { "no law is broken" }
            ));
            if fails {
                found = laws.violations().to_vec();
            }
            shrinking.record(attempt, fails);
        }
        let (found, shortest) = (found.join("\n  "), shrinking.best());
        Ok(format!(
            "seed {} breaks a law:\n  {found}\nshortest schedule: {shortest}\nagain: make chaos ARGS='--schedule \"{shortest}\"'",
            failing.seed
        ))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
