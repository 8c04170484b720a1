//! Bulk: what is said of many namespaces that were written for one reason.

use kube::runtime::events::EventType;

use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{Outcomes, Payer, Report, Topic, reference};

/// The reason of an Event about the namespaces of a tenant.
const NAMESPACES_WRITTEN: &str = "NamespacesWritten";

impl Outcomes {
    /// What an edit of a tenant, or a backfill, has written in all.
    pub(super) fn bulk_written(
        &self,
        api_version: &str,
        kind: &str,
        tenant: &str,
        uid: &str,
        namespaces: usize,
    ) {
        tracing::info!(tenant, namespaces, "written in bulk");
        let note = format!("metadata of {namespaces} namespaces written");
        self.note(|| {
            Entry::new(Sort::Notice, NAMESPACES_WRITTEN, tenant, &note).with_tenant(Some(tenant))
        });
        self.publish(Report {
            about: reference(api_version, kind, tenant, uid),
            topic: Topic::Notice,
            payer: &Payer::Tenant(tenant.to_owned()),
            type_: EventType::Normal,
            reason: NAMESPACES_WRITTEN,
            note,
        });
    }
}
