//! Clock: what time it is for everything that waits, how long an answer is waited for, and how a
//! duration is printed. It is tokio's, which a test can stop and move.

use std::time::{Duration, Instant};

use kube::Error;

/// Now, on the monotonic clock.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The answer to a call of the API server, or an error where there is none in time: a connection
/// that is half open would be waited on for a quarter of an hour.
pub async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = || Error::Service(format!("no answer within {} s", limit.as_secs()).into());
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(late()))
}

/// `250 ms`, `12 s`, `9 min`.
pub fn duration_text(time: Duration) -> String {
    match time.as_secs() {
        0..2 => format!("{} ms", time.as_millis()),
        seconds @ 2..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}
