//! Node: a place for Pods. There is no kubelet; a node that says it is ready is schedulable.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A node to be made.
#[derive(Clone, Debug, Default)]
pub struct Node {
    name: String,
    labels: BTreeMap<String, String>,
    taints: Vec<Value>,
    pods: u32,
}

impl Node {
    /// A node for 1000 Pods, labelled with its name as `kubernetes.io/hostname` and with
    /// `kubernetes.io/os: linux`.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let labels = [("kubernetes.io/hostname", name.as_str()), ("kubernetes.io/os", "linux")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        Self { name, labels, taints: Vec::new(), pods: 1000 }
    }

    /// Adds a label.
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a taint; `effect` is `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        self.taints.push(json!({"key": key, "value": value, "effect": effect}));
        self
    }

    /// How many Pods fit.
    pub fn pods(self, pods: u32) -> Self {
        Self { pods, ..self }
    }

    /// The object, ready to be posted.
    pub fn manifest(&self) -> Value {
        let room = json!({"cpu": "1000", "memory": "1000Gi", "pods": self.pods.to_string()});
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": self.labels},
            "spec": {"taints": self.taints},
            "status": {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True", "reason": "NoKubelet"}]},
        })
    }
}
