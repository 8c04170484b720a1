//! Auditor: keeps the audit going – finds out where namespaces' Pods belong, judges what has
//! changed, and, as the leader, reports and remembers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::admission_policies::presence::{Guarded, Parts};
use cluster::audit::pool::Pool;
use cluster::clock;
use cluster::leader_record::VIOLATIONS;
use cluster::lease::Leadership;
use k8s_openapi::jiff::Timestamp;
use kube::Error;

use crate::audit::record::Record;
use crate::audit::{Audit, Stray};
use crate::context::Context;
use crate::outcome::Topic;
use crate::snapshot::Snapshots;
use crate::supervisor::Pulse;

mod report;

/// Between two rounds.
const ROUND_INTERVAL: Duration = Duration::from_secs(1);
/// Between two questions whether there is a guard, and what the leader has counted.
const READ_INTERVAL: Duration = Duration::from_secs(30);
/// Between two writes of the record, if there is news; if there is none, it is written so often.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);
const HEARTBEAT: Duration = Duration::from_secs(300);
/// Namespaces that are assessed at a time.
const PART: usize = 128;
/// Pods outside whose Event the budget did not allow yet.
const MAX_UNREPORTED: usize = 1000;

/// See the module.
pub(crate) struct Auditor {
    context: Context,
    snapshots: Arc<Snapshots>,
    leadership: Leadership,
    /// Where the record is.
    namespace: String,
    memory: Memory,
}

/// What it knows of the record in the cluster.
#[derive(Default)]
struct Memory {
    /// Whether this replica counts for all, so that what it has counts, not what is stored.
    counts: bool,
    /// What was written last, its version, and when.
    stored: Option<(Record, String, Instant)>,
    /// When the guard, and the record, were read.
    guard_read: Option<Instant>,
    record_read: Option<Instant>,
    /// The last failure, which is logged once.
    failure: Option<String>,
    unreported: VecDeque<Stray>,
}

impl Auditor {
    pub(crate) fn new(
        context: Context,
        snapshots: Arc<Snapshots>,
        leadership: Leadership,
        namespace: String,
    ) -> Self {
        Self { context, snapshots, leadership, namespace, memory: Memory::default() }
    }

    /// Does not return.
    pub(crate) async fn run(mut self, pulse: Pulse) {
        loop {
            pulse.beat();
            tokio::time::sleep(ROUND_INTERVAL).await;
            if self.context.readiness.is_complete() {
                self.round().await;
            }
        }
    }

    async fn round(&mut self) {
        self.read_guard().await;
        self.find_pools().await;
        self.settle();
        self.adopt().await;
        if self.leadership.holds() && self.memory.counts {
            self.count();
            self.write().await;
        }
        self.summarize();
    }

    /// Finds out where the Pods of namespaces belong that were decided on since.
    async fn find_pools(&self) {
        for name in self.context.reconciler.shared().take_decided() {
            self.with_audit(|audit| audit.touch_namespace(&name));
        }
        loop {
            let names = self.with_audit(|audit| audit.unknown_namespaces(PART));
            if names.is_empty() {
                return;
            }
            let assessments = self.snapshots.assess(&names);
            let settings = self.snapshots.figures().settings;
            self.with_audit(|audit| {
                let mut anywhere: BTreeSet<&str> = names.iter().map(AsRef::as_ref).collect();
                for one in &assessments {
                    anywhere.remove(one.name.as_str());
                    let written = audit.written(&one.name);
                    audit.set_pool(&one.name, Pool::read(one, &written, settings.tenant_label()));
                }
                anywhere.into_iter().for_each(|name| audit.set_pool(name, Ok(None)));
            });
            tokio::task::yield_now().await;
        }
    }

    fn settle(&self) {
        let mut nodes = self.context.reconciler.nodes();
        if nodes.are_known() {
            self.with_audit(|audit| audit.settle(&mut nodes, Timestamp::now()));
        }
    }

    fn summarize(&self) {
        let nodes = self.context.reconciler.nodes();
        self.with_audit(|audit| audit.summarize(&nodes));
    }

    /// For the leader: counts and reports Pods that are outside.
    fn count(&mut self) {
        let new = self.with_audit(|audit| audit.count_violations(Timestamp::now()));
        self.memory.unreported.extend(new);
        let surplus = self.memory.unreported.len().saturating_sub(MAX_UNREPORTED);
        self.memory.unreported.drain(..surplus);
        let outcomes = self.context.reconciler.outcomes();
        for stray in std::mem::take(&mut self.memory.unreported) {
            let payer = self.context.reconciler.shared().store.payer(&stray.namespace);
            let is_sent = outcomes.would_afford(Topic::Violation, &payer)
                && outcomes.placed_outside(&stray, &payer);
            if !is_sent {
                self.memory.unreported.push_back(stray);
            }
        }
    }

    async fn read_guard(&mut self) {
        if !is_due(self.memory.guard_read, READ_INTERVAL) {
            return;
        }
        self.memory.guard_read = Some(clock::now());
        let found = clock::within(clock::ANSWER_TIMEOUT, Parts::read(&self.context.client)).await;
        let guard = match found {
            Ok(parts) => parts.guarded(),
            Err(error) => Guarded::Unknown(format!("its policies cannot be listed: {error}")),
        };
        self.with_audit(|audit| audit.set_guard(guard));
    }

    /// Takes in what leaders have counted: as the leader, once; else every now and then.
    async fn adopt(&mut self) {
        let leads = self.leadership.holds();
        let is_heir = leads && !self.memory.counts;
        if !leads {
            self.memory.counts = false;
            self.memory.unreported.clear();
        }
        if !is_heir && (leads || !is_due(self.memory.record_read, READ_INTERVAL)) {
            return;
        }
        self.memory.record_read = Some(clock::now());
        let read = VIOLATIONS.read(&self.context.client, &self.namespace);
        match clock::within(clock::ANSWER_TIMEOUT, read).await {
            Ok(found) => {
                let version = found.as_ref().map(|stored| stored.version.clone());
                let record = found.and_then(|stored| Record::parse(&stored.text));
                if is_heir || record.is_some() {
                    self.with_audit(|audit| audit.adopt(record.clone(), Timestamp::now()));
                }
                self.memory.stored =
                    record.zip(version).map(|(record, version)| (record, version, clock::now()));
                self.memory.counts = is_heir;
                self.pass();
            }
            Err(error) => self.fail("read", &error),
        }
    }

    /// Writes the record, if it says something new or is old.
    async fn write(&mut self) {
        let stored = self.memory.stored.take();
        let is_early = stored.as_ref().is_some_and(|(_, _, at)| !is_due(Some(*at), WRITE_INTERVAL));
        let is_complete = self.with_audit(|audit| audit.is_complete());
        let record = (!is_early && is_complete).then(|| self.record()).flatten();
        let Some(record) = record else {
            self.memory.stored = stored;
            return;
        };
        let is_news = stored
            .as_ref()
            .is_none_or(|(known, _, at)| !known.says_what(&record) || is_due(Some(*at), HEARTBEAT));
        if !is_news {
            self.memory.stored = stored;
            return;
        }
        let version = stored.as_ref().map(|(_, version, _)| version.as_str());
        let text = serde_json::to_string(&record).unwrap_or_default();
        let write = VIOLATIONS.write(&self.context.client, &self.namespace, &text, version);
        match clock::within(clock::ANSWER_TIMEOUT, write).await {
            Ok(version) => {
                self.memory.stored = Some((record, version, clock::now()));
                self.pass();
            }
            // Another leader has written it, or an admin deleted it: what is there counts.
            Err(Error::Api(status)) if status.code == 409 => self.memory.counts = false,
            Err(error) => {
                self.memory.stored = stored;
                self.fail("written", &error);
            }
        }
    }

    fn record(&self) -> Option<Record> {
        let tenants = self.context.reconciler.shared().store.all_tenant_names();
        let tenants: BTreeSet<String> = tenants.into_iter().collect();
        self.with_audit(|audit| audit.record(Timestamp::now(), &tenants))
    }

    fn fail(&mut self, verb: &str, error: &Error) {
        let failure = error.to_string();
        if self.memory.failure.as_ref() != Some(&failure) {
            tracing::warn!(
                configmap = VIOLATIONS.name(),
                error = failure,
                "what was counted of Pods outside cannot be {verb}"
            );
            self.memory.failure = Some(failure);
        }
    }

    fn pass(&mut self) {
        self.memory.failure = None;
    }

    fn with_audit<T: Default>(&self, action: impl FnOnce(&mut Audit) -> T) -> T {
        self.context.reconciler.audit().map(|mut audit| action(&mut audit)).unwrap_or_default()
    }
}

fn is_due(last: Option<Instant>, interval: Duration) -> bool {
    last.is_none_or(|last| clock::now() >= last + interval)
}
