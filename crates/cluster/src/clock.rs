//! Clock: what time it is for everything that waits, how long an answer is waited for, and how a
//! duration is printed. It is tokio's, which a test can stop and move.

use std::time::{Duration, Instant};

use kube::Error;

/// How long the API server's answer to a read or a write of one object is waited for. No answer
/// within this time counts as a failure; the next look finds out whether a write arrived.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

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
    let late = || Error::Service(late_message(limit).into());
    tokio::time::timeout(limit, call).await.unwrap_or_else(|_| Err(late()))
}

/// What is reported where there is no answer in time.
pub fn late_message(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}

/// The wait after this many failures beyond the first: `first`, twice as long each time, up to
/// `last`.
pub fn backoff(first: Duration, further: u32, last: Duration) -> Duration {
    first.saturating_mul(1 << further.min(16)).min(last)
}

/// `250 ms`, `12 s`, `9 min`.
pub fn duration_text(time: Duration) -> String {
    match time.as_secs() {
        0..2 => format!("{} ms", time.as_millis()),
        seconds @ 2..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, 1)]
    #[case(1, 2)]
    #[case(5, 32)]
    #[case(6, 60)]
    #[case(u32::MAX, 60)]
    fn backoff_doubles_up_to_the_last(#[case] further: u32, #[case] seconds: u64) {
        let wait = backoff(Duration::from_secs(1), further, Duration::from_secs(60));
        assert_eq!(wait, Duration::from_secs(seconds));
    }
}
