//! Reports: what landlord says of a namespace where auditors look. One object a namespace, of the
//! kind that the API server serves: a Report of OpenReports, else a PolicyReport of the Kubernetes
//! policy working group.
//!
//! ```text
//! Standing, Placement ─▶ findings ─▶ document (pure) ─▶ create · patch · delete
//! discovery ─▶ ReportKind
//! ```

use std::time::Duration;

use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Preconditions,
};
use kube::{Client, Error, ResourceExt};
use serde_json::Value;

use crate::clock;
use crate::lists::{PAGE, next};

mod document;
mod finding;
mod write;

pub use self::document::{Content, document, fingerprint};
pub use self::finding::{Finding, OutsidePod, Placement, Rule, Standing, Verdict};
pub use self::write::{Stored, is_not_served, remove, store};

/// Of the report that the controller writes, and of the one that `landlord audit` prints.
pub const NAME: &str = "landlord";
pub const AUDIT_NAME: &str = "landlord-audit";
/// The policy and the source that results name.
pub const SOURCE: &str = "landlord";
/// How long one page of a list is waited for.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// By which landlord finds its reports.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    OpenReports,
    PolicyReport,
}

impl ReportKind {
    /// The one that is preferred comes first.
    pub const ALL: [Self; 2] = [Self::OpenReports, Self::PolicyReport];

    /// A bounded word for metrics and status.
    pub fn word(self) -> &'static str {
        match self {
            Self::OpenReports => "OpenReports",
            Self::PolicyReport => "PolicyReport",
        }
    }

    /// As an object has it.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::OpenReports => "openreports.io/v1alpha1",
            Self::PolicyReport => "wgpolicyk8s.io/v1alpha2",
        }
    }

    /// As an object has it.
    pub fn kind(self) -> &'static str {
        match self {
            Self::OpenReports => "Report",
            Self::PolicyReport => "PolicyReport",
        }
    }

    fn resource(self) -> ApiResource {
        let (group, version) = self.api_version().split_once('/').unwrap_or_default();
        let plural = match self {
            Self::OpenReports => "reports",
            Self::PolicyReport => "policyreports",
        };
        let kind = GroupVersionKind::gvk(group, version, self.kind());
        ApiResource::from_gvk_with_plural(&kind, plural)
    }

    /// Reports of one namespace.
    pub fn api(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }

    async fn is_served(self, client: &Client) -> Result<bool, Error> {
        match client.list_api_group_resources(self.api_version()).await {
            Ok(list) => Ok(list.resources.iter().any(|one| one.kind == self.kind())),
            Err(Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The kinds that this API server has, by its own discovery; the one that is preferred first.
pub async fn read_served(client: &Client) -> Result<Vec<ReportKind>, Error> {
    let mut served = Vec::new();
    for kind in ReportKind::ALL {
        if kind.is_served(client).await? {
            served.push(kind);
        }
    }
    Ok(served)
}

/// Gives each report of landlord's own of this kind to `take`, a page at a time.
pub async fn for_each(
    client: &Client,
    kind: ReportKind,
    mut take: impl FnMut(DynamicObject),
) -> Result<(), Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind.resource());
    let mut page = ListParams::default().labels(&format!("{MANAGED_BY}={SOURCE}")).limit(PAGE);
    loop {
        let list = clock::within(PAGE_TIMEOUT, api.list(&page)).await?;
        list.items.into_iter().filter(is_ours).for_each(&mut take);
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// Whether landlord has written a report, by its label, its name and the source of its results.
/// Anyone may use one of these for their own; all three together are landlord's.
pub fn is_ours(object: &DynamicObject) -> bool {
    let label = object.labels().get(MANAGED_BY).map(String::as_str);
    let source = object.data.get("source").and_then(Value::as_str);
    let results = object.data.get("results").and_then(Value::as_array);
    let is_own = |result: &Value| {
        result.get("source").and_then(Value::as_str).or(source).is_some_and(|one| one == SOURCE)
    };
    label == Some(SOURCE)
        && [NAME, AUDIT_NAME].contains(&object.name_any().as_str())
        && source.is_none_or(|one| one == SOURCE)
        && results.into_iter().flatten().all(is_own)
}

/// Which object a report is, so that no other of its name is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: ReportKind,
    pub namespace: String,
    pub name: String,
    uid: Option<String>,
}

impl Found {
    pub fn new(kind: ReportKind, object: &DynamicObject) -> Self {
        Self {
            kind,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid(),
        }
    }

    /// Deletes it. One that is gone, or has become another, is no error.
    pub async fn delete(&self, client: &Client) -> Result<(), Error> {
        let preconditions = Preconditions { uid: self.uid.clone(), resource_version: None };
        let params = DeleteParams::default().preconditions(preconditions);
        match self.kind.api(client, &self.namespace).delete(&self.name, &params).await {
            Err(Error::Api(status)) if [404, 409].contains(&status.code) => Ok(()),
            answer => answer.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::the_controllers(json!({}), true)]
    #[case::audits(json!({"metadata": {"name": "landlord-audit"}}), true)]
    #[case::without_results(json!({"results": null}), true)]
    #[case::of_results_alone(json!({"source": null, "results": [{"source": "landlord"}]}), true)]
    #[case::another_name(json!({"metadata": {"name": "cpol-landlord"}}), false)]
    #[case::another_label(json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "kyverno"}}}), false)]
    #[case::no_label(json!({"metadata": {"labels": null}}), false)]
    #[case::another_source(json!({"source": "kyverno"}), false)]
    #[case::a_result_of_another(json!({"results": [{"source": "landlord"}, {"source": "trivy"}]}), false)]
    #[case::results_of_nobody(json!({"source": null, "results": [{}]}), false)]
    fn whose(#[case] change: Value, #[case] expected: bool) {
        let mut object = json!({
            "apiVersion": "openreports.io/v1alpha1", "kind": "Report", "source": "landlord", "results": [{"policy": "landlord"}],
            "metadata": {"name": "landlord", "namespace": "web", "labels": {"app.kubernetes.io/managed-by": "landlord"}},
        });
        json_patch::merge(&mut object, &change);
        let object = serde_json::from_value(object).expect("an object");
        assert_eq!(is_ours(&object), expected);
    }
}
