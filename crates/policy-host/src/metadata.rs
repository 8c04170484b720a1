//! Metadata: what a policy says of itself (`policy-metadata.yml`), and kwctl's rules for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The annotation that holds the README.
pub const USAGE: &str = "io.kubewarden.policy.usage";

/// `policy-metadata.yml`, and as JSON the section `io.kubewarden.metadata`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Filled in from the policy itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    pub rules: Vec<Rule>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    pub mutating: bool,
    #[serde(default = "yes")]
    pub background_audit: bool,
    /// Written by old tools; what counts is the list below.
    #[serde(default, skip_serializing_if = "is_false")]
    pub context_aware: bool,
    #[serde(default)]
    pub context_aware_resources: Vec<Resource>,
    /// Patterns of `namespace/operation` that the policy may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_capabilities: Vec<String>,
    #[serde(default)]
    pub execution_mode: ExecutionMode,
    #[serde(default)]
    pub policy_type: PolicyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_kubewarden_version: Option<String>,
}

/// Requests that the policy is for, as in a webhook configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    pub api_groups: Vec<String>,
    pub api_versions: Vec<String>,
    pub resources: Vec<String>,
    pub operations: Vec<Operation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
    #[serde(rename = "*")]
    All,
}

/// A kind that the policy may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resource {
    pub api_version: String,
    pub kind: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionMode {
    #[default]
    KubewardenWapc,
    Opa,
    Gatekeeper,
    Wasi,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyType {
    #[default]
    Kubernetes,
    Raw,
}

/// Metadata that kwctl would not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    #[error("the metadata cannot be read: {0}")]
    Shape(String),
    #[error("rules: empty; say which requests the policy is for")]
    NoRules,
    #[error("rules[{rule}].{field}: {fault}")]
    Rule { rule: usize, field: &'static str, fault: String },
    #[error("executionMode: {mode:?}: only kubewarden-wapc is supported here")]
    ExecutionMode { mode: ExecutionMode },
    #[error("minimumKubewardenVersion: {version:?} is not a version; write for example 1.31.0")]
    Version { version: String },
    #[error(
        "hostCapabilities: {pattern:?} is not a pattern; write *, namespace/* or namespace/operation"
    )]
    Capability { pattern: String },
    #[error("protocolVersion: the policy speaks {version:?}; only \"v1\" is known")]
    Protocol { version: String },
}

fn yes() -> bool {
    true
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Metadata {
    /// Reads and checks `policy-metadata.yml`.
    pub fn parse(yaml: &str) -> Result<Self, MetadataError> {
        let metadata: Self = serde_saphyr::from_str(yaml)
            .map_err(|error| MetadataError::Shape(error.to_string()))?;
        metadata.check()?;
        Ok(metadata)
    }

    /// The same with what the policy and its README say.
    pub fn completed(
        mut self,
        protocol_version: &str,
        usage: Option<&str>,
    ) -> Result<Self, MetadataError> {
        if protocol_version != "v1" {
            return Err(MetadataError::Protocol { version: protocol_version.to_owned() });
        }
        self.protocol_version = Some(protocol_version.to_owned());
        self.annotations.extend(usage.map(|usage| (USAGE.to_owned(), usage.to_owned())));
        Ok(self)
    }

    fn check(&self) -> Result<(), MetadataError> {
        if self.rules.is_empty() && self.policy_type == PolicyType::Kubernetes {
            return Err(MetadataError::NoRules);
        }
        self.rules.iter().enumerate().try_for_each(|(index, rule)| rule.check(index))?;
        if self.execution_mode != ExecutionMode::KubewardenWapc {
            return Err(MetadataError::ExecutionMode { mode: self.execution_mode });
        }
        if let Some(pattern) =
            self.host_capabilities.iter().find(|pattern| !is_capability_pattern(pattern))
        {
            return Err(MetadataError::Capability { pattern: pattern.clone() });
        }
        match &self.minimum_kubewarden_version {
            Some(version) if !is_version(version) => {
                Err(MetadataError::Version { version: version.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// `*`, or a path whose only `*` is its whole last part.
fn is_capability_pattern(pattern: &str) -> bool {
    match pattern.find('*') {
        _ if pattern == "*" => true,
        None => !pattern.trim().is_empty(),
        Some(at) => at + 1 == pattern.len() && pattern.ends_with("/*"),
    }
}

fn is_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.parse::<u64>().is_ok())
}

impl Rule {
    fn check(&self, rule: usize) -> Result<(), MetadataError> {
        let fault = |field, fault: String| Err(MetadataError::Rule { rule, field, fault });
        let lists = [
            ("apiGroups", &self.api_groups),
            ("apiVersions", &self.api_versions),
            ("resources", &self.resources),
        ];
        for (field, list) in lists {
            if list.is_empty() {
                return fault(field, "empty; use \"*\" for all".to_owned());
            }
        }
        for (field, list) in &lists[..2] {
            if list.len() > 1 && list.iter().any(|item| item == "*") {
                return fault(
                    field,
                    "\"*\" stands for all, so nothing else may stand beside it".to_owned(),
                );
            }
        }
        match self.operations.as_slice() {
            [] => return fault("operations", "empty; use \"*\" for all".to_owned()),
            [_] => {}
            many if many.contains(&Operation::All) => {
                return fault(
                    "operations",
                    "\"*\" stands for all, so nothing else may stand beside it".to_owned(),
                );
            }
            _ => {}
        }
        resources_fault(&self.resources).map_or(Ok(()), |words| fault("resources", words))
    }
}

/// The API server's own rule for a webhook's resources (`admissionregistration/validation`).
fn resources_fault(resources: &[String]) -> Option<String> {
    let parts = |resource: &str| {
        resource.split_once('/').map(|(resource, sub)| (resource.to_owned(), sub.to_owned()))
    };
    let has = |resource: &str| resources.iter().any(|other| other == resource);
    if has("") {
        return Some("an empty resource names nothing".to_owned());
    }
    if has("*/*") && resources.len() > 1 {
        return Some("\"*/*\" stands for all, so nothing else may stand beside it".to_owned());
    }
    if has("*") && resources.iter().any(|resource| resource != "*" && !resource.contains('/')) {
        return Some(
            "\"*\" stands for all resources, so no other without a subresource may stand beside it"
                .to_owned(),
        );
    }
    // The order counts there: a narrower resource after a wider one is refused, before it is not.
    resources.iter().enumerate().find_map(|(index, resource)| {
        let (name, sub) = parts(resource)?;
        let wider = [(format!("{name}/*"), sub != "*"), (format!("*/{sub}"), name != "*")];
        let covers = |(wide, narrower): &(String, bool)| {
            *narrower && resources.iter().take(index).any(|other| other == wide)
        };
        wider
            .into_iter()
            .find(covers)
            .map(|(wide, _)| format!("{resource:?} is part of {wide:?} already"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const RULE: &str = "rules: [{apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}]\nmutating: false\n";

    #[test]
    fn good_metadata_is_completed() {
        let metadata = Metadata::parse(RULE).unwrap().completed("v1", Some("# Read me")).unwrap();
        let json = serde_json::to_value(&metadata).unwrap();
        assert_eq!(json["protocolVersion"], "v1");
        assert_eq!(json["executionMode"], "kubewarden-wapc");
        assert_eq!(json["annotations"][USAGE], "# Read me");
    }

    #[rstest]
    #[case("rules: []\nmutating: true", "rules: empty")]
    #[case("mutating: true", "rules")]
    #[case(&format!("{RULE}unknown: 1"), "unknown")]
    #[case(
        "rules: [{apiGroups: [], apiVersions: [v1], resources: [a], operations: [CREATE]}]\nmutating: true",
        "rules[0].apiGroups"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: ['*', v1], resources: [a], operations: [CREATE]}]\nmutating: true",
        "rules[0].apiVersions"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: [v1], resources: [a], operations: []}]\nmutating: true",
        "rules[0].operations"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: [v1], resources: [a], operations: ['*', CREATE]}]\nmutating: true",
        "rules[0].operations"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: [v1], resources: [a/*, a/b], operations: [CREATE]}]\nmutating: true",
        "rules[0].resources"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: [v1], resources: ['*', a], operations: [CREATE]}]\nmutating: true",
        "rules[0].resources"
    )]
    #[case(
        "rules: [{apiGroups: [''], apiVersions: [v1], resources: ['*/*', a/b], operations: [CREATE]}]\nmutating: true",
        "rules[0].resources"
    )]
    #[case(&format!("{RULE}executionMode: opa"), "executionMode")]
    #[case(&format!("{RULE}hostCapabilities: ['oci*']"), "hostCapabilities")]
    #[case(&format!("{RULE}minimumKubewardenVersion: latest"), "minimumKubewardenVersion")]
    fn mistakes_are_refused_with_the_field(#[case] yaml: &str, #[case] part: &str) {
        let message = Metadata::parse(yaml).expect_err("must be refused").to_string();
        assert!(message.contains(part), "{message}");
    }

    #[rstest]
    #[case("['*', a/b, a/*, '*/b']", true)]
    #[case("[a/*, a/x]", false)]
    #[case("[a/*, a]", true)]
    #[case("['*', a/b]", true)]
    #[case("[a, a/status]", true)]
    #[case("['*/scale', a/scale]", false)]
    fn resources_follow_the_api_server(#[case] resources: &str, #[case] valid: bool) {
        let yaml = format!(
            "rules: [{{apiGroups: [''], apiVersions: [v1], resources: {resources}, operations: [CREATE]}}]\nmutating: true"
        );
        assert_eq!(Metadata::parse(&yaml).is_ok(), valid);
    }
}
