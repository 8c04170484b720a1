//! Audit log: what the API server says that landlord asked for and wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use fake_apiserver::Commit;
use local_cluster::user::CONTROLLER;
use local_cluster::{Builder, Cluster};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Everything that the controllers ask for; bodies of what they write of namespaces.
fn policy() -> Value {
    let whole = json!({"level": "RequestResponse", "users": [CONTROLLER], "verbs": ["patch"], "resources": [{"group": "", "resources": ["namespaces"]}]});
    json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
           "rules": [whole, {"level": "Metadata", "users": [CONTROLLER]}, {"level": "None"}]})
}

/// See the module. The folder goes with it.
pub(super) struct AuditLog {
    folder: TempDir,
}

impl AuditLog {
    /// A cluster that writes one.
    pub(super) fn attach(builder: Builder) -> Result<(Builder, Self)> {
        let log = Self { folder: tempfile::tempdir()? };
        let file = log.folder.path().join("policy.yaml");
        std::fs::write(&file, policy().to_string())?;
        let builder =
            builder.api_server_argument(format!("--audit-policy-file={}", file.display()));
        Ok((builder.api_server_argument(format!("--audit-log-path={}", log.path().display())), log))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    /// Its events after so many, in the order in which requests ended. A line that was cut off by a
    /// crash is none.
    fn events(&self, after: usize) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path()).unwrap_or_default();
        text.lines().skip(after).filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        std::fs::read_to_string(self.path()).unwrap_or_default().lines().count()
    }

    /// What was asked for after so many lines, but for the lease and watches that began anew.
    pub(super) fn loud(&self, after: usize) -> Vec<String> {
        let mut counts = BTreeMap::<String, usize>::new();
        for event in self.events(after) {
            let (verb, resource) =
                (read_text(&event["verb"]), read_text(&event["objectRef"]["resource"]));
            if verb != "watch" && resource != "leases" {
                *counts.entry(format!("{verb} {resource}")).or_default() += 1;
            }
        }
        counts.into_iter().map(|(what, count)| format!("{count} × {what}")).collect()
    }

    /// Writes of namespaces after so many lines. `known` is how namespaces were at each version;
    /// what was written is added to it. A state that nobody has seen – the answer was lost with the
    /// API server – cannot be compared, so its successor is left out.
    pub(super) fn writes(
        &self,
        after: usize,
        known: &mut BTreeMap<String, Arc<Value>>,
    ) -> Vec<Commit> {
        let mut written = self.events(after);
        written.retain(|event| {
            event["verb"] == "patch"
                && event["objectRef"]["resource"] == "namespaces"
                && event["responseStatus"]["code"] == 200
        });
        for event in &written {
            let now = &event["responseObject"]["metadata"];
            known
                .entry(read_text(&now["resourceVersion"]))
                .or_insert_with(|| Arc::new(json!({"metadata": now})));
        }
        let commit = |event: Value| {
            let (from, to) = (
                read_text(&event["requestObject"]["metadata"]["resourceVersion"]),
                read_text(&event["responseObject"]["metadata"]["resourceVersion"]),
            );
            let (before, after) = (known.get(&from)?, known.get(&to)?);
            let name = read_text(&event["objectRef"]["name"]);
            // What changes nothing is no write.
            (from != to).then(|| Commit {
                who: Some("controller".to_owned()),
                plural: "namespaces".to_owned(),
                namespace: String::new(),
                name,
                before: Some(Arc::clone(before)),
                after: Some(Arc::clone(after)),
            })
        };
        written.into_iter().filter_map(commit).collect()
    }
}

fn read_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The cluster's logs stay where something went wrong.
pub(super) fn keep_logs(cluster: &Cluster) -> Option<PathBuf> {
    let kept = tempfile::Builder::new().prefix("landlord-chaos-").tempdir().ok()?.keep();
    for log in std::fs::read_dir(cluster.logs()).ok()?.flatten() {
        std::fs::copy(log.path(), kept.join(log.file_name())).ok()?;
    }
    Some(kept)
}
