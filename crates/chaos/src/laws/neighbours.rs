//! Neighbours: where some namespaces fail, others are served, tries are few, and each of those that
//! fail is reported.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Laws, Rest};

/// Within this time a new namespace is compliant and its first Pod goes, whatever becomes of
/// others.
pub const DELAY: Duration = Duration::from_secs(5);
/// Within this time …
const WINDOW: Duration = Duration::from_secs(60);
/// … one key is tried so often at most …
const TRIES: usize = 10;
/// … and for each thing that happened of late, so often more: an edit, a restart, a fault that has
/// ended, each may begin the count anew.
const TRIES_AN_EVENT: usize = 3;

/// A moment at which nothing is wrong but what admission does to some namespaces or their Pods.
#[derive(Debug, Default)]
pub struct Calm {
    pub rest: Rest,
    /// Namespaces whose patches admission does not let through.
    pub failing: BTreeSet<String>,
}

impl Laws {
    /// Something happens that may cost tries.
    pub fn see_event(&mut self, at: Duration) {
        self.events.push(at);
    }

    /// A namespace, or a Pod by `NAMESPACE/NAME`, is to be patched.
    pub fn see_try(&mut self, key: &str, at: Duration) {
        self.tries.entry(key.to_owned()).or_default().push(at);
    }

    /// No key is tried more often than it may be.
    pub fn see_tries(&mut self) {
        let (tries, events) = (std::mem::take(&mut self.tries), std::mem::take(&mut self.events));
        for (key, times) in &tries {
            let worst = times.iter().map(|from| {
                let count = within(times, *from, *from + WINDOW);
                let of_late = within(&events, from.saturating_sub(WINDOW), *from + WINDOW);
                (count, TRIES + TRIES_AN_EVENT * of_late, *from)
            });
            let worst = worst.max_by_key(|(count, allowed, _)| count.saturating_sub(*allowed));
            let Some((count, allowed, from)) = worst else { continue };
            self.check(count <= allowed, || {
                let seconds = from.as_secs();
                format!("tries: {key} {count} times in the minute from second {seconds} on, where {allowed} are allowed")
            });
        }
    }

    /// Whatever is not compliant is reported, while its cause lasts.
    pub fn see_reports(&mut self, calm: &Calm) {
        for namespace in &calm.rest.namespaces {
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            let tenant = calm.rest.tenant_of(namespace);
            let Some(tenant) = tenant.filter(|_| calm.failing.contains(name)) else { continue };
            let wrong = self.differences(namespace, tenant);
            self.check(wrong.is_empty() || calm.rest.reported.contains(name), || {
                format!("report: {name} fails, and that is not reported: {}", wrong.join(", "))
            });
        }
    }

    /// A new namespace was compliant and its Pod released after this time; `None` where they were
    /// not within [`DELAY`].
    pub fn see_delay(&mut self, name: &str, took: Option<Duration>, failing: &BTreeSet<String>) {
        self.check(took.is_some_and(|took| took <= DELAY), || {
            format!("delay: {name} was not served within {} s beside {failing:?}", DELAY.as_secs())
        });
    }
}

fn within(times: &[Duration], from: Duration, to: Duration) -> usize {
    times.iter().filter(|at| (from..to).contains(*at)).count()
}
