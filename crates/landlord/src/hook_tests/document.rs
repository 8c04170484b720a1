//! A file of hook tests, as it is written.

use anyhow::{Result, bail};
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
    /// One stage. Default: `create` and `reconcile`; with `oldNamespace`, `update`; with `request`,
    /// `create`.
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
    pub(super) denied: Denial,
    /// Parts of warnings.
    pub(super) warnings: Vec<String>,
}

/// Whether a case is denied; at reconcile, whether it is reported as Conflicted.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "write `true`, a part of the message, or a list of parts")]
pub(super) enum Denial {
    Whether(bool),
    Part(String),
    /// All of them. Empty: it is accepted.
    Parts(Vec<String>),
}

impl Default for Denial {
    fn default() -> Self {
        Self::Whether(false)
    }
}

impl Denial {
    pub(super) fn is_expected(&self) -> bool {
        match self {
            Self::Whether(expected) => *expected,
            Self::Part(_) => true,
            Self::Parts(parts) => !parts.is_empty(),
        }
    }

    /// What its message says, among other things.
    pub(super) fn parts(&self) -> &[String] {
        match self {
            Self::Whether(_) => &[],
            Self::Part(part) => std::slice::from_ref(part),
            Self::Parts(parts) => parts,
        }
    }
}

impl Expectation {
    /// Whether it says anything of what is there in the end.
    fn is_of_metadata(&self) -> bool {
        let Absent { labels, annotations } = &self.absent;
        let absent = !(labels.is_empty() && annotations.is_empty());
        absent
            || !(self.labels.is_empty()
                && self.annotations.is_empty()
                && self.node_selector.is_none())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Absent {
    pub(super) labels: Vec<String>,
    pub(super) annotations: Vec<String>,
}

impl Case {
    /// Refuses what would not be judged: a test that cannot fail looks like one that passes.
    pub(super) fn check(&self) -> Result<()> {
        let stages = self.stages();
        let only = |stage| stages.iter().all(|one| *one == stage);
        match &self.old_namespace {
            None if only(StageName::Update) => {
                bail!("stage update needs oldNamespace, as it was before")
            }
            Some(_) if !only(StageName::Update) => {
                bail!("oldNamespace is for edits: write stage: update, or leave one of the two out")
            }
            Some(old) if old.name != self.namespace.name => {
                bail!(
                    "oldNamespace.name is {:?} and namespace.name {:?}: an edit does not rename, so write one name",
                    old.name,
                    self.namespace.name
                )
            }
            _ => {}
        }
        if self.request.is_some() && only(StageName::Reconcile) {
            bail!("request is not known at reconcile: leave it out, or write stage: create");
        }
        if self.expect.denied.is_expected()
            && self.expect.is_of_metadata()
            && !stages.contains(&StageName::Reconcile)
        {
            bail!(
                "expect: nothing is stored of a denied request: leave out labels, annotations, nodeSelector and absent, or write stage: reconcile"
            );
        }
        Ok(())
    }

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
