//! Rancher's Projects: namespaces say by an annotation which they belong to, as `CLUSTER:PROJECT`.

use anyhow::{Result, bail};
use serde_json::Value;
use tenancy::metadata::{Key, Map};
use tenancy::namespace::Namespace;

use super::conversion::Conversion;
use super::groups::{add_by_key, by_key};

/// API version and kind of Projects, which are where Rancher itself runs.
pub(crate) const PROJECT: (&str, &str) = ("management.cattle.io/v3", "Project");
const ANNOTATION: &str = "field.cattle.io/projectId";
/// Fields of a Project that have a use in a Tenant, or none outside of Rancher.
const CARRIED: [&str; 3] = ["displayName", "clusterName", "description"];

/// Makes a tenant of each Project that has namespaces. `projects` are the objects, if they are at
/// hand.
pub(crate) fn convert(namespaces: &[&Namespace], projects: &[&Value]) -> Result<Conversion> {
    let key = Key::annotation(ANNOTATION);
    let (groups, others) = by_key(namespaces, &key);
    if groups.is_empty() {
        bail!("no namespace has the annotation {ANNOTATION}: Rancher has put none into a Project");
    }
    let mut conversion = Conversion::default();
    add_by_key(&mut conversion, &groups, &key);
    conversion.leave(&format!("without an {key}"), &others);
    for project in projects {
        let Some(name) = project.pointer("/metadata/name").and_then(Value::as_str) else {
            continue;
        };
        let Some(spec) = conversion.tenants.get_mut(name) else { continue };
        if let Some(shown) = project.pointer("/spec/displayName").and_then(Value::as_str) {
            let data = Map::from([("displayName".to_owned(), shown.to_owned())]);
            spec.data = Some(data).filter(|_| !shown.contains("{{"));
        }
        let fields = project.pointer("/spec").and_then(Value::as_object);
        let left: Vec<&str> = fields
            .into_iter()
            .flat_map(serde_json::Map::keys)
            .map(String::as_str)
            .filter(|field| !CARRIED.contains(field))
            .collect();
        if !left.is_empty() {
            let left = left.join(", ");
            conversion.notes.push(format!(
                "tenant {name:?} does not get what Rancher does with its Project: {left}"
            ));
        }
    }
    Ok(conversion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_project_with_namespaces_is_a_tenant() {
        let namespace = |name: &str, project: &str| {
            let annotations = json!({ANNOTATION: project, "scheduler.alpha.kubernetes.io/node-selector": "pool=solar"});
            Namespace::from_value(&json!({"metadata": {"name": name, "annotations": annotations}}))
                .expect("a namespace")
        };
        let all = [
            namespace("web", "c-m-7x9:p-solar"),
            namespace("db", "c-m-7x9:p-solar"),
            namespace("x", "c-m-7x9:p-lunar"),
            namespace("free", ""),
        ];
        let project = json!({"metadata": {"name": "p-solar"}, "spec": {"displayName": "Solar", "resourceQuota": {}}});
        let conversion =
            convert(&all.iter().collect::<Vec<_>>(), &[&project]).expect("a conversion");
        assert_eq!(
            conversion.identify,
            [
                json!({"jsonPath": {"path": "$.namespace.metadata.annotations['field.cattle.io/projectId']", "prefix": "c-m-7x9:"}})
            ]
        );
        assert_eq!(conversion.tenants.keys().collect::<Vec<_>>(), ["p-lunar", "p-solar"]);
        assert_eq!(
            serde_json::to_value(&conversion.tenants["p-solar"]).expect("JSON"),
            json!({"owners": [], "data": {"displayName": "Solar"}, "nodeSelector": {"pool": "solar"}})
        );
        assert!(conversion.commands.is_empty());
        assert_eq!(conversion.notes.len(), 2, "{:?}", conversion.notes);
        assert!(conversion.notes[1].ends_with("resourceQuota"), "{:?}", conversion.notes);
    }
}
