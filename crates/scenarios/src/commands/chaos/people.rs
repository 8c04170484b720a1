//! People: tenants' owners and an admin, who do with namespaces, tenants and Pods what a schedule
//! says – as far as the API server lets them, and answers – and tell the laws what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use chaos::event::{Namespace, TENANTS, Tampering};
use chaos::spec::{LEDGER, NODE_SELECTOR, TENANT_LABEL};
use chaos::{Event, Laws, spec};
use fake_apiserver::Commit;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, PostParams,
};
use kube::{Client, Error, ResourceExt};
use local_cluster::Cluster;
use serde_json::{Value, json};

use crate::commands::stage::owner;

mod sabotage;

/// Nobody waits longer for an answer; what became of it is found out later.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct People {
    admin: Client,
    owners: BTreeMap<&'static str, Client>,
    controller: Client,
    pub(super) laws: Laws,
    /// How namespaces were at each version that a user has seen.
    pub(super) states: BTreeMap<String, Arc<Value>>,
    /// What each namespace was when a user touched it last.
    pub(super) last: BTreeMap<String, Arc<Value>>,
    /// Namespaces that a schedule has deleted, though it may take a while.
    doomed: BTreeSet<String>,
    pods: usize,
    met: BTreeSet<String>,
    pub(super) asked: usize,
    pub(super) refused: usize,
    pub(super) unanswered: usize,
}

/// The API of a kind, without types: what is read is what is there.
pub(super) fn api(client: &Client, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
    let (group, version, plural) = match kind {
        "Tenant" => ("landlord.dev", "v1alpha1", "tenants"),
        "Pod" => ("", "v1", "pods"),
        _ => ("", "v1", "namespaces"),
    };
    let resource =
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

pub(super) fn value(object: &DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

impl People {
    pub(super) fn new(cluster: &Cluster) -> Result<Self> {
        let owners =
            TENANTS.map(|tenant| cluster.client(&owner(tenant)).map(|client| (tenant, client)));
        let controller = cluster.client(local_cluster::user::CONTROLLER)?;
        let mut laws = Laws::default();
        // The lease is looked at in memory: here, both controllers write as one user.
        laws.unfenced.insert("controller".to_owned());
        Ok(Self {
            admin: cluster.admin()?,
            owners: owners.into_iter().collect::<Result<_, _>>()?,
            controller,
            laws,
            states: BTreeMap::new(),
            last: BTreeMap::new(),
            doomed: BTreeSet::new(),
            pods: 0,
            met: BTreeSet::new(),
            asked: 0,
            refused: 0,
            unanswered: 0,
        })
    }

    /// The answer, if there is one in time.
    async fn ask<T>(&mut self, call: impl Future<Output = Result<T, Error>>) -> Option<T> {
        self.asked += 1;
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(Error::Api(status))) if (400..500).contains(&status.code) => self.refused += 1,
            _ => self.unanswered += 1,
        }
        None
    }

    fn see(
        &mut self,
        plural: &str,
        namespace: &str,
        name: &str,
        before: Option<Arc<Value>>,
        after: Option<Arc<Value>>,
    ) {
        let (plural, namespace, name) = (plural.to_owned(), namespace.to_owned(), name.to_owned());
        self.laws.see(&Commit { who: None, plural, namespace, name, before, after });
    }

    /// A namespace is like this, and a client other than landlord made it so.
    fn learn(&mut self, before: Option<Arc<Value>>, now: Value) -> Arc<Value> {
        let (name, now) = (
            now["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            Arc::new(metadata_of(&now)),
        );
        self.states.insert(
            now["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned(),
            Arc::clone(&now),
        );
        self.see("namespaces", "", &name, before, Some(Arc::clone(&now)));
        self.last.insert(name, Arc::clone(&now));
        now
    }

    /// A namespace is gone: because a schedule says so, or it is lost.
    fn forget(&mut self, name: &str) {
        if let Some(last) = self.last.remove(name) {
            let doomed = self.doomed.remove(name);
            self.laws.see_survival(name, doomed);
            self.see("namespaces", "", name, Some(last), None);
        }
    }

    /// The namespace as it is. What was done without an answer is found out here.
    pub(super) async fn read(&mut self, name: &str) -> Option<Value> {
        let namespaces = api(&self.admin, "Namespace", None);
        let found = self.ask(async { namespaces.get_opt(name).await }).await?;
        let Some(found) = found.map(|found| value(&found)) else {
            self.forget(name);
            return None;
        };
        let another = |last: &Arc<Value>| last["metadata"]["uid"] != found["metadata"]["uid"];
        if self.last.get(name).is_some_and(another) {
            self.forget(name);
        }
        if self.last.get(name).is_none_or(|last| label(last) != label(&found)) {
            self.learn(None, found.clone());
        }
        let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        self.states.entry(version).or_insert_with(|| Arc::new(metadata_of(&found)));
        if found["metadata"]["deletionTimestamp"].is_string() {
            self.remove(name).await;
            return None;
        }
        Some(found)
    }

    /// What a schedule says of objects; other events are another client's.
    pub(super) async fn apply(&mut self, event: Event) {
        match event {
            Event::Create(name, tenant) => self.create(&name.to_string(), tenant).await,
            Event::Edit(name) => {
                let own = |metadata: &mut Value| {
                    metadata["labels"]["own"] = json!("edited");
                    metadata["annotations"]["note"] = json!("edited, with \"quotes\" and ü");
                };
                self.edit(name, false, own).await;
            }
            Event::Move(name, tenant) => {
                self.edit(name, true, |metadata| metadata["labels"][TENANT_LABEL] = json!(tenant))
                    .await
            }
            // What runs in an admin's foreign pool is the admin's will; so this is tried by an
            // owner.
            Event::Tamper(name, Tampering::Selector) => {
                self.edit(name, false, |metadata| {
                    metadata["annotations"][NODE_SELECTOR] = json!("pool=foreign")
                })
                .await;
            }
            Event::Tamper(name, what) => {
                self.edit(name, true, |metadata| tamper(metadata, what)).await
            }
            Event::Delete(name) => {
                let name = name.to_string();
                if self.read(&name).await.is_some() {
                    self.doomed.insert(name.clone());
                    self.remove(&name).await;
                }
            }
            Event::Pod(name) => self.create_pod(&name.to_string()).await,
            Event::Tenant(name, form) => {
                self.set_tenant(name, Some(spec::tenant(name, form))).await
            }
            Event::Drop(name) => self.set_tenant(name, None).await,
            Event::Sabotage(what, name) => self.sabotage(what, &name.to_string()).await,
            _ => {}
        }
    }

    fn owner(&self, tenant: &str) -> Client {
        self.owners.get(tenant).unwrap_or(&self.admin).clone()
    }

    async fn create(&mut self, name: &str, tenant: &'static str) {
        let Ok(body) = serde_json::from_value(spec::namespace(name, tenant)) else { return };
        if self.last.contains_key(name) && self.read(name).await.is_some() {
            return;
        }
        let api = api(&self.owner(tenant), "Namespace", None);
        if let Some(created) =
            self.ask(async { api.create(&PostParams::default(), &body).await }).await
        {
            self.learn(None, value(&created));
        }
    }

    /// Reads, changes and puts back. An owner's edit of what is sealed has no effect.
    async fn edit(&mut self, name: Namespace, admin: bool, change: impl FnOnce(&mut Value)) {
        let name = name.to_string();
        let Some(found) = self.read(&name).await else { return };
        let mut changed = found.clone();
        change(&mut changed["metadata"]);
        let client = if admin { self.admin.clone() } else { self.owner(label(&found)) };
        let Ok(body) = serde_json::from_value::<DynamicObject>(changed) else { return };
        let api = api(&client, "Namespace", None);
        if let Some(now) =
            self.ask(async { api.replace(&name, &PostParams::default(), &body).await }).await
        {
            self.learn(Some(Arc::new(metadata_of(&found))), value(&now));
        }
    }

    /// With all Pods in it, as there is no controller for namespaces.
    async fn remove(&mut self, name: &str) {
        let admin = self.admin.clone();
        let pods = api(&admin, "Pod", Some(name));
        let now = DeleteParams::default().grace_period(0);
        let deleted = async {
            for pod in pods.list(&ListParams::default()).await? {
                pods.delete(&pod.name_any(), &now).await?;
            }
            api(&admin, "Namespace", None).delete(name, &DeleteParams::default()).await.map(drop)
        };
        if self.ask(deleted).await.is_some() {
            self.finalize(name).await;
        }
    }

    async fn finalize(&mut self, name: &str) {
        let all: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.admin.clone());
        let finalized = async {
            let mut namespace = all.get(name).await?;
            namespace.spec = None;
            all.replace_subresource::<k8s_openapi::api::core::v1::Namespace>(
                "finalize",
                name,
                &PostParams::default(),
                &namespace,
            )
            .await
            .map(drop)
        };
        if self.ask(finalized).await.is_some() {
            self.forget(name);
        }
    }

    async fn create_pod(&mut self, namespace: &str) {
        let Some(found) = self.read(namespace).await else { return };
        self.pods += 1;
        let name = format!("pod-{}", self.pods);
        let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
        let Ok(body) = serde_json::from_value::<DynamicObject>(body) else { return };
        let api = api(&self.owner(label(&found)), "Pod", Some(namespace));
        if self.ask(async { api.create(&PostParams::default(), &body).await }).await.is_some() {
            self.meet(&format!("{namespace}/{name}"));
        }
    }

    /// A Pod that is seen for the first time.
    pub(super) fn meet(&mut self, key: &str) {
        if self.met.insert(key.to_owned()) {
            let (namespace, name) = key.split_once('/').unwrap_or_default();
            self.see("pods", namespace, name, None, Some(Arc::new(json!({}))));
        }
    }

    async fn set_tenant(&mut self, name: &str, wanted: Option<Value>) {
        let tenants = api(&self.admin.clone(), "Tenant", None);
        let Some(before) = self.ask(async { tenants.get_opt(name).await }).await else { return };
        let before = before.map(|found| Arc::new(value(&found)));
        let after = wanted.map(Arc::new);
        let done = match after.clone() {
            Some(object) => {
                let params = PatchParams::apply("chaos").force();
                self.ask(async {
                    tenants.patch(name, &params, &Patch::Apply(&*object)).await.map(drop)
                })
                .await
            }
            None if before.is_some() => {
                self.ask(async { tenants.delete(name, &DeleteParams::default()).await.map(drop) })
                    .await
            }
            None => return,
        };
        // One without an answer may have been done as well, and that allows writes.
        let _ = done;
        self.see("tenants", "", name, before, after);
    }
}

/// The tenant of a namespace.
pub(super) fn label(namespace: &Value) -> &str {
    namespace["metadata"]["labels"][TENANT_LABEL].as_str().unwrap_or_default()
}

/// What is compared of a namespace: landlord's writes answer with nothing else.
fn metadata_of(object: &Value) -> Value {
    json!({"metadata": object["metadata"]})
}

fn tamper(metadata: &mut Value, what: Tampering) {
    match what {
        Tampering::Selector | Tampering::Label => metadata["labels"]["billing"] = json!("rival"),
        Tampering::Ledger => metadata["annotations"][LEDGER] = json!("{\"no\": ledger"),
        Tampering::Wipe => {
            let kept = metadata["labels"].clone();
            let keys = [TENANT_LABEL, "own", "a.example/empty", "kubernetes.io/metadata.name"];
            metadata["labels"] =
                keys.iter().map(|key| ((*key).to_owned(), kept[*key].clone())).collect();
            metadata["annotations"] = json!({"note": metadata["annotations"]["note"]});
        }
    }
}
