//! Templates as they are in a cluster. A kind that is not served is asked for by its name only, and
//! not listed.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::discovery::pinned_kind;
use kube::{Client, Error};
use serde_json::Value;
use tenancy::metadata::Map;

use super::Template;
use crate::clock;
use crate::error::message;
use crate::lists::{PAGE, next};

type Reader = fn(&Value) -> Option<Template>;

/// Kinds that are looked for, each with its versions, the newest first.
const KINDS: [(&str, &[&str], &str, Reader); 3] = [
    ("karpenter.sh", &["v1"], "NodePool", Template::from_node_pool),
    ("cluster.x-k8s.io", &["v1beta2", "v1beta1"], "MachineDeployment", Template::from_machines),
    ("cluster.x-k8s.io", &["v1beta2", "v1beta1"], "MachinePool", Template::from_machines),
];

/// What can be made, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Templates {
    /// Of all kinds that are served.
    pub found: Vec<Template>,
    /// Kinds that are served and cannot be read, and why.
    pub faults: Vec<String>,
}

impl Templates {
    /// What makes a node with all of these labels, by its name.
    pub fn maker(&self, selector: &Map) -> Option<&str> {
        let maker = self.found.iter().find(|template| template.admits(selector))?;
        Some(&maker.name)
    }
}

/// Reads the templates of all kinds that are served.
pub async fn read(client: &Client) -> Templates {
    let mut templates = Templates::default();
    for (group, versions, kind, read) in KINDS {
        match objects(client, group, versions, kind).await {
            Ok(objects) => templates.found.extend(objects.iter().filter_map(read)),
            Err(error) => {
                templates.faults.push(format!(
                    "{kind} objects of {group} cannot be listed: {}",
                    message(&error)
                ));
            }
        }
    }
    templates
}

async fn objects(
    client: &Client,
    group: &str,
    versions: &[&str],
    kind: &str,
) -> Result<Vec<Value>, Error> {
    let Some(resource) = served(client, group, versions, kind).await? else {
        return Ok(Vec::new());
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let (mut objects, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = clock::within(clock::ANSWER_TIMEOUT, api.list(&page)).await?;
        for object in list.items {
            let mut object = serde_json::to_value(&object).map_err(Error::SerdeError)?;
            // Items of a list do not say their kind.
            if let Some(fields) = object.as_object_mut() {
                fields.insert("kind".to_owned(), kind.into());
            }
            objects.push(object);
        }
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

async fn served(
    client: &Client,
    group: &str,
    versions: &[&str],
    kind: &str,
) -> Result<Option<ApiResource>, Error> {
    for version in versions {
        let kind = GroupVersionKind::gvk(group, version, kind);
        match clock::within(clock::ANSWER_TIMEOUT, pinned_kind(client, &kind)).await {
            Ok((resource, _)) => return Ok(Some(resource)),
            Err(Error::Discovery(_)) => {}
            Err(Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
