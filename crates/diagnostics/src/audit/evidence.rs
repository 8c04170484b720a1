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
use assessment::document::Document;
use cluster::admission_policies::presence::{Guarded, Parts};
use cluster::lists::{PAGE, next};

/// Up to so many namespaces, their Pods are listed one namespace after the other; of more, all of
/// the cluster.
const MAX_NAMES: usize = 20;
/// The API server leaves out Pods without a node, and those that are finished.
const PLACED: &str = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed";

/// See the module.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub pods: Vec<Placed>,
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
        Ok(Self { pods: pods(client, namespaces).await?, nodes: nodes(client).await?, guard })
    }

    /// Takes it from among documents, and returns the others. What is not there is not known.
    pub fn among(documents: Vec<Document>) -> Result<(Self, Vec<Document>)> {
        let mut evidence = Self {
            pods: Vec::new(),
            nodes: BTreeMap::new(),
            guard: Guarded::Unknown("files do not tell".to_owned()),
        };
        let mut others = Vec::new();
        let mut parts = Parts::default();
        for document in documents {
            let place = document.place.to_string();
            match kind(&document.object) {
                ("v1", "Pod") => evidence.pods.extend(Placed::from_pod(
                    serde_json::from_value(document.object).context(place)?,
                )),
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
    if namespaces.len() > MAX_NAMES {
        return pods_of(&Api::all(client.clone())).await.context("Pods cannot be listed");
    }
    let mut pods = Vec::new();
    for name in namespaces {
        let found = pods_of(&Api::namespaced(client.clone(), name)).await;
        pods.extend(found.with_context(|| format!("Pods of namespace {name:?} cannot be listed"))?);
    }
    Ok(pods)
}

async fn pods_of(api: &Api<Pod>) -> Result<Vec<Placed>, kube::Error> {
    let (mut pods, mut page) = (Vec::new(), ListParams::default().fields(PLACED).limit(PAGE));
    loop {
        let list = api.list(&page).await?;
        pods.extend(list.items.into_iter().filter_map(Placed::from_pod));
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(pods),
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
