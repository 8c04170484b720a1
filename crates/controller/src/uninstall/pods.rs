//! Pods: those that landlord's gate holds go while their namespace still says where they belong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, ListParams};
use serde_json::{Value, json};

use super::{Orders, Report};
use crate::cluster::{PAGE, next};
use crate::guard::GATE;
use crate::holds::pod_writer::PodWriter;
use crate::holds::{HeldPod, PodKey, Terms, UnscheduledPod, Verdict, release};
use crate::store::{Held, Store};
use crate::writer::{ApplyMode, Written};

/// Somebody else may write the Pod at the same moment, and the guard may be at work for a moment after it is deleted.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// A held Pod on its way.
pub(crate) struct Let {
    key: PodKey,
    patch: Value,
}

/// Every held Pod. One whose namespace does not say where it belongs – or that wants to go elsewhere itself – loses the gate and nothing else.
pub(super) async fn held(client: &Client, orders: &Orders, namespaces: &[ObjectMeta]) -> Result<Vec<Let>> {
    let mut store = Store::new(Arc::new(orders.settings.clone()));
    for (name, tenant) in crate::cluster::known_tenants(client, &orders.settings).await.unwrap_or_default() {
        store.put_tenant(name, Ok(tenant));
    }
    for meta in namespaces {
        store.put_namespace(Held::of(meta));
    }
    let found = list(client).await.context("Pods cannot be listed")?;
    let terms: BTreeMap<String, Option<Terms>> =
        found.iter().map(|(key, _)| (key.namespace.to_string(), Terms::now(&store, &key.namespace))).collect();
    let go = |(key, pod): (PodKey, HeldPod)| {
        let terms = terms.get(&*key.namespace).and_then(Option::as_ref);
        let patch = match release(terms, &pod) {
            Verdict::Release(patch) => patch,
            Verdict::Clash(_) | Verdict::Wait => ungate(&pod),
        };
        Let { key, patch }
    };
    Ok(found.into_iter().map(go).collect())
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

pub(super) async fn let_go(client: &Client, orders: &Orders, pods: Vec<Let>, report: &mut Report) {
    for Let { key, patch } in pods {
        match if orders.mode == ApplyMode::Apply { write(client, &key, &patch).await } else { Ok(()) } {
            Ok(()) => report.pods += 1,
            Err(why) => drop(report.failed.insert(format!("Pod {key}"), why)),
        }
    }
}

async fn write(client: &Client, key: &PodKey, patch: &Value) -> Result<(), String> {
    let writer = PodWriter(client.clone());
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        why = match writer.write(key, patch.clone()).await.0 {
            Written::Done(_) | Written::Dry | Written::Gone => return Ok(()),
            Written::Conflict(message) => format!("{message}: run the command again"),
            Written::Pushback(_) => "the API server is busy: run the command again".to_owned(),
            Written::Refused(failure) | Written::Unavailable(failure) => failure.message,
        };
        tokio::time::sleep(PAUSE).await;
    }
    Err(why)
}
