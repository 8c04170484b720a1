//! Nodes: their labels, and the taints that keep Pods away.

use k8s_openapi::api::core::v1::{Node, Taint, Toleration};
use kube::api::{Api, ListParams};
use kube::{Client, Error};
use tenancy::metadata::Map;

use cluster::lists::{PAGE, next};

/// All nodes.
#[derive(Debug, Default)]
pub struct Nodes(pub(super) Vec<Known>);

/// What is known of one.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) labels: Map,
    pub(super) taints: Vec<Taint>,
}

impl Nodes {
    pub(super) async fn read(client: &Client) -> Result<Self, Error> {
        let api: Api<Node> = Api::all(client.clone());
        let (mut nodes, mut page) = (Self::default(), ListParams::default().limit(PAGE));
        loop {
            let list = api.list(&page).await?;
            nodes.0.extend(list.items.into_iter().map(Known::from_node));
            match next(list.metadata.continue_) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(nodes),
            }
        }
    }

    /// How many carry all of these labels.
    pub(super) fn matching(&self, selector: &Map) -> usize {
        self.0.iter().filter(|node| node.matches(selector)).count()
    }
}

impl Known {
    fn from_node(node: Node) -> Self {
        Self {
            name: node.metadata.name.unwrap_or_default(),
            labels: node.metadata.labels.unwrap_or_default(),
            taints: node.spec.and_then(|spec| spec.taints).unwrap_or_default(),
        }
    }

    pub(super) fn matches(&self, selector: &Map) -> bool {
        selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }

    /// Whether its taints let Pods with these tolerations in.
    pub(super) fn admits(&self, tolerations: &[Toleration]) -> bool {
        let repelling = self.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule");
        repelling
            .into_iter()
            .all(|taint| tolerations.iter().any(|toleration| tolerates(toleration, taint)))
    }
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let exists = toleration.operator.as_deref() == Some("Exists");
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    let value = toleration.value.as_deref().unwrap_or_default()
        == taint.value.as_deref().unwrap_or_default();
    (key == taint.key && (exists || value) || key.is_empty() && exists)
        && (effect.is_empty() || effect == taint.effect)
}
