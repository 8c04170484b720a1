//! Post: sends Events, a few at a time, so that nothing waits for an API server that does not take
//! them. What is not answered is sent again, and given up after a few tries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::clock;
use kube::Error;
use tokio::sync::Semaphore;

use crate::work::OnDrop;

/// Events that are sent at a time.
const MAX_UNDER_WAY: usize = 8;
/// Events that wait for it; more are not taken.
const MAX_WAITING: usize = 1000;
/// How often one is sent, and the wait after the first time; twice as long after each further one.
const MAX_TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Post {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Post {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_UNDER_WAY)), waiting: Arc::default() }
    }
}

impl Post {
    /// Whether it takes one more.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < MAX_WAITING
    }

    /// Sends what `write` writes; false where there is no room for it.
    pub(super) fn send<F>(&self, write: impl Fn() -> F + Send + 'static) -> bool
    where
        F: Future<Output = Result<(), Error>> + Send,
    {
        if !self.has_room() {
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let (slots, waiting) = (Arc::clone(&self.slots), Arc::clone(&self.waiting));
        tokio::spawn(async move {
            let _room = OnDrop(|| {
                waiting.fetch_sub(1, Ordering::Relaxed);
            });
            deliver(&slots, write).await;
        });
        true
    }
}

async fn deliver<F>(slots: &Semaphore, write: impl Fn() -> F)
where
    F: Future<Output = Result<(), Error>>,
{
    for tries in 0..MAX_TRIES {
        let answer = {
            let _slot = slots.acquire().await;
            clock::within(clock::ANSWER_TIMEOUT, write()).await
        };
        let Err(error) = answer else { return };
        if is_there(&error) {
            return;
        }
        if is_lasting(&error) || tries + 1 == MAX_TRIES {
            return tracing::warn!(%error, tries = tries + 1, "an event is given up");
        }
        tracing::debug!(%error, tries = tries + 1, "event not written");
        tokio::time::sleep(clock::backoff(FIRST_WAIT, tries, clock::ANSWER_TIMEOUT)).await;
    }
}

/// An earlier try was stored, and its answer was lost.
fn is_there(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 409)
}

/// Whether the answer would be the same again.
fn is_lasting(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code < 500 && status.code != 429)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn refusal(code: u16) -> Error {
        Error::Api(Box::new(kube::core::Status { code, ..kube::core::Status::default() }))
    }

    /// Answers so, one after the other, then well; and how often it was asked.
    async fn deliver_against(codes: &[u16]) -> usize {
        let codes = Mutex::new(codes.iter().rev().copied().collect::<Vec<u16>>());
        let asked = AtomicUsize::new(0);
        deliver(&Semaphore::new(1), || async {
            asked.fetch_add(1, Ordering::Relaxed);
            codes.lock().expect("codes").pop().map_or(Ok(()), |code| Err(refusal(code)))
        })
        .await;
        asked.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_be_answered_better_is_sent_again() {
        assert_eq!(deliver_against(&[]).await, 1);
        assert_eq!(deliver_against(&[503, 429, 500]).await, 4);
        assert_eq!(deliver_against(&[500; 10]).await, MAX_TRIES as usize);
        assert_eq!(deliver_against(&[409, 500]).await, 1, "it is there");
        assert_eq!(deliver_against(&[500, 403]).await, 2, "it may not be");
    }

    /// An API server that answers no Event costs a bounded number of tasks and requests.
    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded() {
        let post = Post::default();
        let under_way = Arc::new(AtomicUsize::new(0));
        let taken = (0..3 * MAX_WAITING).filter(|_| {
            let under_way = Arc::clone(&under_way);
            post.send(move || {
                let under_way = Arc::clone(&under_way);
                async move {
                    under_way.fetch_add(1, Ordering::Relaxed);
                    std::future::pending().await
                }
            })
        });
        assert_eq!(taken.count(), MAX_WAITING);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(under_way.load(Ordering::Relaxed), MAX_UNDER_WAY);
        tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
        assert!(post.has_room(), "they are given up");
    }
}
