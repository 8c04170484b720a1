//! Status: what a Tenant of landlord's own says of its namespaces. Written by the leader, when it
//! changed, and not more often than once in a while.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;
use tenancy::settings::TenantSource;

use crate::context::Context;
use crate::outcome::shortened;
use crate::snapshot::{Compliance, Figures, Snapshots, TenantRow, Totals};
use crate::store::Identity;
use crate::supervisor::Pulse;
use assessment::Fault;
use cluster::clock;
use cluster::lease::Leadership;
use cluster::reports::ReportKind;

mod behind;
mod bulk;
mod nodes;
mod pods;

use self::behind::Behind;
use self::nodes::nodes_match;

/// How often the counts are looked at.
const WRITE_INTERVAL: Duration = Duration::from_secs(2);
/// Statuses that are written at a time.
const MAX_IN_FLIGHT: usize = 8;
const API_VERSION: &str = "landlord.dev/v1alpha1";

/// What became of a status.
enum Sent {
    Stored,
    /// The tenant is another than the one that was counted.
    Behind,
    NotLeading,
}

/// See the module.
pub(crate) struct Statuses {
    pub context: Context,
    pub snapshots: Arc<Snapshots>,
    pub leadership: Leadership,
}

/// A tenant's numbers, and what else its status says. What is equal is not written again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    identity: Identity,
    totals: Totals,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    kind: &'static str,
    /// `None` where it is not known.
    holds: Option<bool>,
    reason: &'static str,
    message: String,
}

impl Statuses {
    /// Writes what changed, again and again. Does not return.
    pub(crate) async fn run(self, pulse: Pulse) {
        let mut written: HashMap<String, Facts> = HashMap::new();
        let mut behind = Behind::default();
        let mut makers_read = None;
        let mut relist = self.context.signals.relist.subscribe();
        loop {
            pulse.beat();
            tokio::time::sleep(WRITE_INTERVAL).await;
            if relist.has_changed().unwrap_or_default() {
                // What was written last may be lost with what etcd held.
                relist.mark_unchanged();
                written.clear();
            }
            if !self.leadership.holds() || !self.context.readiness.is_complete() {
                // Anyone who leads next begins with all of them.
                written.clear();
                continue;
            }
            if self.context.reconciler.shared().work.queue.is_bulk_held() {
                // Not every namespace has been judged.
                continue;
            }
            self.tell_bulk().await;
            self.look_for_makers(&mut makers_read).await;
            let facts = self.facts();
            let names: HashSet<&String> = facts.iter().map(|(name, _)| name).collect();
            written.retain(|tenant, _| names.contains(tenant));
            let news = facts
                .into_iter()
                .filter(|(tenant, facts)| written.get(tenant) != Some(facts))
                .collect();
            let found = self.write_all(news, &mut written, &pulse).await;
            if let Some(tenant) = behind.count(found) {
                tracing::warn!(
                    tenant,
                    "a tenant is not as its watch says: everything is listed anew"
                );
                self.context.signals.list_anew();
            }
        }
    }

    /// A few at a time; what could not be written is tried again in the next round. Tenants that
    /// were found to be others than their watch has brought, and what it has brought.
    async fn write_all(
        &self,
        news: Vec<(String, Facts)>,
        written: &mut HashMap<String, Facts>,
        pulse: &Pulse,
    ) -> Vec<(String, Identity)> {
        let write = |(tenant, facts): (String, Facts)| async move {
            let answer = if self.leadership.holds() {
                self.write(&tenant, &facts).await
            } else {
                Ok(Sent::NotLeading)
            };
            (tenant, facts, answer)
        };
        let mut behind = Vec::new();
        let mut answers = stream::iter(news).map(write).buffer_unordered(MAX_IN_FLIGHT);
        while let Some((tenant, facts, answer)) = answers.next().await {
            pulse.beat();
            match answer {
                Ok(Sent::Stored) => {
                    written.insert(tenant, facts);
                }
                Ok(Sent::Behind) => behind.push((tenant, facts.identity)),
                Ok(Sent::NotLeading) => {}
                Err(error) => tracing::debug!(tenant, %error, "status not written"),
            }
        }
        behind
    }

    /// Of landlord's own tenants; the status of others is not ours to write.
    fn facts(&self) -> Vec<(String, Facts)> {
        let Figures { settings, refused_settings, wrong_account, reports, .. } =
            self.snapshots.figures();
        if settings.source.kind().is_none_or(|(api_version, _)| api_version != API_VERSION) {
            return Vec::new();
        }
        let gated = self.snapshots.gated_pods();
        let makers = self.snapshots.makers();
        let (tenants, mut nodes) = (self.snapshots.tenants(), self.snapshots.nodes());
        let facts = |(name, row): (&String, &TenantRow)| {
            let tenant = row.tenant.as_ref().ok().and_then(Option::as_deref);
            let conditions = [
                ready(row, refused_settings.as_deref(), wrong_account.as_deref()),
                converged(row),
                nodes_match(&mut nodes, tenant, &makers),
            ];
            let released = gated.as_ref().map(|gated| pods::released(gated.get(name)));
            let conditions =
                conditions.into_iter().chain(released).chain(reports.map(reported)).collect();
            (name.clone(), Facts { identity: row.identity.clone(), totals: row.totals, conditions })
        };
        tenants.iter().filter(|(_, row)| row.exists() && row.is_judged).map(facts).collect()
    }

    /// One Event for what was written in bulk, once all of it is.
    async fn tell_bulk(&self) {
        let (source, bulk) = {
            let mut shared = self.context.reconciler.shared();
            if shared.bulk.is_empty() || shared.is_filling() {
                return;
            }
            (Arc::clone(shared.store.settings()), std::mem::take(&mut shared.bulk))
        };
        for (tenant, namespaces) in bulk {
            let Some(uid) = self.uid(&source.source, &tenant).await else { continue };
            let (api_version, kind) = source.source.kind().unwrap_or_default();
            self.context.reconciler.outcomes().bulk_written(
                api_version,
                kind,
                &tenant,
                &uid,
                namespaces,
            );
        }
    }

    async fn uid(&self, source: &TenantSource, tenant: &str) -> Option<String> {
        let (api_version, kind) = source.kind()?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let reference = source.reference(tenant)?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let api: Api<DynamicObject> = match &reference.namespace {
            Some(namespace) => {
                Api::namespaced_with(self.context.client.clone(), namespace, &resource)
            }
            None => Api::all_with(self.context.client.clone(), &resource),
        };
        // Without it, the Event is left out: the log has it.
        clock::within(clock::ANSWER_TIMEOUT, api.get_metadata(&reference.name))
            .await
            .ok()?
            .metadata
            .uid
    }

    async fn write(&self, tenant: &str, facts: &Facts) -> Result<Sent, kube::Error> {
        let kind = GroupVersionKind::gvk("landlord.dev", "v1alpha1", "Tenant");
        let api: Api<DynamicObject> =
            Api::all_with(self.context.client.clone(), &ApiResource::from_gvk(&kind));
        let current = clock::within(clock::ANSWER_TIMEOUT, api.get(tenant)).await?;
        // What was counted is about a spec that is not the one that is there any more: the next
        // round counts anew.
        if current.metadata.uid.as_ref() != Some(&facts.identity.uid)
            || current.metadata.generation != Some(facts.identity.generation)
        {
            return Ok(Sent::Behind);
        }
        let status = status(&current, facts);
        if current.data.get("status") == Some(&status) {
            return Ok(Sent::Stored);
        }
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        // Anyone who was frozen in between, and leads no more, meets a newer version.
        let patch = Patch::Merge(
            json!({"metadata": {"uid": current.metadata.uid, "resourceVersion": current.metadata.resource_version},
                                        "status": status}),
        );
        clock::within(clock::ANSWER_TIMEOUT, api.patch_status(tenant, &params, &patch)).await?;
        Ok(Sent::Stored)
    }
}

fn ready(
    row: &TenantRow,
    refused_settings: Option<&str>,
    wrong_account: Option<&str>,
) -> Condition {
    let (holds, reason, message) = match (&row.tenant, refused_settings, wrong_account) {
        (Err(error), ..) => (false, "Invalid", error.clone()),
        (Ok(_), _, Some(error)) => {
            (true, "WrongAccount", format!("the tenant can be used, but {error}"))
        }
        (Ok(_), Some(error), None) => (
            true,
            "OldSettings",
            format!(
                "the tenant can be used, but by earlier settings: the newest are refused: {error}"
            ),
        ),
        (Ok(_), None, None) => (true, "Valid", "the tenant can be used".to_owned()),
    };
    Condition { kind: "Ready", holds: Some(holds), reason, message }
}

fn converged(row: &TenantRow) -> Condition {
    let total = row.totals.all();
    let behind = total - row.totals.compliant;
    let (reason, message) = match (behind, &row.trouble) {
        (0, _) => ("Compliant", format!("{total} namespaces are compliant")),
        (_, Some((namespace, Fault { reason, message }))) => {
            let others = if behind > 1 {
                format!("{behind} of {total} namespaces are not compliant; ")
            } else {
                String::new()
            };
            (reason.word(), shortened(format!("{others}namespace {namespace}: {message}")))
        }
        (_, None) => ("Pending", format!("{behind} of {total} namespaces are not compliant")),
    };
    Condition { kind: "Converged", holds: Some(behind == 0), reason, message }
}

/// Whether there are reports about the tenant's namespaces.
fn reported(kind: Option<ReportKind>) -> Condition {
    let (reason, message) = match kind {
        Some(kind) => {
            (kind.word(), format!("each namespace has a report of {}", kind.api_version()))
        }
        None => {
            let [first, second] = ReportKind::ALL.map(ReportKind::api_version);
            let message = format!("the API server serves neither {first} nor {second}");
            ("NoReportKind", message)
        }
    };
    Condition { kind: "Reported", holds: Some(kind.is_some()), reason, message }
}

fn status(current: &DynamicObject, facts: &Facts) -> Value {
    let counts = Compliance::ALL.map(|state| (state.word(), facts.totals.count(state)));
    let total = ("total", facts.totals.all());
    let namespaces: BTreeMap<&str, usize> = counts.into_iter().chain([total]).collect();
    let generation = facts.identity.generation;
    let conditions: Vec<Value> =
        facts.conditions.iter().map(|one| condition(current, generation, one)).collect();
    json!({"observedGeneration": generation, "namespaces": namespaces, "conditions": conditions})
}

/// A condition; its time is that of its last change.
fn condition(
    current: &DynamicObject,
    generation: i64,
    Condition { kind, holds, reason, message }: &Condition,
) -> Value {
    let word = match holds {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let earlier = current.data.pointer("/status/conditions").and_then(Value::as_array);
    let same =
        earlier.into_iter().flatten().find(|one| one["type"] == *kind && one["status"] == word);
    let since = same.and_then(|one| one.get("lastTransitionTime").cloned()).unwrap_or_else(|| {
        let now = Timestamp::now();
        json!(now.round(k8s_openapi::jiff::Unit::Second).unwrap_or(now).to_string())
    });
    json!({"type": kind, "status": word, "reason": reason, "message": message, "observedGeneration": generation, "lastTransitionTime": since})
}
