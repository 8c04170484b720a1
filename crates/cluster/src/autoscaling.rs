//! Nodes that an autoscaler can make: the labels that they would have. A pool without a node is no
//! mistake if one of these templates admits its selector.
//!
//! Karpenter's rules are those of its package `scheduling` (`Requirements.Compatible`), Cluster
//! API's those of the provider `clusterapi` of the cluster autoscaler.

use serde_json::Value;
use tenancy::metadata::Map;

mod read;

pub use self::read::{Templates, read};

/// What the cluster autoscaler takes the labels of a node from that is not there yet: `k=v,k=v`.
const CAPACITY_LABELS: &str = "capacity.cluster-autoscaler.kubernetes.io/labels";
/// Most nodes of a group of the cluster autoscaler.
const MAX_SIZE: &str = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size";
/// Domains of labels that Cluster API copies from a machine to its node.
const MACHINE_DOMAINS: [&str; 3] =
    ["node-role.kubernetes.io", "node-restriction.kubernetes.io", "node.cluster.x-k8s.io"];
/// The label that Karpenter puts on each node of a NodePool: the pool's name.
const NODE_POOL: &str = "karpenter.sh/nodepool";
/// Labels that Karpenter's providers give nodes whether a NodePool names them or not.
const WELL_KNOWN: [&str; 9] = [
    "karpenter.sh/capacity-type",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "node.kubernetes.io/windows-build",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.k8s.aws/zone-id",
    "topology.kubernetes.io/rack",
];
/// The same by domain.
const PROVIDERS: [&str; 4] =
    ["karpenter.k8s.aws/", "karpenter.azure.com/", "karpenter.k8s.gcp/", "karpenter.kwok.sh/"];

/// Nodes that can be made alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Kind and name of the object, as `NodePool general`.
    pub name: String,
    /// Labels that each of its nodes gets.
    labels: Map,
    /// What Karpenter chooses of.
    requirements: Vec<Requirement>,
    /// Whether labels that are well known are chosen for the Pod where nothing says which.
    chooses: bool,
}

/// A label that nodes of a NodePool have or not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    /// At least so much, and at most so much.
    Between(Option<i64>, Option<i64>),
    /// An operator that is newer than this.
    Unknown,
}

impl Template {
    /// Reads a NodePool of `karpenter.sh/v1`; `None` for one that makes no nodes.
    pub fn from_node_pool(pool: &Value) -> Option<Self> {
        let name = pool.pointer("/metadata/name")?.as_str()?;
        let limits = pool.pointer("/spec/limits").and_then(Value::as_object);
        if is_leaving(pool) || limits.is_some_and(|limits| limits.values().any(is_zero)) {
            return None;
        }
        let template = pool.pointer("/spec/template")?;
        let mut labels = strings(template.pointer("/metadata/labels"));
        labels.insert(NODE_POOL.to_owned(), name.to_owned());
        let requirements = template.pointer("/spec/requirements").and_then(Value::as_array);
        let requirements = requirements.into_iter().flatten().filter_map(Requirement::read);
        Some(Self {
            name: format!("NodePool {name}"),
            labels,
            requirements: requirements.collect(),
            chooses: true,
        })
    }

    /// Reads a MachineDeployment or MachinePool of `cluster.x-k8s.io`; `None` for one that the
    /// cluster autoscaler does not look at, or never makes larger.
    pub fn from_machines(machines: &Value) -> Option<Self> {
        let text = |path: &str| machines.pointer(path).and_then(Value::as_str);
        let annotations = strings(machines.pointer("/metadata/annotations"));
        let most = annotations.get(MAX_SIZE);
        let stated = annotations.get(CAPACITY_LABELS);
        let is_scaled = most.or(stated).is_some() && most.is_none_or(|most| most.trim() != "0");
        if is_leaving(machines) || !is_scaled {
            return None;
        }
        let is_copied = |key: &String| {
            let domain = key.split_once('/').map_or("", |(domain, _)| domain);
            MACHINE_DOMAINS.iter().any(|parent| is_within(domain, parent))
        };
        let machine = strings(machines.pointer("/spec/template/metadata/labels"));
        let mut labels: Map = machine.into_iter().filter(|(key, _)| is_copied(key)).collect();
        let parts = stated.into_iter().flat_map(|stated| stated.split(','));
        labels.extend(parts.filter_map(|part| {
            let (key, value) = part.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        }));
        let name = format!("{} {}", text("/kind")?, text("/metadata/name")?);
        Some(Self { name, labels, requirements: Vec::new(), chooses: false })
    }

    /// Whether a node can be made that carries all of these labels.
    pub fn admits(&self, selector: &Map) -> bool {
        selector.iter().all(|(key, value)| self.admits_label(key, value))
    }

    fn admits_label(&self, key: &str, value: &str) -> bool {
        let required: Vec<&Requirement> =
            self.requirements.iter().filter(|requirement| requirement.key == key).collect();
        let is_admitted = required.iter().all(|requirement| requirement.test.admits(value));
        match self.labels.get(key) {
            Some(label) => label == value && is_admitted,
            None if required.is_empty() => self.chooses && is_well_known(key),
            None => is_admitted,
        }
    }
}

impl Requirement {
    fn read(item: &Value) -> Option<Self> {
        let key = item.get("key")?.as_str()?.to_owned();
        let values: Vec<String> = item
            .get("values")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|value| Some(value.as_str()?.to_owned()))
            .collect();
        let number = || values.first().and_then(|value| value.parse::<i64>().ok());
        let test = match item.get("operator")?.as_str()? {
            "In" => Test::In(values),
            "NotIn" => Test::NotIn(values),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            "Gt" => {
                number().map_or(Test::Unknown, |least| Test::Between(least.checked_add(1), None))
            }
            "Lt" => number().map_or(Test::Unknown, |most| Test::Between(None, most.checked_sub(1))),
            _ => Test::Unknown,
        };
        Some(Self { key, test })
    }
}

impl Test {
    fn admits(&self, value: &str) -> bool {
        let is = |listed: &String| listed == value;
        match self {
            Self::In(values) => values.iter().any(is),
            Self::NotIn(values) => !values.iter().any(is),
            Self::Exists => true,
            Self::DoesNotExist | Self::Unknown => false,
            Self::Between(least, most) => value.parse::<i64>().is_ok_and(|number| {
                least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
            }),
        }
    }
}

fn is_well_known(key: &str) -> bool {
    WELL_KNOWN.contains(&key) || PROVIDERS.iter().any(|domain| key.starts_with(domain))
}

fn is_within(domain: &str, parent: &str) -> bool {
    domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

fn is_leaving(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
}

fn is_zero(quantity: &Value) -> bool {
    match quantity {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text == "0",
        _ => false,
    }
}

fn strings(map: Option<&Value>) -> Map {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn map(pairs: &[(&str, &str)]) -> Map {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn node_pool(labels: Value, requirements: Value) -> Value {
        json!({"metadata": {"name": "general"}, "spec": {"template": {
            "metadata": {"labels": labels}, "spec": {"requirements": requirements}}}})
    }

    /// Whether a NodePool with one requirement of the key `pool` makes nodes with `pool=4`.
    #[rstest]
    #[case::is_in(json!({"operator": "In", "values": ["3", "4"]}), true)]
    #[case::is_not_among(json!({"operator": "In", "values": ["3"]}), false)]
    #[case::not_in(json!({"operator": "NotIn", "values": ["3"]}), true)]
    #[case::in_not_in(json!({"operator": "NotIn", "values": ["3", "4"]}), false)]
    #[case::exists(json!({"operator": "Exists"}), true)]
    #[case::does_not_exist(json!({"operator": "DoesNotExist"}), false)]
    #[case::greater(json!({"operator": "Gt", "values": ["3"]}), true)]
    #[case::not_greater(json!({"operator": "Gt", "values": ["4"]}), false)]
    #[case::less(json!({"operator": "Lt", "values": ["5"]}), true)]
    #[case::not_less(json!({"operator": "Lt", "values": ["4"]}), false)]
    #[case::no_number(json!({"operator": "Gt", "values": ["x"]}), false)]
    #[case::an_operator_to_come(json!({"operator": "Near", "values": ["4"]}), false)]
    fn requirements(#[case] mut requirement: Value, #[case] expected: bool) {
        requirement["key"] = json!("pool");
        let pool = node_pool(json!({}), json!([requirement]));
        let template = Template::from_node_pool(&pool).expect("a template");
        assert_eq!(template.admits(&map(&[("pool", "4")])), expected);
    }

    #[rstest]
    #[case::label(&[("pool", "solar")], true)]
    #[case::another_value(&[("pool", "lunar")], false)]
    #[case::both(&[("pool", "solar"), ("tier", "prod")], true)]
    #[case::one_of_two(&[("pool", "solar"), ("tier", "none")], false)]
    #[case::unknown_label(&[("pool", "solar"), ("disk", "ssd")], false)]
    #[case::well_known(&[("pool", "solar"), ("kubernetes.io/arch", "arm64")], true)]
    #[case::well_known_and_required(&[("kubernetes.io/os", "windows")], false)]
    #[case::of_a_provider(&[("karpenter.k8s.aws/instance-family", "m7g")], true)]
    #[case::its_own_name(&[("karpenter.sh/nodepool", "general")], true)]
    #[case::another_pools_name(&[("karpenter.sh/nodepool", "other")], false)]
    #[case::no_selector(&[], true)]
    fn node_pools(#[case] selector: &[(&str, &str)], #[case] expected: bool) {
        let requirements = json!([
            {"key": "tier", "operator": "In", "values": ["prod", "test"]},
            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        ]);
        let pool = node_pool(json!({"pool": "solar"}), requirements);
        let template = Template::from_node_pool(&pool).expect("a template");
        assert_eq!(
            (template.admits(&map(selector)), template.name.as_str()),
            (expected, "NodePool general")
        );
    }

    #[rstest]
    #[case::cpu("/spec/limits", json!({"cpu": "0"}))]
    #[case::nodes("/spec/limits", json!({"cpu": "10", "nodes": 0}))]
    #[case::leaving("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"))]
    fn pools_that_make_nothing(#[case] path: &str, #[case] value: Value) {
        let mut pool = node_pool(json!({}), json!([]));
        assert!(Template::from_node_pool(&pool).is_some());
        let (parent, field) = path.rsplit_once('/').expect("a field");
        pool.pointer_mut(parent).expect("its parent")[field] = value;
        assert_eq!(Template::from_node_pool(&pool), None);
    }

    fn machines(annotations: Value) -> Value {
        let labels = json!({"node-restriction.kubernetes.io/pool": "solar", "cluster.x-k8s.io/cluster-name": "a"});
        json!({"kind": "MachineDeployment", "metadata": {"name": "md-0", "annotations": annotations},
               "spec": {"template": {"metadata": {"labels": labels}}}})
    }

    #[rstest]
    #[case::stated(&[("pool", "solar"), ("tier", "prod")], true)]
    #[case::copied_from_the_machine(&[("node-restriction.kubernetes.io/pool", "solar")], true)]
    #[case::not_copied(&[("cluster.x-k8s.io/cluster-name", "a")], false)]
    #[case::nothing_is_chosen(&[("kubernetes.io/arch", "arm64")], false)]
    fn machine_deployments(#[case] selector: &[(&str, &str)], #[case] expected: bool) {
        let stated = json!({CAPACITY_LABELS: "pool=solar, tier=prod"});
        let template = Template::from_machines(&machines(stated)).expect("a template");
        assert_eq!(
            (template.admits(&map(selector)), template.name.as_str()),
            (expected, "MachineDeployment md-0")
        );
    }

    #[rstest]
    #[case::not_scaled(json!({}), false)]
    #[case::by_size(json!({MAX_SIZE: "3"}), true)]
    #[case::never(json!({MAX_SIZE: "0", CAPACITY_LABELS: "pool=solar"}), false)]
    fn machines_that_are_scaled(#[case] annotations: Value, #[case] expected: bool) {
        assert_eq!(Template::from_machines(&machines(annotations)).is_some(), expected);
    }
}
