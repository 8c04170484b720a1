//! Lease: of several replicas, the one that writes. The claim is a Lease object, renewed by its
//! holder; whoever sees it unchanged for its whole duration may take it. Time is the local
//! monotonic clock, counted from the moment a change was *seen*, so clocks need not agree.

use std::fmt;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::{Client, Error};
use tokio::sync::watch;

use crate::clock;

/// How long a claim holds without renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How long the holder itself believes in it; less, so that two never write at a time.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// How often it is renewed, and looked at by the others.
const PERIOD: Duration = Duration::from_secs(2);

/// Until when this replica may write.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

/// Which Lease, and who asks for it.
#[derive(Clone)]
pub struct Election {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
}

/// What became of a Lease that was to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    Done,
    Absent,
    /// By this one.
    Held(String),
}

/// What was last seen of the Lease.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    version: Option<String>,
    since: Instant,
}

/// What to do about the Lease, decided on what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Take,
    Renew,
    Wait,
}

impl Leadership {
    /// A replica that is alone.
    pub fn forever() -> Self {
        let (sender, receiver) =
            watch::channel(clock::now().checked_add(Duration::from_secs(u32::MAX.into())));
        // The value stays readable after its sender is gone.
        drop(sender);
        Self(receiver)
    }

    /// Whether a write may be sent now.
    pub fn holds(&self) -> bool {
        self.0.borrow().is_some_and(|until| clock::now() < until)
    }

    /// Waits for the claim.
    pub async fn gained(&mut self) {
        while !self.holds() {
            if self.0.changed().await.is_err() {
                // Nobody will renew it any more.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl fmt::Display for Election {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease {}/{}", self.namespace, self.name)
    }
}

impl Election {
    pub fn new(client: Client, namespace: &str, name: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity,
        }
    }

    /// The claim, and the work that keeps it; when `end` comes, the claim is given up so that
    /// another replica takes over at once.
    pub fn run(
        self,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> (Leadership, impl Future<Output = ()> + Send) {
        let (sender, receiver) = watch::channel(None);
        let work = async move {
            tokio::select! {
                () = self.keep(&sender) => {}
                () = end => {
                    sender.send_replace(None);
                    if let Err(error) = self.release().await {
                        tracing::warn!(%error, "the lease could not be given up; it runs out by itself");
                    }
                }
            }
        };
        (Leadership(receiver), work)
    }

    async fn keep(&self, claim: &watch::Sender<Option<Instant>>) {
        let mut seen = None;
        loop {
            let began = clock::now();
            match self.step(&mut seen).await {
                Ok(true) => {
                    let before = claim.send_replace(Some(began + RENEW_WITHIN));
                    if before.is_none() {
                        tracing::info!(identity = self.identity, "leading");
                    }
                }
                Ok(false) => {
                    if claim.send_replace(None).is_some() {
                        tracing::warn!(identity = self.identity, "another replica leads");
                    }
                }
                // The claim runs out by itself if this goes on.
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            }
            tokio::time::sleep(PERIOD.saturating_sub(clock::now() - began)).await;
        }
    }

    /// Looks at the Lease and takes or renews it; whether it is ours afterwards.
    async fn step(&self, seen: &mut Option<Seen>) -> Result<bool, Error> {
        let found = clock::within(PERIOD, self.api.get_opt(&self.name)).await?;
        let version = found.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if seen.as_ref().is_none_or(|seen| seen.version != version) {
            *seen = Some(Seen { version, since: clock::now() });
        }
        let since = seen.as_ref().map_or_else(clock::now, |seen| seen.since);
        match decide(found.as_ref().and_then(holder), &self.identity, clock::now() - since) {
            Move::Wait => Ok(false),
            Move::Take | Move::Renew => self.put(found, Some(&self.identity)).await,
        }
    }

    async fn release(&self) -> Result<(), Error> {
        let found = clock::within(PERIOD, self.api.get_opt(&self.name)).await?;
        if found.as_ref().and_then(holder) == Some(&self.identity) {
            self.put(found, None).await?;
        }
        Ok(())
    }

    /// Deletes it, unless somebody else holds it; with `dry`, only says what would become of it.
    pub async fn delete(&self, dry: bool) -> Result<Deletion, Error> {
        let Some(found) = clock::within(PERIOD, self.api.get_opt(&self.name)).await? else {
            return Ok(Deletion::Absent);
        };
        if dry {
            return Ok(Deletion::Done);
        }
        if let Some(other) = holder(&found).filter(|holder| *holder != self.identity) {
            return Ok(Deletion::Held(other.to_owned()));
        }
        let version = Preconditions {
            resource_version: found.metadata.resource_version,
            uid: found.metadata.uid,
        };
        let params = DeleteParams { preconditions: Some(version), ..DeleteParams::default() };
        clock::within(PERIOD, self.api.delete(&self.name, &params)).await.map(|_| Deletion::Done)
    }

    /// Writes the Lease over the state that was read; false if another replica was faster.
    async fn put(&self, found: Option<Lease>, holder: Option<&str>) -> Result<bool, Error> {
        let lease = self.lease(found.as_ref(), holder);
        let params = PostParams::default();
        let answer = async {
            match found {
                None => self.api.create(&params, &lease).await,
                Some(_) => self.api.replace(&self.name, &params, &lease).await,
            }
        };
        match clock::within(PERIOD, answer).await {
            Ok(_) => Ok(true),
            Err(Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn lease(&self, found: Option<&Lease>, holder: Option<&str>) -> Lease {
        let earlier = found.and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let now = MicroTime(Timestamp::now());
        let taken = earlier.holder_identity.as_deref() != holder;
        let spec = LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if taken { Some(now.clone()) } else { earlier.acquire_time },
            renew_time: Some(now),
            lease_transitions: Some(
                earlier
                    .lease_transitions
                    .unwrap_or(0)
                    .saturating_add(i32::from(taken && holder.is_some())),
            ),
            ..LeaseSpec::default()
        };
        let version = found.and_then(|lease| lease.metadata.resource_version.clone());
        let metadata = ObjectMeta {
            name: Some(self.name.clone()),
            resource_version: version,
            ..ObjectMeta::default()
        };
        Lease { metadata, spec: Some(spec) }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// `unchanged` is how long the Lease has been seen as it is.
fn decide(holder: Option<&str>, identity: &str, unchanged: Duration) -> Move {
    match holder {
        None => Move::Take,
        Some(holder) if holder == identity => Move::Renew,
        Some(_) if unchanged > DURATION => Move::Take,
        Some(_) => Move::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_that_stood_still_is_taken() {
        let (short, long) = (DURATION, DURATION + Duration::from_millis(1));
        assert_eq!(decide(None, "a", Duration::ZERO), Move::Take);
        assert_eq!(decide(Some("a"), "a", long), Move::Renew);
        assert_eq!(decide(Some("b"), "a", short), Move::Wait);
        assert_eq!(decide(Some("b"), "a", long), Move::Take);
    }

    #[test]
    fn the_holder_stops_before_another_may_begin() {
        assert!(RENEW_WITHIN + PERIOD < DURATION);
    }
}
