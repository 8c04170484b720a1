//! Status: what a Tenant of landlord's own says of its namespaces. Written by the leader, when it changed, and not more often than
//! once in a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::{Value, json};

use crate::lease::Leadership;
use crate::reconciler::Reconciler;
use crate::store::Compliance;
use crate::watch::Readiness;
use crate::writer::FIELD_MANAGER;

/// How often the counts are looked at.
const PERIOD: Duration = Duration::from_secs(2);
const API_VERSION: &str = "landlord.dev/v1alpha1";

/// See the module.
pub(crate) struct Statuses {
    pub(crate) client: Client,
    pub(crate) reconciler: Arc<Reconciler>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) leadership: Leadership,
}

/// A tenant's numbers, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    counts: [(Compliance, usize); 4],
    error: Option<String>,
}

impl Statuses {
    /// Writes what changed, again and again. Does not return.
    pub(crate) async fn run(self) {
        let mut written: HashMap<String, Facts> = HashMap::new();
        loop {
            tokio::time::sleep(PERIOD).await;
            if !self.leadership.holds() || !self.readiness.is_complete() {
                // Whoever leads next begins with all of them.
                written.clear();
                continue;
            }
            for (tenant, facts) in self.facts() {
                if written.get(&tenant) == Some(&facts) {
                    continue;
                }
                match self.write(&tenant, &facts).await {
                    Ok(()) => drop(written.insert(tenant, facts)),
                    Err(error) => tracing::debug!(tenant, %error, "status not written"),
                }
            }
        }
    }

    /// Of landlord's own tenants; the status of others is not ours to write.
    fn facts(&self) -> Vec<(String, Facts)> {
        let shared = self.reconciler.shared();
        if shared.store.settings().source.kind().is_none_or(|(api_version, _)| api_version != API_VERSION) {
            return Vec::new();
        }
        let states = [Compliance::Compliant, Compliance::Pending, Compliance::Conflicted, Compliance::Failed];
        let facts = |name: String| {
            let counts = shared.store.counts(&name);
            let facts = Facts {
                counts: states.map(|state| (state, counts.get(&state).copied().unwrap_or(0))),
                error: shared.store.tenant(&name).err(),
            };
            (name, facts)
        };
        shared.store.tenant_names().into_iter().map(facts).collect()
    }

    async fn write(&self, tenant: &str, facts: &Facts) -> Result<(), kube::Error> {
        let kind = GroupVersionKind::gvk("landlord.dev", "v1alpha1", "Tenant");
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &ApiResource::from_gvk(&kind));
        let current = api.get(tenant).await?;
        let status = status(&current, facts);
        if current.data.get("status") == Some(&status) {
            return Ok(());
        }
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch_status(tenant, &params, &Patch::Merge(json!({"status": status}))).await.map(drop)
    }
}

fn status(current: &DynamicObject, facts: &Facts) -> Value {
    let total: usize = facts.counts.iter().map(|(_, count)| count).sum();
    let mut namespaces = json!({"total": total});
    facts.counts.iter().for_each(|(state, count)| namespaces[state.word()] = json!(count));
    let count = |wanted: Compliance| facts.counts.iter().find(|(state, _)| *state == wanted).map_or(0, |(_, count)| *count);
    let ready = match &facts.error {
        None => ("Ready", true, "Valid", "the tenant can be used".to_owned()),
        Some(error) => ("Ready", false, "Invalid", error.clone()),
    };
    let behind = total - count(Compliance::Compliant);
    let converged = match behind {
        0 => ("Converged", true, "Compliant", format!("{total} namespaces are as they should be")),
        _ => ("Converged", false, "Pending", format!("{behind} of {total} namespaces are not as they should be")),
    };
    let generation = current.metadata.generation.unwrap_or_default();
    let conditions: Vec<Value> = [ready, converged].into_iter().map(|one| condition(current, generation, one)).collect();
    json!({"observedGeneration": generation, "namespaces": namespaces, "conditions": conditions})
}

/// A condition; its time is that of its last change.
fn condition(current: &DynamicObject, generation: i64, (kind, holds, reason, message): (&str, bool, &str, String)) -> Value {
    let word = if holds { "True" } else { "False" };
    let earlier = current.data.pointer("/status/conditions").and_then(Value::as_array);
    let same = earlier.into_iter().flatten().find(|one| one["type"] == kind && one["status"] == word);
    let since = same.and_then(|one| one.get("lastTransitionTime").cloned()).unwrap_or_else(|| {
        let now = Timestamp::now();
        json!(now.round(k8s_openapi::jiff::Unit::Second).unwrap_or(now).to_string())
    });
    json!({"type": kind, "status": word, "reason": reason, "message": message, "observedGeneration": generation, "lastTransitionTime": since})
}
