//! Evidence: Pods, the labels of nodes, and the guard, read from the cluster or taken from among
//! documents.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::Value;
use tenancy::metadata::Map;

use super::placed::Placed;
use super::waiting::Waiting;
use assessment::document::Document;
use cluster::admission_policies::presence::{Guarded, Parts};
use cluster::lists::{PAGE, next};

/// Up to so many namespaces, their Pods are listed one namespace after the other; of more, all of
/// the cluster.
const MAX_NAMES: usize = 20;
/// The API server leaves out Pods that are finished.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// See the module.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub pods: Vec<Placed>,
    /// Pods that have no node yet.
    pub waiting: Vec<Waiting>,
    /// Labels of every node.
    pub nodes: BTreeMap<String, Map>,
    pub guard: Guarded,
}

impl Evidence {
    /// Reads what concerns these namespaces. That the guard's policies may not be listed is no
    /// error.
    pub async fn read(client: &Client, namespaces: &[&str]) -> Result<Self> {
        let guard = match Parts::read(client).await {
            Ok(parts) => parts.guarded(),
            Err(error) => Guarded::Unknown(format!("its policies cannot be listed: {error}")),
        };
        let (pods, waiting) = all_pods(client, namespaces).await?;
        Ok(Self { pods, waiting, nodes: nodes(client).await?, guard })
    }

    /// Takes it from among documents, and returns the others. What is not there is not known.
    pub fn among(documents: Vec<Document>) -> Result<(Self, Vec<Document>)> {
        let mut evidence = Self {
            pods: Vec::new(),
            waiting: Vec::new(),
            nodes: BTreeMap::new(),
            guard: Guarded::Unknown("files do not tell".to_owned()),
        };
        let mut others = Vec::new();
        let mut parts = Parts::default();
        for document in documents {
            let place = document.place.to_string();
            match kind(&document.object) {
                ("v1", "Pod") => {
                    let pod: Pod = serde_json::from_value(document.object).context(place)?;
                    evidence.waiting.extend(Waiting::from_pod(&pod));
                    evidence.pods.extend(Placed::from_pod(pod));
                }
                ("v1", "Node") => {
                    evidence.add_node(serde_json::from_value(document.object).context(place)?)
                }
                (_, kind) if parts.add(kind, &document.object) => {}
                _ => others.push(document),
            }
        }
        if parts != Parts::default() {
            evidence.guard = parts.guarded();
        }
        Ok((evidence, others))
    }

    fn add_node(&mut self, node: Node) {
        self.nodes.insert(
            node.metadata.name.unwrap_or_default(),
            node.metadata.labels.unwrap_or_default(),
        );
    }
}

fn kind(object: &Value) -> (&str, &str) {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

/// Pods of these namespaces that have a node and are not finished.
pub async fn pods(client: &Client, namespaces: &[&str]) -> Result<Vec<Placed>> {
    Ok(all_pods(client, namespaces).await?.0)
}

/// The same, and those that wait.
async fn all_pods(client: &Client, namespaces: &[&str]) -> Result<(Vec<Placed>, Vec<Waiting>)> {
    if namespaces.len() > MAX_NAMES {
        return pods_of(&Api::all(client.clone())).await.context("Pods cannot be listed");
    }
    let (mut pods, mut waiting) = (Vec::new(), Vec::new());
    for name in namespaces {
        let found = pods_of(&Api::namespaced(client.clone(), name)).await;
        let found =
            found.with_context(|| format!("Pods of namespace {name:?} cannot be listed"))?;
        pods.extend(found.0);
        waiting.extend(found.1);
    }
    Ok((pods, waiting))
}

async fn pods_of(api: &Api<Pod>) -> Result<(Vec<Placed>, Vec<Waiting>), kube::Error> {
    let (mut pods, mut waiting) = (Vec::new(), Vec::new());
    let mut page = ListParams::default().fields(UNFINISHED).limit(PAGE);
    loop {
        let list = api.list(&page).await?;
        waiting.extend(list.items.iter().filter_map(Waiting::from_pod));
        pods.extend(list.items.into_iter().filter_map(Placed::from_pod));
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok((pods, waiting)),
        }
    }
}

/// Labels of every node.
pub async fn nodes(client: &Client) -> Result<BTreeMap<String, Map>> {
    let api: Api<Node> = Api::all(client.clone());
    let (mut nodes, mut page) = (BTreeMap::new(), ListParams::default().limit(PAGE));
    loop {
        let list = api.list_metadata(&page).await.context("nodes cannot be listed")?;
        nodes.extend(list.items.into_iter().map(|node| {
            (node.metadata.name.unwrap_or_default(), node.metadata.labels.unwrap_or_default())
        }));
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(nodes),
        }
    }
}
