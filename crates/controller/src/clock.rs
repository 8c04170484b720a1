//! Clock: what time it is for everything that waits. It is tokio's, which a test can stop and move.

use std::time::Instant;

/// Now, on the monotonic clock.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
