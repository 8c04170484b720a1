//! Metrics of reports, which the composition root registers beside the controller's.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use cluster::reports::ReportKind;

use crate::metrics::{Outcome, gauge};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfKind {
    /// OpenReports or PolicyReport.
    kind: &'static str,
}

/// See the module. Clones share their values.
#[derive(Clone, Default)]
pub(crate) struct ReportMetrics {
    writes: Family<Outcome, Counter>,
    pending: Gauge,
    kinds: Family<OfKind, Gauge>,
}

impl ReportMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "report_writes",
            "Writes and deletions of reports by outcome",
            self.writes.clone(),
        );
        registry.register(
            "reports_pending",
            "Reports that differ from what is stored",
            self.pending.clone(),
        );
        registry.register(
            "reports_kind",
            "1 for the kind of reports that --reports writes; none where the API server serves no such kind",
            self.kinds.clone(),
        );
    }

    /// One write has ended so: done, conflict, gone or a reason of a failure.
    pub(super) fn count(&self, outcome: &'static str) {
        self.writes.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn set_pending(&self, count: usize) {
        self.pending.set(gauge(count));
    }

    pub(super) fn set_kind(&self, kind: Option<ReportKind>) {
        self.kinds.clear();
        if let Some(kind) = kind {
            self.kinds.get_or_create(&OfKind { kind: kind.word() }).set(1);
        }
    }
}
