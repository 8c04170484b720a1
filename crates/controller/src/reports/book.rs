//! Book: what is stored of each namespace, and which reports say something else now. Pure; the
//! clock is the caller's.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::reports::{
    Content, Finding, NAME, Placement, ReportKind, Standing, document, fingerprint,
};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::attempts::Attempts;
use crate::snapshot::{Compliance, NamespaceRow, Namespaces};

/// For so long a namespace may wait for its write before its report says so: an edit of a tenant
/// passes through this state in a moment, and would else cost two reports instead of none.
const PENDING_GRACE: Duration = Duration::from_secs(60);
/// Namespaces whose report is compared at a time. The lock of the rows is held meanwhile.
const MAX_COMPARED: usize = 2048;

/// Where the Pods of a namespace run, by its name; `None` where that is not known (yet).
pub(crate) type PlacementFn = dyn Fn(&str) -> Option<Placement> + Send + Sync;

/// A report that is to be written or deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Task {
    pub(super) namespace: Arc<str>,
    /// Empty where no tenant is claimed.
    pub(super) tenant: String,
    /// Of the namespace.
    uid: String,
    /// What was read of the namespace.
    row: u64,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Write {
        findings: Vec<Finding>,
        /// Of what the report says.
        content: u64,
        /// The version that it replaces.
        version: Option<String>,
    },
    Delete {
        version: String,
    },
}

impl Task {
    /// The report as it is to be stored.
    pub(super) fn document(&self, kind: ReportKind, findings: &[Finding]) -> Value {
        let content = Content {
            name: NAME,
            namespace: &self.namespace,
            uid: Some(&self.uid),
            tenant: Some(self.tenant.as_str()).filter(|tenant| !tenant.is_empty()),
            findings,
        };
        document(kind, &content, Timestamp::now())
    }
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) tasks: Vec<Task>,
    /// How many may be to be written beside these.
    pub(super) more: usize,
    /// Namespaces of which there is a report, or an attempt at one, and that landlord does not look
    /// after any more.
    pub(super) missing: Vec<Arc<str>>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.more == 0 && self.missing.is_empty()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: HashMap<Arc<str>, Entry>,
    /// The revision of the rows in which there was nothing to do, now or later.
    settled: Option<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    stored: Option<Report>,
    /// What was read of the namespace when its report was last seen to fit.
    row: Option<u64>,
    attempts: Attempts,
    pending_since: Option<Instant>,
}

/// A report that is stored: what it says, and in which version.
#[derive(Debug, PartialEq)]
struct Report {
    content: u64,
    version: String,
}

/// What is asked of the book.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) kind: ReportKind,
    /// Where the Pods of a namespace run, where that is known.
    pub(super) placement: Option<&'a PlacementFn>,
    pub(super) now: Instant,
    /// Tasks that are wanted at most.
    pub(super) most: usize,
}

/// Whether the controller has written a report, and not `landlord audit`.
pub(super) fn is_controllers(object: &DynamicObject) -> bool {
    object.metadata.name.as_deref() == Some(NAME)
}

impl Book {
    /// What is stored is listed anew. What was tried in vain stays tried.
    pub(super) fn begin_comparison(&mut self) {
        self.settled = None;
        for entry in self.entries.values_mut() {
            (entry.stored, entry.row) = (None, None);
        }
    }

    /// This report is stored.
    pub(super) fn compare(&mut self, report: &DynamicObject) {
        if !is_controllers(report) {
            return;
        }
        let object = serde_json::to_value(report).unwrap_or_default();
        let content = fingerprint(&object);
        let version = report.resource_version().unwrap_or_default();
        let name = report.namespace().unwrap_or_default();
        let entry = self.entries.entry(name.into()).or_default();
        entry.stored = Some(Report { content, version });
    }

    /// What differs from what is stored.
    pub(super) fn find_changes(&mut self, rows: &Namespaces, asked: Question<'_>) -> Changes {
        let mut changes = Changes::default();
        // Where Pods run is no part of the rows.
        if asked.placement.is_none() && self.settled == Some(rows.revision()) {
            return changes;
        }
        let (mut compared, mut waiting) = (0, 0);
        for (name, row) in rows.iter() {
            let entry = match self.entries.get_mut(name) {
                Some(entry) => entry,
                None => self.entries.entry(Arc::clone(name)).or_default(),
            };
            let placement = asked.placement.and_then(|placement| placement(name));
            let read = fingerprint_row(row, placement.as_ref());
            let has_to_wait = entry.has_to_wait(row, asked.now);
            if entry.row == Some(read) || has_to_wait {
                waiting += usize::from(has_to_wait);
                continue;
            }
            if changes.tasks.len() == asked.most || compared == MAX_COMPARED {
                changes.more += 1;
                continue;
            }
            compared += 1;
            let action = entry.find_action(name, row, placement.as_ref(), asked.kind);
            let task = |action| Task {
                namespace: Arc::clone(name),
                tenant: row.tenant.as_deref().unwrap_or_default().to_owned(),
                uid: row.uid.to_string(),
                row: read,
                action,
            };
            match action {
                Some(action) => changes.tasks.push(task(action)),
                None => entry.row = Some(read),
            }
        }
        if self.entries.len() > rows.len() {
            let missing = self.entries.keys().filter(|name| rows.get(name).is_none());
            changes.missing = missing.cloned().collect();
        }
        let is_settled = waiting == 0 && changes.is_empty();
        self.settled = is_settled.then(|| rows.revision());
        changes
    }

    /// The task for a namespace that landlord does not look after any more; `None` where there is no
    /// report, or where it has to wait.
    pub(super) fn delete(&mut self, namespace: &Arc<str>, now: Instant) -> Option<Task> {
        let entry = self.entries.get(namespace)?;
        let Some(action) = entry.deletion() else {
            self.forget(namespace);
            return None;
        };
        entry.attempts.not_before(now).is_none().then(|| Task {
            namespace: Arc::clone(namespace),
            tenant: String::new(),
            uid: String::new(),
            row: 0,
            action,
        })
    }

    /// It is done; a report that is written has this version now.
    pub(super) fn settle(&mut self, task: &Task, version: String) {
        let entry = self.entries.entry(Arc::clone(&task.namespace)).or_default();
        entry.stored = match &task.action {
            Action::Write { content, .. } => Some(Report { content: *content, version }),
            Action::Delete { .. } => None,
        };
        (entry.row, entry.attempts) = (Some(task.row), Attempts::default());
    }

    /// The namespace is gone, and its report with it.
    pub(super) fn forget(&mut self, namespace: &str) {
        self.entries.remove(namespace);
    }

    /// It failed; whether that is to be reported now.
    pub(super) fn fail(
        &mut self,
        namespace: &str,
        now: Instant,
        retry_after: Option<Duration>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(namespace) else { return false };
        let was_reported = entry.attempts.are_reported();
        entry.attempts.fail(now, retry_after);
        entry.attempts.are_reported() && !was_reported
    }

    /// Another client writes the report as well.
    pub(super) fn conflict(&mut self, namespace: &str, now: Instant) {
        if let Some(entry) = self.entries.get_mut(namespace) {
            entry.attempts.conflict(now);
        }
    }
}

impl Entry {
    /// Whether it is too early: its last attempt has failed, or the namespace is about to be
    /// written.
    fn has_to_wait(&mut self, row: &NamespaceRow, now: Instant) -> bool {
        let is_pending = is_pending(row) && row.trouble.is_none();
        let since = is_pending.then(|| *self.pending_since.get_or_insert(now));
        self.pending_since = since;
        since.is_some_and(|since| now < since + PENDING_GRACE)
            || self.attempts.not_before(now).is_some()
    }

    /// `None` where there is no report.
    fn deletion(&self) -> Option<Action> {
        self.stored.as_ref().map(|stored| Action::Delete { version: stored.version.clone() })
    }

    /// `None` where what is stored fits.
    fn find_action(
        &self,
        name: &str,
        row: &NamespaceRow,
        placement: Option<&Placement>,
        kind: ReportKind,
    ) -> Option<Action> {
        let findings = findings(row, placement);
        if findings.is_empty() {
            return self.deletion();
        }
        let content = Content {
            name: NAME,
            namespace: name,
            uid: Some(&row.uid),
            tenant: row.tenant.as_deref(),
            findings: &findings,
        };
        let content = fingerprint(&document(kind, &content, Timestamp::UNIX_EPOCH));
        let stored = self.stored.as_ref();
        if stored.is_some_and(|stored| stored.content == content) {
            return None;
        }
        let version = stored.map(|stored| stored.version.clone());
        Some(Action::Write { findings, content, version })
    }
}

fn is_pending(row: &NamespaceRow) -> bool {
    row.state == Compliance::Pending
}

/// What there is to say of a namespace; nothing of one that is nobody's and may be.
fn findings(row: &NamespaceRow, placement: Option<&Placement>) -> Vec<Finding> {
    let standing = Standing {
        tenant: row.tenant.as_deref(),
        fault: row.trouble.as_deref(),
        is_pending: is_pending(row),
    };
    if standing.tenant.is_none() && standing.fault.is_none() && !standing.is_pending {
        return Vec::new();
    }
    let judged = [Finding::compliant(&standing), Finding::verified(&standing)];
    judged.into_iter().chain(placement.map(Finding::placement)).collect()
}

/// Of everything that a report is made of. It takes less than to make one.
fn fingerprint_row(row: &NamespaceRow, placement: Option<&Placement>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let fault = row.trouble.as_ref().map(|fault| (fault.reason, &fault.message));
    (&row.uid, &row.tenant, row.state, fault, placement).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
