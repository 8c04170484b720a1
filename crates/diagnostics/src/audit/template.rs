//! Template: what the owner of a Pod would make next. A Pod carries its namespace's selector as if
//! it were its own, so that it asks for other nodes may be an old selector of its namespace, or its
//! template's: only then the next Pod would be refused, or wait for ever.

use std::collections::HashMap;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;
use tenancy::metadata::Map;
use tenancy::selector::NodeSelector;

use super::Stray;
use super::placed::Owner;

/// What is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Template {
    /// Nothing says that it asks for other nodes.
    #[default]
    Fits,
    /// It asks for other nodes than its namespace's.
    Clashes,
    /// The owner cannot be read, or has no template.
    Unknown,
}

/// Reads the templates of Pods that ask for other nodes; each owner once.
pub async fn read(client: &Client, strays: &mut [Stray]) {
    let mut known: HashMap<(String, String, String), Option<Map>> = HashMap::new();
    for stray in strays {
        let Some(owner) = stray.pod.owner.clone().filter(|owner| owner.kind != "DaemonSet") else {
            continue;
        };
        if !clash(&stray.pod.selector, &stray.pool.selector) {
            continue;
        }
        let key = (stray.pod.namespace.clone(), owner.kind.clone(), owner.name.clone());
        let selector = match known.get(&key) {
            Some(selector) => selector.clone(),
            None => selector(client, &stray.pod.namespace, &owner).await,
        };
        stray.template = match &selector {
            None => Template::Unknown,
            Some(selector) if clash(selector, &stray.pool.selector) => Template::Clashes,
            Some(_) => Template::Fits,
        };
        known.insert(key, selector);
    }
}

/// Whether a key of the pool has another value here.
fn clash(own: &Map, pool: &NodeSelector) -> bool {
    pool.as_map().iter().any(|(key, value)| own.get(key).is_some_and(|own| own != value))
}

/// The node selector of the owner's template; `None` where it cannot be read.
async fn selector(client: &Client, namespace: &str, owner: &Owner) -> Option<Map> {
    let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &owner.kind));
    let found = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource)
        .get(&owner.name)
        .await
        .ok()?;
    let spec = found.data.pointer("/spec/template/spec")?;
    let selector = spec.get("nodeSelector").cloned().unwrap_or(Value::Null);
    if selector.is_null() { Some(Map::new()) } else { serde_json::from_value(selector).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_value_clashes() {
        let pool: NodeSelector = "pool=solar".parse().expect("a selector");
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<Map>()
        };
        assert!(clash(&map(&[("pool", "lunar"), ("disk", "ssd")]), &pool));
        assert!(
            !clash(&map(&[("pool", "solar")]), &pool)
                && !clash(&map(&[("disk", "ssd")]), &pool)
                && !clash(&map(&[]), &pool)
        );
    }
}
