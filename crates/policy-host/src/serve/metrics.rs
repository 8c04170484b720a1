//! Metrics of the server, in Prometheus' text form.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::verdict::Verdict;

/// One evaluation; policies come from a configuration, so their names are bounded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Evaluation {
    policy_name: String,
    accepted: &'static str,
    mutated: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Policy {
    policy_name: String,
}

/// How many evaluations, with which outcome, and how long they took, waiting for a worker included.
pub(super) struct Metrics {
    registry: Registry,
    evaluations: Family<Evaluation, Counter>,
    latency: Family<Policy, Histogram>,
}

impl Metrics {
    pub(super) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("kubewarden");
        let evaluations = Family::default();
        // 100 µs to 3.1 s in steps of a fifth: fine enough to read a p99 from.
        let latency = Family::<Policy, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.0001, 1.2, 58))
        });
        registry.register("policy_evaluations", "Evaluations by outcome", evaluations.clone());
        registry.register(
            "policy_evaluation_latency_seconds",
            "Time from request to answer",
            latency.clone(),
        );
        Arc::new(Self { registry, evaluations, latency })
    }

    pub(super) fn record(&self, policy: &str, verdict: &Verdict, took: Duration) {
        let word = |yes| if yes { "true" } else { "false" };
        let policy_name = policy.to_owned();
        let labels = Evaluation {
            policy_name: policy_name.clone(),
            accepted: word(verdict.allowed),
            mutated: word(!verdict.patch.0.is_empty()),
        };
        self.evaluations.get_or_create(&labels).inc();
        self.latency.get_or_create(&Policy { policy_name }).observe(took.as_secs_f64());
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
