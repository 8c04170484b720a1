//! Pulse: by which a long task shows that it is alive.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::clock;

/// How often a task that waits shows that it does.
const INTERVAL: Duration = Duration::from_secs(5);

/// Of one task. Clones are the same.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Beat>);

#[derive(Debug)]
struct Beat {
    began: Instant,
    /// Milliseconds after `began`.
    last: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Beat { began: clock::now(), last: AtomicU64::new(0) }))
    }
}

impl Pulse {
    /// The task has made a round.
    pub fn beat(&self) {
        let since = clock::now().saturating_duration_since(self.0.began).as_millis();
        self.0.last.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Waits for this, and shows meanwhile that the task is there to take it in.
    pub async fn beat_while<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.beat();
            if let Ok(outcome) = tokio::time::timeout(INTERVAL, &mut work).await {
                return outcome;
            }
        }
    }

    fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(
            self.0.began + Duration::from_millis(self.0.last.load(Ordering::Relaxed)),
        )
    }
}

/// The pulses of all long tasks, each with the time within which it has to beat. Clones are the
/// same.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Vec<Task>>>);

/// Its name, its bound, and its pulse.
type Task = (&'static str, Duration, Pulse);

impl Health {
    pub(super) fn add(&self, name: &'static str, bound: Duration) -> Pulse {
        let pulse = Pulse::default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, bound, pulse.clone()));
        pulse
    }

    /// Tasks that have not shown for too long that they are alive, and for how long.
    pub fn silent(&self, now: Instant) -> Vec<(&'static str, Duration)> {
        let pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = pulses.iter().map(|(name, bound, pulse)| (*name, *bound, pulse.silence(now)));
        silence
            .filter(|(_, bound, silence)| silence > bound)
            .map(|(name, _, silence)| (name, silence))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_makes_no_round_is_named() {
        let health = Health::default();
        let bound = Duration::from_secs(30);
        let waiting = health.add("waits", bound);
        let _stuck = health.add("stuck", bound);
        let task =
            tokio::spawn(async move { waiting.beat_while(std::future::pending::<()>()).await });
        tokio::time::sleep(2 * bound).await;
        let silent: Vec<&str> =
            health.silent(clock::now()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(silent, ["stuck"]);
        task.abort();
        tokio::time::sleep(2 * bound).await;
        assert_eq!(health.silent(clock::now()).len(), 2);
    }
}
