//! Probe: measures how the webhook, the cluster and the controller are doing. The webhook is asked
//! by creations for real tenants that the API server judges and does not store; what it adds is
//! measured by one more that it is not asked about.

use std::iter;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;
use tenancy::ledger;
use tenancy::settings::Settings;

use crate::reconciler::{Reconciler, Shared};
use crate::strategy::conditions::BASELINE;
use crate::strategy::measurement::{Admission, Measurement};
use cluster::admission_policies::trial::Enforcement;
use cluster::clock;
use cluster::error::message;

/// Probes of one measurement. The slowest counts, and three measurements have to agree, so that a
/// single slow one changes nothing while more than one in a hundred does.
const PROBES: usize = 3;
/// A creation that takes longer has failed for anyone who waits for it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(12);
/// After this time without an answer, the next probes do not wait for it.
const HANGING_AFTER: Duration = Duration::from_secs(1);
/// What the namespace would be called; the first name that is not excluded is taken.
const NAMES: [&str; 2] = ["landlord-probe", "probe-of-landlord"];

/// What one measurement leaves for the next.
#[derive(Default)]
pub struct Probe {
    /// Namespaces seen so far, and when they were counted.
    seen: Option<(u64, Instant)>,
    /// The tenant that was probed last: the next ones are those after it.
    last: String,
}

/// A dry-run creation.
struct Sample {
    took: Duration,
    answer: Result<Namespace, String>,
}

impl Probe {
    /// Measures everything, the webhook first.
    pub async fn measure(
        &mut self,
        client: &Client,
        reconciler: &Reconciler,
        guard: Enforcement,
    ) -> Measurement {
        let admission = self.admission(client, reconciler).await;
        let shared = reconciler.shared();
        Measurement {
            admission,
            namespaces: shared.store.claimed(),
            creations_per_second: self.creations_per_second(&shared),
            lag: shared.lag(clock::now()),
            guard,
        }
    }

    async fn admission(&mut self, client: &Client, reconciler: &Reconciler) -> Admission {
        let unknown = |why: &str| Admission::Unknown { why: why.to_owned() };
        let (tenants, label, name) = {
            let shared = reconciler.shared();
            let settings = shared.store.settings();
            let Some(name) = name(settings) else {
                return unknown("excludedNamespaces matches the probes' names");
            };
            (self.next_tenants(&shared, name), settings.tenant_label(), name)
        };
        if tenants.is_empty() {
            return unknown("there is no tenant that a namespace could be created for");
        }
        let baseline =
            create(client, json!({"name": name, "labels": {BASELINE: "baseline"}})).await;
        if let Err(error) = baseline.answer {
            return Admission::Unknown {
                why: format!("a creation that it is not asked about fails as well: {error}"),
            };
        }
        let probes = tenants
            .iter()
            .cycle()
            .take(PROBES)
            .map(|tenant| create(client, json!({"name": name, "labels": {label: tenant}})));
        let samples = one_by_one(probes).await;
        self.last = tenants.last().cloned().unwrap_or_default();
        judge(&samples, baseline.took)
    }

    /// The next few tenants whose namespaces the engine has no fault with, one after the other
    /// through all of them.
    fn next_tenants(&self, shared: &Shared, name: &str) -> Vec<String> {
        let mut names = shared.store.all_tenant_names();
        names.sort_unstable();
        let after = names.partition_point(|name| *name <= self.last);
        names.rotate_left(after);
        names
            .into_iter()
            .filter(|tenant| shared.store.would_accept(name, tenant))
            .take(PROBES)
            .collect()
    }

    /// Since the last measurement; none at the first.
    fn creations_per_second(&mut self, shared: &Shared) -> f64 {
        let (count, now) = (shared.store.arrivals(), clock::now());
        let before = self.seen.replace((count, now));
        before.map_or(0.0, |(earlier, then)| {
            let seconds = now.saturating_duration_since(then).as_secs_f64().max(0.001);
            count.saturating_sub(earlier) as f64 / seconds
        })
    }
}

/// A name that the settings do not exclude.
fn name(settings: &Settings) -> Option<&'static str> {
    NAMES.into_iter().find(|name| !settings.excludes(name))
}

/// One after the other, so that they do not wait for each other; but a webhook that hangs costs its
/// timeout once.
async fn one_by_one(mut probes: impl Iterator<Item = impl Future<Output = Sample>>) -> Vec<Sample> {
    let mut samples = Vec::new();
    while let Some(probe) = probes.next() {
        let mut probe = std::pin::pin!(probe);
        match tokio::time::timeout(HANGING_AFTER, &mut probe).await {
            Ok(sample) => samples.push(sample),
            Err(_) => {
                let (sample, others) = join(probe, join_all(probes.by_ref())).await;
                samples.extend(iter::once(sample).chain(others));
            }
        }
    }
    samples
}

/// Creates a namespace with this metadata, without storing it.
async fn create(client: &Client, metadata: Value) -> Sample {
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": metadata})).unwrap_or_default();
    let began = clock::now();
    let api: Api<Namespace> = Api::all(client.clone());
    let answer = tokio::time::timeout(PROBE_TIMEOUT, api.create(&params, &namespace)).await;
    let took = clock::now().saturating_duration_since(began);
    let late = |_| clock::late_message(PROBE_TIMEOUT);
    Sample {
        took,
        answer: answer.map_err(late).and_then(|answer| answer.map_err(|error| message(&error))),
    }
}

/// Healthy is an answer with a ledger: the webhook was asked, and read the tenant.
fn judge(samples: &[Sample], baseline: Duration) -> Admission {
    let faults: Vec<String> = samples.iter().filter_map(fault).collect();
    let slowest =
        samples.iter().filter(|sample| fault(sample).is_none()).map(|sample| sample.took).max();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Admission::Probed {
        probes: count(samples.len()),
        failures: count(faults.len()),
        latency: slowest.unwrap_or_default().saturating_sub(baseline),
        fault: faults.last().cloned(),
    }
}

fn fault(Sample { answer, .. }: &Sample) -> Option<String> {
    match answer {
        Err(error) => Some(error.clone()),
        Ok(namespace) => {
            let annotations = namespace.metadata.annotations.as_ref();
            let answered =
                annotations.is_some_and(|annotations| annotations.contains_key(ledger::ANNOTATION));
            (!answered).then(|| "the namespace came back without a ledger: the webhook was not asked, or not heard".to_owned())
        }
    }
}
