//! Lease: of several replicas, the one that writes. The claim is a Lease object, renewed by its
//! holder; anyone who sees it unchanged for its whole duration may take it. Time is the local
//! monotonic clock, counted from the moment a change was *seen*, so clocks need not agree.

use std::fmt;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use kube::{Client, Error};
use tenancy::requester::Requester;
use tokio::sync::watch;

use crate::{account, clock};

/// The annotation that says as which account the holder works: a [`Requester`] in JSON.
pub const ACCOUNT: &str = "landlord.dev/account";

/// How long a claim holds without renewal.
const DURATION: Duration = Duration::from_secs(15);
/// How long the holder itself believes in it; less, so that two never write at a time.
const RENEW_WITHIN: Duration = Duration::from_secs(10);
/// How often it is renewed, and looked at by the others.
const PERIOD: Duration = Duration::from_secs(2);
/// How long a command waits for the Lease.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Until when this replica may write, and whether the Lease went back to what it was.
#[derive(Clone, Debug)]
pub struct Leadership {
    until: watch::Receiver<Option<Instant>>,
    /// Grows when etcd was restored from a backup.
    restores: watch::Receiver<u64>,
}

/// Which Lease, and who asks for it.
#[derive(Clone)]
pub struct Election {
    client: Client,
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
    holder: Option<String>,
    renewed: Option<MicroTime>,
    since: Instant,
}

impl Seen {
    fn new(found: Option<&Lease>) -> Self {
        let spec = found.and_then(|lease| lease.spec.as_ref());
        Self {
            version: found.and_then(|lease| lease.metadata.resource_version.clone()),
            holder: found.and_then(holder).map(str::to_owned),
            renewed: spec.and_then(|spec| spec.renew_time.clone()),
            since: clock::now(),
        }
    }

    /// Whether this was the case before `earlier`: versions only grow, and so does the time at
    /// which one holder renews it.
    fn is_before(&self, earlier: &Self) -> bool {
        let number = |seen: &Self| seen.version.as_ref()?.parse::<u64>().ok();
        let is_less = |now: Option<u64>, then: Option<u64>| now.is_some() && now < then;
        let same_holder = self.holder.is_some() && self.holder == earlier.holder;
        is_less(number(self), number(earlier))
            || same_holder && self.renewed.is_some() && self.renewed < earlier.renewed
    }
}

/// Whether the API server has said as which account this replica works.
#[derive(Clone, Debug)]
enum Asked {
    NotYet,
    /// `None` where it cannot say.
    Answered(Option<Requester>),
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
        Self { until: receiver, restores: watch::channel(0).1 }
    }

    /// Whether a write may be sent now.
    pub fn holds(&self) -> bool {
        self.until.borrow().is_some_and(|until| clock::now() < until)
    }

    /// Waits for the claim.
    pub async fn gained(&mut self) {
        while !self.holds() {
            if self.until.changed().await.is_err() {
                // Nobody will renew it any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until the Lease is found as it was before it was last seen: etcd was restored from a
    /// backup.
    pub async fn restored(&mut self) {
        if self.restores.changed().await.is_err() {
            // Nobody looks at it.
            std::future::pending::<()>().await;
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
            api: Api::namespaced(client.clone(), namespace),
            client,
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
        let (restored, restores) = watch::channel(0);
        let work = async move {
            tokio::select! {
                () = self.keep(&sender, &restored) => {}
                () = end => {
                    sender.send_replace(None);
                    if let Err(error) = self.release().await {
                        tracing::warn!(%error, "the lease could not be given up; it runs out by itself");
                    }
                }
            }
        };
        (Leadership { until: receiver, restores }, work)
    }

    async fn keep(&self, claim: &watch::Sender<Option<Instant>>, restored: &watch::Sender<u64>) {
        let (mut seen, mut account) = (None, Asked::NotYet);
        loop {
            let began = clock::now();
            let before: Option<Seen> = seen.clone();
            let step = self.step(&mut seen, &account).await;
            if let (Some(now), Some(before)) = (&seen, &before)
                && now.is_before(before)
            {
                restored.send_modify(|number| *number += 1);
            }
            match step {
                Ok(true) => {
                    let before = claim.send_replace(Some(began + RENEW_WITHIN));
                    if before.is_none() {
                        tracing::info!(identity = self.identity, "leading");
                    }
                    self.ask(&mut account).await;
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

    /// Finds out which account this is, once. The next renewal records it.
    async fn ask(&self, account: &mut Asked) {
        if matches!(account, Asked::NotYet)
            && let Ok(answer) = clock::within(PERIOD, account::read(&self.client)).await
        {
            *account = Asked::Answered(answer);
        }
    }

    /// Looks at the Lease and takes or renews it; whether it is ours afterwards.
    async fn step(&self, seen: &mut Option<Seen>, account: &Asked) -> Result<bool, Error> {
        let found = clock::within(PERIOD, self.api.get_opt(&self.name)).await?;
        let now = Seen::new(found.as_ref());
        if seen.as_ref().is_none_or(|seen| seen.version != now.version) {
            *seen = Some(now);
        }
        let since = seen.as_ref().map_or_else(clock::now, |seen| seen.since);
        match decide(found.as_ref().and_then(holder), &self.identity, clock::now() - since) {
            Move::Wait => Ok(false),
            Move::Take | Move::Renew => self.put(found, Some(&self.identity), account).await,
        }
    }

    async fn release(&self) -> Result<(), Error> {
        let found = clock::within(PERIOD, self.api.get_opt(&self.name)).await?;
        if found.as_ref().and_then(holder) == Some(&self.identity) {
            self.put(found, None, &Asked::NotYet).await?;
        }
        Ok(())
    }

    /// Deletes it, unless another client holds it; with `dry`, only says what would become of it.
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
    async fn put(
        &self,
        found: Option<Lease>,
        holder: Option<&str>,
        account: &Asked,
    ) -> Result<bool, Error> {
        let lease = self.lease(found.as_ref(), holder, account);
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

    /// The Lease to write. What others wrote on it (labels, annotations, owner references) stays.
    fn lease(&self, found: Option<&Lease>, holder: Option<&str>, account: &Asked) -> Lease {
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
        let metadata = found.map(|lease| lease.metadata.clone()).unwrap_or_default();
        let mut metadata =
            ObjectMeta { name: Some(self.name.clone()), managed_fields: None, ..metadata };
        if let Asked::Answered(Some(account)) = account {
            let text = serde_json::to_string(account).unwrap_or_default();
            metadata.annotations.get_or_insert_default().insert(ACCOUNT.to_owned(), text);
        }
        Lease { metadata, spec: Some(spec) }
    }
}

/// As which account the controller works that holds this Lease, or held it last; `None` where no
/// controller has said so.
pub async fn read_account(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<Requester>, Error> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let lease = clock::within(READ_WITHIN, leases.get_opt(name)).await?;
    let annotations = lease.and_then(|lease| lease.metadata.annotations).unwrap_or_default();
    Ok(annotations.get(ACCOUNT).and_then(|text| serde_json::from_str(text).ok()))
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
    fn a_lease_of_the_past_shows_a_restore() {
        let seen = |version: &str, holder: &str, second: i64| Seen {
            version: Some(version.to_owned()),
            holder: Some(holder.to_owned()),
            renewed: Timestamp::from_second(second).ok().map(MicroTime),
            since: clock::now(),
        };
        let last = seen("90", "one", 40);
        assert!(!seen("91", "one", 42).is_before(&last), "it is renewed");
        assert!(seen("9", "one", 20).is_before(&last), "versions went back");
        assert!(seen("91", "one", 20).is_before(&last), "they have grown past again");
        assert!(!seen("91", "two", 39).is_before(&last), "the clock of another replica");
        assert!(!Seen::new(None).is_before(&last), "it was deleted");
    }

    /// Other tools label and annotate it: backups, GitOps, owners.
    #[tokio::test]
    async fn what_others_wrote_on_it_stays() {
        let url = "http://127.0.0.1:1".parse().expect("a URL");
        let client = Client::try_from(kube::Config::new(url)).expect("a client");
        let election = Election::new(client, "landlord", "controller", "one".to_owned());
        let found: Lease = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "controller", "resourceVersion": "7", "labels": {"team": "ops"}, "annotations": {"backup": "no"},
                         "managedFields": [{"manager": "kubectl"}]},
            "spec": {"holderIdentity": "two"},
        }))
        .expect("a lease");
        let account = Requester { username: "ann".to_owned(), groups: Vec::new() };
        let lease = election.lease(Some(&found), Some("one"), &Asked::Answered(Some(account)));
        let metadata = serde_json::to_value(&lease.metadata).expect("metadata");
        let expected = serde_json::json!({
            "name": "controller", "resourceVersion": "7", "labels": {"team": "ops"},
            "annotations": {"backup": "no", ACCOUNT: r#"{"username":"ann","groups":[]}"#},
        });
        assert_eq!(metadata, expected);
    }

    #[test]
    fn the_holder_stops_before_another_may_begin() {
        assert!(RENEW_WITHIN + PERIOD < DURATION);
    }
}
