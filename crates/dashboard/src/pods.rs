//! Pods: those of one tenant that are outside its pool. They are listed when a user looks at that
//! tenant, one list at a time, and for a while the answer counts: a dashboard must not become a
//! load.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use assessment::Assessment;
use assessment::inventory::{Inventory, Listed};
use k8s_openapi::jiff::Timestamp;
use kube::api::Api;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tenancy::namespace::Namespace;
use tokio::sync::Mutex;

use super::Dashboard;
use super::view::time;
use cluster::admission_policies::presence::{Guarded, Parts};
use cluster::clock;
use diagnostics::audit::evidence::{Evidence, pods};
use diagnostics::audit::{Report, Stray, judge};

/// How long an answer counts.
const REPORT_TTL: Duration = Duration::from_secs(30);
/// Tenants whose answers are kept.
const MAX_REPORTS: usize = 32;
/// Pods outside that are listed.
const MAX_ROWS: usize = 200;
/// Namespaces whose history is read, to say why a Pod is outside.
const MAX_EXPLAINED: usize = 20;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Pods of one tenant.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PodsOutside {
    /// When they were listed; the answer counts for half a minute.
    listed: String,
    /// Pods that have a node, in namespaces whose tenant has a node selector.
    pods: usize,
    outside: usize,
    /// Up to 200 of those outside.
    items: Vec<StrayRow>,
    /// What could not be judged.
    not_judged: usize,
    /// Why they could not be listed.
    error: Option<String>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StrayRow {
    namespace: String,
    name: String,
    node: String,
    /// Since when it is there.
    since: Option<String>,
    /// Where it belongs.
    selector: String,
    /// In one word, and in words.
    cause: String,
    why: String,
}

/// The newest answers, by tenant. Who asks meanwhile waits.
#[derive(Default)]
pub(super) struct PodDesk(Mutex<HashMap<String, (PodsOutside, Instant)>>);

impl Dashboard {
    pub(super) async fn pods_outside(self: &Arc<Self>, tenant: &str) -> PodsOutside {
        let mut desk = self.pods.0.lock().await;
        desk.retain(|_, (_, at)| clock::now() < *at + REPORT_TTL);
        if let Some((answer, _)) = desk.get(tenant) {
            return answer.clone();
        }
        let found = tokio::time::timeout(TIMEOUT, self.audit(tenant)).await;
        let found = found.unwrap_or_else(|_| Err(anyhow::anyhow!(clock::late_message(TIMEOUT))));
        let answer = PodsOutside::from_report(tenant, found);
        if desk.len() < MAX_REPORTS {
            desk.insert(tenant.to_owned(), (answer.clone(), clock::now()));
        }
        answer
    }

    /// As `landlord audit` does it, but on what the controller knows of namespaces and nodes.
    async fn audit(self: &Arc<Self>, tenant: &str) -> Result<Report> {
        let assessments = self.assessments(tenant).await;
        let nodes = {
            let nodes = self.subject.snapshots.nodes();
            nodes.labels().map(|(name, labels)| (name.clone(), labels.clone())).collect()
        };
        let settings = self.subject.snapshots.figures().settings.as_ref().clone();
        let client = &self.subject.client;
        let names: Vec<&str> = assessments.iter().map(|one| one.name.as_str()).collect();
        let pods = if names.is_empty() { Vec::new() } else { pods(client, &names).await? };
        let guard = Guarded::Unknown("it was not asked for".to_owned());
        let mut evidence = Evidence { pods, waiting: Vec::new(), nodes, guard };
        let mut inventory = Inventory::from_documents(settings, Vec::new())?;
        let report = judge(&inventory, &assessments, evidence.clone());
        if report.strays.is_empty() {
            return Ok(report);
        }
        // Only now is it worth asking why.
        evidence.guard = match Parts::read(client).await {
            Ok(parts) => parts.guarded(),
            Err(error) => Guarded::Unknown(format!("its policies cannot be listed: {error}")),
        };
        inventory.namespaces = self.histories(&report).await;
        Ok(judge(&inventory, &assessments, evidence))
    }

    async fn assessments(self: &Arc<Self>, tenant: &str) -> Vec<Assessment> {
        let tenant = tenant.to_owned();
        let assess = move |dashboard: &Self| {
            let snapshots = &dashboard.subject.snapshots;
            let names: Vec<Arc<str>> = {
                let namespaces = snapshots.namespaces();
                namespaces.claiming(&tenant).map(|(name, _)| Arc::clone(name)).collect()
            };
            snapshots.assess(&names)
        };
        self.read(assess).await
    }

    /// Namespaces with Pods outside, with `managedFields`: they say since when the selector is
    /// there.
    async fn histories(&self, report: &Report) -> Vec<Listed> {
        let mut names: Vec<&str> =
            report.strays.iter().map(|stray| stray.pod.namespace.as_str()).collect();
        names.dedup();
        let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.subject.client.clone());
        let mut listed = Vec::new();
        for name in names.into_iter().take(MAX_EXPLAINED) {
            // Without it, nothing is said of when.
            let Ok(found) = api.get_metadata(name).await else { continue };
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": found.metadata});
            listed.extend(
                Namespace::from_value(&object).ok().map(|namespace| Listed { namespace, object }),
            );
        }
        listed
    }
}

impl PodsOutside {
    fn from_report(tenant: &str, found: Result<Report>) -> Self {
        let listed = time(Timestamp::now());
        match found {
            Err(error) => Self {
                listed,
                pods: 0,
                outside: 0,
                items: Vec::new(),
                not_judged: 0,
                error: Some(format!("{error:#}")),
            },
            Ok(report) => Self {
                listed,
                pods: report.totals.get(tenant).map_or(0, |total| total.pods),
                outside: report.outside(),
                items: report.strays.iter().take(MAX_ROWS).map(StrayRow::from_stray).collect(),
                not_judged: report.unjudged.len(),
                error: None,
            },
        }
    }
}

impl StrayRow {
    fn from_stray(stray: &Stray) -> Self {
        Self {
            namespace: stray.pod.namespace.clone(),
            name: stray.pod.name.clone(),
            node: stray.pod.node.clone(),
            since: stray.pod.since.map(time),
            selector: stray.pool.selector.to_string(),
            cause: stray.cause.word().to_owned(),
            why: stray.cause.to_string(),
        }
    }
}
