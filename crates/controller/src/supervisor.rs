//! Supervisor: long tasks by name. The first that ends, or panics, ends all of them, so that nobody
//! goes on without it.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{Id, JoinError, JoinSet};

mod pulse;

pub use self::pulse::{Health, Pulse};

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It returned, which no long task does.
    #[error("task {0:?} has ended")]
    Returned(&'static str),
    /// It panicked.
    #[error("task {0:?} has panicked: {1}")]
    Panicked(&'static str, String),
}

/// See the module. Dropping it ends every task.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    health: Health,
    /// Short tasks that others have started.
    started: UnboundedReceiver<BoxFuture<'static, ()>>,
    spawner: Spawner,
    short: JoinSet<()>,
    /// The task that panics instead of running; tests of the program name one.
    fail_task: Option<String>,
}

/// Starts short tasks. One that panics ends the program as a long one does.
#[derive(Clone, Debug)]
pub struct Spawner(UnboundedSender<BoxFuture<'static, ()>>);

impl Spawner {
    /// Starts it; nobody waits for its end. Once the supervisor is gone, nothing is started any
    /// more.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let _ = self.0.send(Box::pin(task));
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        let (sender, started) = unbounded_channel();
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
            health: Health::default(),
            started,
            spawner: Spawner(sender),
            short: JoinSet::new(),
            fail_task: None,
        }
    }
}

impl Supervisor {
    /// One in which the task of this name panics instead of running.
    pub fn failing(fail_task: Option<String>) -> Self {
        Self { fail_task, ..Self::default() }
    }

    /// Starts a task that is not to end. It has to show that it is alive within this time, again
    /// and again.
    pub fn spawn<F>(&mut self, name: &'static str, bound: Duration, task: impl FnOnce(Pulse) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let pulse = self.health.add(name, bound);
        let handle = if self.fail_task.as_deref() == Some(name) {
            self.tasks.spawn(fail())
        } else {
            self.tasks.spawn(task(pulse))
        };
        self.names.insert(handle.id(), name);
    }

    /// Starts short tasks of others.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// Which tasks are alive.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Waits for the first task that ends. Meanwhile short tasks run; one of them that panics
    /// counts as well.
    pub async fn first_end(&mut self) -> Ended {
        loop {
            tokio::select! {
                ended = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => match ended {
                    Some(Ok((id, ()))) => return Ended::Returned(name(&self.names, id)),
                    Some(Err(error)) => return Ended::Panicked(name(&self.names, error.id()), panic_text(error)),
                    None => {}
                },
                Some(task) = self.started.recv() => {
                    self.short.spawn(task);
                }
                Some(ended) = self.short.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        return Ended::Panicked("short", panic_text(error));
                    }
                }
            }
        }
    }

    /// Waits until all long tasks have ended, for this time at most.
    pub async fn all_end(mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, async {
            while self.tasks.join_next().await.is_some() {}
        })
        .await;
    }

    /// Ends all tasks where they wait next.
    pub fn abort(&mut self) {
        self.tasks.abort_all();
        self.short.abort_all();
    }
}

#[expect(clippy::panic, reason = "a test asks for it")]
async fn fail() {
    tokio::time::sleep(Duration::from_millis(200)).await;
    panic!("it was asked to fail");
}

fn name(names: &HashMap<Id, &'static str>, id: Id) -> &'static str {
    names.get(&id).copied().unwrap_or("unnamed")
}

fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "without a message".to_owned()),
        Err(error) => error.to_string(),
    }
}

/// Waits for the next of these jobs to end; forever where there is none. A job that panicked takes
/// its caller along.
pub async fn join(jobs: &mut JoinSet<()>) {
    match jobs.join_next().await {
        None => std::future::pending().await,
        Some(end) => take_in(end),
    }
}

/// Takes in the jobs that have ended, without waiting.
pub fn reap(jobs: &mut JoinSet<()>) {
    while let Some(end) = jobs.try_join_next() {
        take_in(end);
    }
}

fn take_in(end: Result<(), JoinError>) {
    if let Err(error) = end
        && let Ok(panic) = error.try_into_panic()
    {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn the_first_that_ends_is_named() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("waits", BOUND, |_| std::future::pending());
        supervisor.spawn("returns", BOUND, |_| async {});
        assert_eq!(supervisor.first_end().await, Ended::Returned("returns"));
    }

    #[tokio::test]
    async fn a_panic_is_told_with_its_words() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("waits", BOUND, |_| std::future::pending());
        supervisor.spawn("fails", BOUND, |_| async { panic!("on purpose") });
        let end = supervisor.first_end().await;
        assert_eq!(end.to_string(), "task \"fails\" has panicked: on purpose");
    }

    #[tokio::test]
    async fn a_job_that_panics_takes_its_task_along() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("works", BOUND, |_| async {
            let mut jobs = JoinSet::new();
            jobs.spawn(async { panic!("in a job") });
            loop {
                join(&mut jobs).await;
            }
        });
        assert_eq!(supervisor.first_end().await, Ended::Panicked("works", "in a job".to_owned()));
    }

    #[tokio::test]
    async fn a_short_task_that_panics_ends_all_as_well() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("waits", BOUND, |_| std::future::pending());
        supervisor.spawner().spawn(async {});
        supervisor.spawner().spawn(async { panic!("in passing") });
        assert_eq!(supervisor.first_end().await, Ended::Panicked("short", "in passing".to_owned()));
    }
}
