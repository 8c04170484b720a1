//! Reads: namespaces that are read anew before Pods of them are released, once for many Pods.
//!
//! A Pod may be released by what a read says only if the read began after the Pod was taken in:
//! before that, the namespace may have been another one's. Pods that came before a read share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;

/// A read counts for so long.
const FRESH: Duration = Duration::from_secs(1);
/// Namespaces beyond which reads that do not count any more are forgotten.
const MANY: usize = 1024;

type Slot = Arc<AsyncMutex<Option<Instant>>>;

/// See the module. When the last read of each namespace began; the lock of a slot is held while one
/// is under way.
#[derive(Debug, Default)]
pub(super) struct Reads(Mutex<HashMap<String, Slot>>);

impl Reads {
    /// Reads the namespace by `read`, unless that was done since `taken_in`.
    pub(super) async fn refresh<E>(
        &self,
        namespace: &str,
        taken_in: Instant,
        read: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let slot = self.slot(namespace);
        let mut last = slot.lock().await;
        let now = cluster::clock::now();
        if last.is_some_and(|began| began >= taken_in && now < began + FRESH) {
            return Ok(());
        }
        *last = None;
        read.await?;
        *last = Some(now);
        Ok(())
    }

    fn slot(&self, namespace: &str) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() > MANY {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(namespace.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_pods_share_a_read_that_began_after_them() {
        let reads = Reads::default();
        let count = AtomicUsize::new(0);
        let read = || async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(())
        };
        let now = cluster::clock::now();
        let answers = join_all((0..100).map(|_| reads.refresh("web", now, read()))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        let later = cluster::clock::now();
        assert_eq!(reads.refresh("web", later, read()).await, Ok(()));
        assert_eq!(count.load(Ordering::Relaxed), 2, "this Pod came after the read");
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_without_an_answer_counts_for_nobody() {
        let reads = Reads::default();
        let now = cluster::clock::now();
        assert_eq!(reads.refresh("web", now, async { Err("late") }).await, Err("late"));
        assert_eq!(reads.refresh("web", now, async { Ok::<_, ()>(()) }).await, Ok(()));
    }
}
