//! Pods: those that landlord's gate holds go on the terms on which the controller would let them go, once it had reached their namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, ListParams};
use serde_json::{Value, json};

use super::{Orders, Report};
use cluster::cached_namespace::CachedNamespace;
use cluster::lists::{PAGE, known_tenants, next};
use cluster::pod_writer::PodWriter;
use cluster::writer::{ApplyMode, Written};
use controller::gated_pods::{HeldPod, PodKey, Terms, UnscheduledPod, Verdict, release};
use controller::store::Store;
use guard::GATE;

/// Somebody else may write the Pod at the same moment, and the guard may be at work for a moment after it is deleted.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// A held Pod on its way.
pub struct Let {
    key: PodKey,
    /// What lets it go.
    patch: Value,
    /// Why nothing says where it belongs, so that it could run anywhere.
    pub astray: Option<String>,
}

impl Let {
    /// For whoever decides about it.
    pub fn words(&self) -> Option<String> {
        self.astray.as_ref().map(|why| format!("Pod {}: {why}", self.key))
    }
}

/// Every held Pod.
pub(super) async fn held(client: &Client, orders: &Orders, namespaces: &[ObjectMeta]) -> Result<Vec<Let>> {
    let found = list(client).await.context("Pods cannot be listed")?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut store = Store::new(Arc::new(orders.settings.clone()));
    for (name, tenant) in known_tenants(client, &orders.settings).await? {
        store.put_tenant(name, Ok(tenant));
    }
    for meta in namespaces {
        store.put_namespace(CachedNamespace::of(meta));
    }
    let names: BTreeSet<String> = found.iter().map(|(key, _)| key.namespace.to_string()).collect();
    let ways: BTreeMap<String, Way> = names.into_iter().map(|name| (name.clone(), Way::of(&mut store, &name))).collect();
    Ok(found.into_iter().filter_map(|(key, pod)| Some(ways.get(&*key.namespace)?.let_go(key, &pod))).collect())
}

/// Where the Pods of a namespace belong.
enum Way {
    By(Terms),
    /// Landlord leaves the namespace alone.
    Free,
    Astray(String),
}

impl Way {
    /// By what the namespace would carry had the controller reached it: it may have been stopped before.
    fn of(store: &mut Store, name: &str) -> Self {
        let Some((assessment, held)) = store.assess(name).zip(store.namespace(name)) else { return Self::Free };
        let mut planned = held.clone();
        planned.namespace.metadata = assessment.after();
        store.update_namespace(planned);
        match Terms::now(store, name) {
            Some(terms) => Self::By(terms),
            None => Self::Astray(assessment.error.unwrap_or_else(|| "its namespace cannot be as its tenant wants it".to_owned())),
        }
    }

    fn let_go(&self, key: PodKey, pod: &HeldPod) -> Let {
        let (patch, astray) = match self {
            Self::Free => (ungate(pod), None),
            Self::Astray(why) => (ungate(pod), Some(why.clone())),
            Self::By(terms) => match release(Some(terms), pod) {
                Verdict::Release(patch) => (patch, None),
                Verdict::Clash(clash) => (ungate(pod), Some(clash.to_string())),
                // Its gate went meanwhile.
                Verdict::Wait => (ungate(pod), None),
            },
        };
        Let { key, patch, astray }
    }
}

async fn list(client: &Client) -> Result<Vec<(PodKey, HeldPod)>, kube::Error> {
    let api: Api<UnscheduledPod> = Api::all_with(client.clone(), &ApiResource::erase::<Pod>(&()));
    let mut found = Vec::new();
    let mut page = ListParams::default().fields("spec.nodeName=").limit(PAGE);
    loop {
        let list = api.list(&page).await?;
        found.extend(list.items.into_iter().filter_map(|pod| Some((PodKey::of(&pod), HeldPod::of(pod, None)?))));
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}

fn ungate(pod: &HeldPod) -> Value {
    let gate = pod.gates.iter().position(|gate| gate == GATE).unwrap_or_default();
    json!([
        {"op": "test", "path": "/metadata/uid", "value": pod.uid},
        {"op": "test", "path": format!("/spec/schedulingGates/{gate}/name"), "value": GATE},
        {"op": "remove", "path": format!("/spec/schedulingGates/{gate}")},
    ])
}

/// Names the namespaces of those that stay held: nothing else says where they belong.
pub(super) async fn let_go(client: &Client, orders: &Orders, pods: Vec<Let>, report: &mut Report) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for Let { key, patch, astray } in pods {
        let outcome = match astray.filter(|_| !orders.free_pods) {
            Some(why) => Err(format!("it could run anywhere: {why}")),
            None if orders.mode == ApplyMode::Apply => write(client, &key, &patch).await,
            None => Ok(()),
        };
        match outcome {
            Ok(()) => report.pods += 1,
            Err(why) => {
                kept.insert(key.namespace.to_string());
                report.failed.insert(format!("Pod {key}"), why);
            }
        }
    }
    kept
}

/// The API server takes a moment to forget the guard: Pods that it held meanwhile.
pub(super) async fn note_new_ones(client: &Client, report: &mut Report) -> Result<()> {
    for (key, _) in list(client).await.context("Pods cannot be listed")? {
        report.failed.entry(format!("Pod {key}")).or_insert_with(|| "it was held meanwhile: run the command again".to_owned());
    }
    Ok(())
}

async fn write(client: &Client, key: &PodKey, patch: &Value) -> Result<(), String> {
    let writer = PodWriter(client.clone());
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        why = match writer.write(&key.namespace, &key.name, patch.clone()).await.0 {
            Written::Done(_) | Written::Dry | Written::Gone => return Ok(()),
            Written::Conflict(message) => format!("{message}: run the command again"),
            Written::Pushback(_) => "the API server is busy: run the command again".to_owned(),
            Written::Refused(failure) | Written::Unavailable(failure) => failure.message,
        };
        tokio::time::sleep(PAUSE).await;
    }
    Err(why)
}
