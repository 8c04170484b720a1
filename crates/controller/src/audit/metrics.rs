//! Metrics of the audit. Of objects only tenants' names are labels: there are as many as tenants
//! with a pool.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::record::Line;
use super::summary::{Summary, TenantPods};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Tenant {
    tenant: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outside {
    tenant: String,
    /// DaemonSet, NodeName, NodeRelabelled …
    cause: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Placement {
    tenant: String,
    /// true or false.
    inside: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Resource {
    tenant: String,
    /// cpu or memory.
    resource: &'static str,
}

/// See the module. Counters go on where the last leader stopped.
#[derive(Clone, Debug, Default)]
pub struct AuditMetrics {
    inside: Family<Tenant, Gauge>,
    outside: Family<Outside, Gauge>,
    placements: Family<Placement, Counter>,
    violations: Family<Tenant, Counter>,
    ended: Family<Tenant, Counter>,
    last_violation: Family<Tenant, Gauge>,
    utilisation: Family<Resource, Gauge<f64, AtomicU64>>,
    unjudged: Gauge,
    backlog: Gauge,
    lag: Gauge,
}

impl AuditMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("pods_inside", "Pods in their tenant's pool", self.inside.clone());
        let outside = "Pods outside their tenant's pool, by cause";
        registry.register("pods_outside", outside, self.outside.clone());
        let placements = "Pods that got a node, by whether that is in their tenant's pool; counted once, whichever replica leads";
        registry.register("placements", placements, self.placements.clone());
        let violations = "Pods that were found outside their tenant's pool";
        registry.register("violations", violations, self.violations.clone());
        let ended = "Pods of those that are inside or gone since";
        registry.register("violations_ended", ended, self.ended.clone());
        let last = "When a Pod was last found outside its tenant's pool";
        registry.register("last_violation_timestamp_seconds", last, self.last_violation.clone());
        let utilisation =
            "What the Pods on the nodes of a tenant's pool ask for, of what those have";
        registry.register("pool_utilisation_ratio", utilisation, self.utilisation.clone());
        let unjudged = "Pods of which it cannot be said whether they are outside";
        registry.register("audit_unjudged_pods", unjudged, self.unjudged.clone());
        registry.register("audit_backlog", "Pods that are to be judged", self.backlog.clone());
        let lag = "Time from the newest placement that was judged to its judgement";
        registry.register("audit_lag_seconds", lag, self.lag.clone());
    }

    /// Sets all of them.
    pub fn show(&self, summary: &Summary) {
        self.inside.clear();
        self.outside.clear();
        self.utilisation.clear();
        self.last_violation.clear();
        self.unjudged.set(gauge(summary.unjudged));
        self.backlog.set(gauge(summary.backlog));
        self.lag.set(summary.lag_seconds);
        for (tenant, row) in &summary.tenants {
            self.show_pods(tenant, row);
            self.show_line(tenant, &row.line);
        }
    }

    fn show_pods(&self, tenant: &str, row: &TenantPods) {
        self.inside.get_or_create(&label(tenant)).set(gauge(row.inside));
        for (cause, count) in &row.causes {
            let labels = Outside { tenant: tenant.to_owned(), cause };
            self.outside.get_or_create(&labels).set(gauge(*count));
        }
        let measured = [("cpu", row.cpu_utilisation()), ("memory", row.memory_utilisation())];
        for (resource, utilisation) in measured {
            let labels = Resource { tenant: tenant.to_owned(), resource };
            if let Some(utilisation) = utilisation {
                self.utilisation.get_or_create(&labels).set(utilisation);
            }
        }
    }

    fn show_line(&self, tenant: &str, line: &Line) {
        for (inside, count) in [("true", line.inside), ("false", line.outside)] {
            let labels = Placement { tenant: tenant.to_owned(), inside };
            set(&self.placements.get_or_create(&labels), count);
        }
        set(&self.violations.get_or_create(&label(tenant)), line.violations);
        set(&self.ended.get_or_create(&label(tenant)), line.ended);
        if let Some(at) = line.last_violation {
            self.last_violation.get_or_create(&label(tenant)).set(at.as_second());
        }
    }
}

fn label(tenant: &str) -> Tenant {
    Tenant { tenant: tenant.to_owned() }
}

/// The counter's value is the record's, not this process's.
fn set(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
