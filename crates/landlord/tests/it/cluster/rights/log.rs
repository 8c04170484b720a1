//! The API server's audit log: what a user has asked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use local_cluster::user::CONTROLLER;
use local_cluster::{Builder, Cluster};
use serde_json::Value;
use tempfile::TempDir;

/// Everything that a service account asks for, without bodies.
const POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}"#;

/// `verb group/resource[/subresource][ name]`.
pub(super) type Right = String;

/// One request of the audit log.
pub(super) struct Request {
    pub(super) right: Right,
    /// Of the object.
    name: String,
    /// Whether the authorizer refused it; what admission denies, the account had the right for.
    pub(super) is_forbidden: bool,
    pub(super) at: String,
}

/// A cluster that writes an audit log, and where that is. The folder goes when it is dropped.
pub(in crate::cluster) fn audited_cluster() -> (Builder, PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("policy.yaml"), POLICY).expect("a file");
    let log = folder.path().join("audit.log");
    let builder = Cluster::builder()
        .api_server_argument(format!(
            "--audit-policy-file={}",
            folder.path().join("policy.yaml").display()
        ))
        .api_server_argument(format!("--audit-log-path={}", log.display()));
    (builder, log, folder)
}

/// What the controller has asked for.
pub(super) fn requests(log: &Path) -> Vec<Request> {
    requests_of(CONTROLLER, log)
}

fn requests_of(user: &str, log: &Path) -> Vec<Request> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = events.filter(|event| {
        event["user"]["username"] == user && event["objectRef"]["resource"].is_string()
    });
    ours.map(|event| Request {
        right: right(&event),
        name: event["objectRef"]["name"].as_str().unwrap_or_default().to_owned(),
        is_forbidden: event["annotations"]["authorization.k8s.io/decision"] == "forbid",
        at: event["requestReceivedTimestamp"].as_str().unwrap_or_default().to_owned(),
    })
    .collect()
}

/// Rights that this user has used, and those that were missing.
pub(in crate::cluster) fn used_and_missing(
    user: &str,
    log: &Path,
) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let requests = requests_of(user, log);
    let missing =
        requests.iter().filter(|one| one.is_forbidden).map(|one| one.right.clone()).collect();
    (requests.into_iter().map(|one| one.right).collect(), missing)
}

fn right(event: &Value) -> Right {
    let part = |name: &str| event["objectRef"][name].as_str().unwrap_or_default();
    let sub = if part("subresource").is_empty() {
        String::new()
    } else {
        format!("/{}", part("subresource"))
    };
    format!(
        "{} {}/{}{sub}",
        event["verb"].as_str().unwrap_or_default(),
        part("apiGroup"),
        part("resource")
    )
}

impl Request {
    /// As a rule says it that lists no names, and as one that does.
    pub(super) fn rights(self) -> [Right; 2] {
        let named = format!("{} {}", self.right, self.name);
        [self.right, named]
    }
}
