//! A file of hook tests, as it is written.

use serde::Deserialize;
use serde_json::Value;
use tenancy::metadata::Map;

/// Settings and tenants, and what they must make of namespaces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Suite {
    /// The document, or the path of a file with it, beside this one.
    #[serde(default)]
    pub(super) settings: Value,
    /// Objects, or paths.
    #[serde(default)]
    pub(super) tenants: Vec<Value>,
    pub(super) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Case {
    pub(super) name: String,
    /// One stage. Default: `create` and `reconcile`; with `oldNamespace`, `update`; with `request`, `create`.
    pub(super) stage: Option<StageName>,
    pub(super) namespace: Namespace,
    /// As it was before the edit.
    pub(super) old_namespace: Option<Namespace>,
    /// `userInfo` of who asks. Default: a cluster admin.
    pub(super) request: Option<Request>,
    pub(super) expect: Expectation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StageName {
    Create,
    Update,
    Reconcile,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Namespace {
    pub(super) name: String,
    #[serde(default)]
    pub(super) labels: Map,
    #[serde(default)]
    pub(super) annotations: Map,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) user_info: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Expectation {
    /// What is there in the end, among others.
    pub(super) labels: Map,
    pub(super) annotations: Map,
    pub(super) node_selector: Option<String>,
    /// What is not there in the end.
    pub(super) absent: Absent,
    /// Parts of the message of a denial; at reconcile of the report. Empty: it is accepted.
    pub(super) denied: Vec<String>,
    /// Parts of warnings.
    pub(super) warnings: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Absent {
    pub(super) labels: Vec<String>,
    pub(super) annotations: Vec<String>,
}

impl Case {
    /// At which stages it is judged.
    pub(super) fn stages(&self) -> Vec<StageName> {
        match (self.stage, &self.old_namespace, &self.request) {
            (Some(stage), ..) => vec![stage],
            (None, Some(_), _) => vec![StageName::Update],
            (None, None, Some(_)) => vec![StageName::Create],
            (None, None, None) => vec![StageName::Create, StageName::Reconcile],
        }
    }
}

impl StageName {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Reconcile => "reconcile",
        }
    }
}
