//! Rest: all is fixed, and after a while every namespace is compliant or it is said why not,
//! nobody says anything, and a controller that knows nothing finds nothing to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use chaos::spec::{NODE_SELECTOR, TENANT_LABEL};
use chaos::{Laws, Rest as Found};
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use local_cluster::waiting;
use serde_json::{Value, json};

use super::audit_log::AuditLog;
use super::parts::Parts;
use super::people::{People, api, label, value};
use super::placements::Placements;
use crate::commands::landlord::until;

const LOOK: Duration = Duration::from_millis(500);
/// How long nothing may be heard at rest, and how long that may take to come.
const SILENCE: Duration = Duration::from_secs(8);
const PATIENCE: Duration = waiting::PATIENCE;

/// See the module.
pub(super) struct Rest<'a> {
    pub(super) parts: &'a mut Parts,
    pub(super) people: People,
    pub(super) placements: Placements,
    pub(super) log: &'a AuditLog,
}

impl Rest<'_> {
    pub(super) async fn judge(mut self) -> Result<Laws> {
        self.parts.fix().await?;
        let end = Instant::now() + PATIENCE;
        while !self.is_over().await? && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        let loud = self.listen(end).await?;
        self.people.laws.see_silence(&loud);
        for commit in self.log.writes(0, &mut self.people.states) {
            self.people.laws.see(&commit);
        }
        let found = self.found().await?;
        self.people.laws.see_rest(&found);
        let waiting = self.waiting(&found).await?;
        self.people.laws.see_released(&waiting);
        self.see_one_engine(&found).await?;
        self.look_again(&found).await?;
        self.people.laws.see_casualties(&self.parts.casualties());
        Ok(self.people.laws)
    }

    /// What is there now.
    async fn found(&mut self) -> Result<Found> {
        for name in self.people.last.keys().cloned().collect::<Vec<_>>() {
            self.people.read(&name).await;
        }
        self.placements.judge(&mut self.people);
        let client = self.parts.cluster().admin()?;
        let all = async |kind: &str| -> Result<Vec<Arc<Value>>> {
            let list = api(&client, kind, None).list(&ListParams::default()).await?;
            Ok(list.iter().map(|one| Arc::new(value(one))).collect())
        };
        let mut namespaces = all("Namespace").await?;
        namespaces.retain(|one| {
            self.people.last.contains_key(one["metadata"]["name"].as_str().unwrap_or_default())
        });
        Ok(Found {
            namespaces,
            tenants: all("Tenant").await?,
            reported: self.reported(),
            once_is_enough: true,
        })
    }

    /// Namespaces of which a controller has said why they are not compliant.
    fn reported(&self) -> BTreeSet<String> {
        let logs = self.parts.logs();
        let lines = logs
            .iter()
            .flat_map(|log| log.lines())
            .filter(|line| line.contains("not compliant") || line.contains("contested"));
        lines
            .filter_map(|line| {
                Some(line.split_once("namespace=\"")?.1.split_once('"')?.0.to_owned())
            })
            .collect()
    }

    /// Whether nothing is to be expected any more.
    async fn is_over(&mut self) -> Result<bool> {
        let found = self.found().await?;
        let mut trial = self.people.laws.clone();
        let before = trial.violations().len();
        trial.see_rest(&found);
        Ok(trial.violations().len() == before && self.waiting(&found).await?.is_empty())
    }

    /// Pods that wait for nothing. One that asks for other nodes than its namespace waits for its
    /// owner, who gets the answer.
    async fn waiting(&mut self, found: &Found) -> Result<Vec<String>> {
        self.placements.judge(&mut self.people);
        let has_tenant = |one: &&Arc<Value>| {
            found.tenants.iter().any(|tenant| tenant["metadata"]["name"] == label(one))
        };
        let name =
            |one: &Arc<Value>| one["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let ready: BTreeSet<String> = found
            .namespaces
            .iter()
            .filter(has_tenant)
            .map(name)
            .filter(|name| !found.reported.contains(name))
            .collect();
        let waiting = self.people.laws.waiting_among(|namespace| ready.contains(namespace));
        let mut for_nothing = Vec::new();
        for key in waiting {
            let (namespace, pod) = key.split_once('/').unwrap_or_default();
            let there = api(&self.parts.cluster().admin()?, "Pod", Some(namespace))
                .get_opt(pod)
                .await?
                .map(|pod| value(&pod));
            let selector = found.namespaces.iter().find(|one| one["metadata"]["name"] == namespace);
            let selector = selector
                .and_then(|one| one["metadata"]["annotations"][NODE_SELECTOR].as_str())
                .unwrap_or_default();
            if there.is_some_and(|pod| !clashes(&pod["spec"]["nodeSelector"], selector)) {
                for_nothing.push(key);
            }
        }
        Ok(for_nothing)
    }

    /// Law 6, once nothing more was heard in a while; what was heard last if that does not come.
    async fn listen(&self, end: Instant) -> Result<Vec<String>> {
        loop {
            let before = self.log.len();
            tokio::time::sleep(SILENCE).await;
            let loud = self.log.loud(before);
            if loud.is_empty() || Instant::now() > end + SILENCE {
                return Ok(loud);
            }
        }
    }

    /// Law 1: a namespace like each that is left alone, created for a trial, gets what that one
    /// has.
    async fn see_one_engine(&mut self, found: &Found) -> Result<()> {
        let client = self.parts.cluster().admin()?;
        let has_tenant = |one: &&Arc<Value>| {
            found.tenants.iter().any(|tenant| tenant["metadata"]["name"] == label(one))
        };
        for namespace in found.namespaces.iter().filter(has_tenant) {
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            if found.reported.contains(name) {
                continue;
            }
            let trial = Api::create(
                &api(&client, "Namespace", None),
                &PostParams { dry_run: true, ..PostParams::default() },
                &like(namespace)?,
            )
            .await?;
            let mut trial = value(&trial);
            trial["metadata"]["labels"]["kubernetes.io/metadata.name"] = json!(name);
            self.people.laws.see_one_engine(name, namespace, &trial);
        }
        Ok(())
    }

    /// Law 2, by a controller that remembers nothing. A key that is fought about is one that it
    /// would write.
    async fn look_again(&mut self, found: &Found) -> Result<()> {
        let before = self.log.len();
        self.parts.start_anew()?;
        until("a controller that looks again", async || {
            Ok(self.parts.logs().iter().any(|log| log.contains("all is known")))
        })
        .await?;
        tokio::time::sleep(SILENCE).await;
        let writes = self.log.writes(before, &mut self.people.states);
        let unexpected =
            writes.iter().filter(|commit| !found.reported.contains(&commit.name)).count();
        self.people.laws.see_idempotence(unexpected);
        Ok(())
    }
}

/// Whether a Pod's own selector and its namespace's contradict each other.
fn clashes(own: &Value, selector: &str) -> bool {
    let parts = selector.split(',').filter_map(|part| part.split_once('='));
    parts.into_iter().any(|(key, wanted)| own[key].as_str().is_some_and(|own| own != wanted))
}

/// The same namespace, not created yet: without what landlord and the API server say of it.
fn like(namespace: &Value) -> Result<DynamicObject> {
    let metadata = &namespace["metadata"];
    let mut labels = metadata["labels"].clone();
    let mut annotations = metadata["annotations"].clone();
    labels
        .as_object_mut()
        .into_iter()
        .for_each(|map| map.retain(|key, _| key != "kubernetes.io/metadata.name"));
    annotations
        .as_object_mut()
        .into_iter()
        .for_each(|map| map.retain(|key, _| !key.starts_with("landlord.dev/")));
    let name = format!("like-{}", metadata["name"].as_str().unwrap_or_default());
    labels[TENANT_LABEL] = metadata["labels"][TENANT_LABEL].clone();
    Ok(serde_json::from_value(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels, "annotations": annotations}}),
    )?)
}
