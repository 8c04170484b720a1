//! Metrics of the strategy, which the composition root registers beside the controller's.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Mode;
use super::measurement::{Admission, Measurement};
use cluster::admission_policies::trial::Enforcement;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InMode {
    mode: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// See the module. Clones share their values.
#[derive(Clone, Default)]
pub struct StrategyMetrics {
    modes: Family<InMode, Gauge>,
    changes: Counter,
    probes: Family<Outcome, Counter>,
    latency: Gauge<f64, AtomicU64>,
    guarded: Gauge,
}

impl StrategyMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "strategy",
            "The mode in force is 1, where a strategy is set",
            self.modes.clone(),
        );
        registry.register("strategy_changes", "Changes of the mode", self.changes.clone());
        registry.register(
            "admission_probes",
            "Dry-run creations for tenants: answered with a ledger, or failed",
            self.probes.clone(),
        );
        registry.register(
            "admission_probe_seconds",
            "What the webhook adds to a creation, by the newest probes",
            self.latency.clone(),
        );
        registry.register(
            "guard_enforced",
            "Whether the guard was shown to keep Pods out",
            self.guarded.clone(),
        );
    }

    pub fn show(&self, mode: Mode) {
        for one in Mode::ALL {
            self.modes.get_or_create(&InMode { mode: one.word() }).set(i64::from(one == mode));
        }
    }

    /// No strategy is set, or another replica leads.
    pub fn clear(&self) {
        self.modes.clear();
    }

    pub fn change(&self) {
        self.changes.inc();
    }

    pub fn measured(&self, measurement: &Measurement) {
        self.guarded.set(i64::from(measurement.guard == Enforcement::Enforced));
        let Admission::Probed { probes, failures, latency, .. } = &measurement.admission else {
            return;
        };
        self.latency.set(latency.as_secs_f64());
        for (outcome, count) in
            [("healthy", probes.saturating_sub(*failures)), ("failed", *failures)]
        {
            self.probes.get_or_create(&Outcome { outcome }).inc_by(count.into());
        }
    }
}
