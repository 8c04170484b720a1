//! Evidence: what `identify` reads of a namespace. What is one label or annotation can be sealed,
//! so that only admins change it; what is anything else cannot.

use std::collections::BTreeSet;

use super::{Rule, Settings};
use crate::metadata::Field;

impl Settings {
    /// The labels, or the annotations, that rules of `identify` read by their keys.
    pub fn evidence_keys(&self, field: Field) -> BTreeSet<String> {
        self.identify
            .iter()
            .filter_map(|rule| rule.evidence_key(field))
            .map(str::to_owned)
            .collect()
    }

    /// The rules, by their ids, that read of a namespace what cannot be sealed: any client that may
    /// update the namespace moves it by them. What `$.request` said at admission is past, and a
    /// name does not change.
    pub fn unsealed_rules(&self) -> Vec<String> {
        self.identify.iter().filter(|rule| rule.is_unsealed()).map(Rule::id).collect()
    }
}

impl Rule {
    /// The one key that the rule reads; which keys a path with wildcards reads, cannot be known
    /// beforehand.
    fn evidence_key(&self, field: Field) -> Option<&str> {
        match self {
            Self::Label(key) if field == Field::Label => Some(key),
            Self::Annotation(key) if field == Field::Annotation => Some(key),
            Self::JsonPath { path, .. } => match path.members().as_slice() {
                ["namespace", "metadata", found, key] if *found == field.member() => Some(key),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_unsealed(&self) -> bool {
        let Self::JsonPath { path, .. } = self else { return false };
        let is_sealed = [Field::Label, Field::Annotation]
            .iter()
            .any(|field| self.evidence_key(*field).is_some());
        !is_sealed
            && path.root() != Some("request")
            && path.members() != ["namespace", "metadata", "name"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn settings(path: &str) -> Settings {
        Settings::from_value(
            &json!({"identify": [{"jsonPath": {"path": path}}, {"namePrefix": {}}]}),
        )
        .expect("settings")
    }

    #[rstest]
    #[case::a_label("$.namespace.metadata.labels.team", false)]
    #[case::an_annotation("$.namespace.metadata.annotations['example.com/team']", false)]
    #[case::the_name("$.namespace.metadata.name", false)]
    #[case::the_request("$.request.userInfo.groups[*]", false)]
    #[case::any_label("$.namespace.metadata.labels[*]", true)]
    #[case::any_owner("$.namespace.metadata.ownerReferences[*].name", true)]
    #[case::anywhere("$.namespace..team", true)]
    fn what_cannot_be_sealed(#[case] path: &str, #[case] expected: bool) {
        let ids = if expected { vec![format!("jsonPath:{path}")] } else { vec![] };
        assert_eq!(settings(path).unsealed_rules(), ids);
    }

    /// The controller watches nothing but metadata, without managedFields.
    #[rstest]
    fn what_only_the_webhook_knows_is_refused(
        #[values("spec.finalizers[*]", "status.phase", "metadata.managedFields[*].manager")]
        member: &str,
    ) {
        let path = format!("$.namespace.{member}");
        let settings = json!({"identify": [{"jsonPath": {"path": path}}]});
        let error = Settings::from_value(&settings).expect_err("it is refused").to_string();
        assert!(error.contains("which only the webhook knows"), "{error}");
    }

    #[rstest]
    #[case::a_label("$.namespace.metadata.labels.team", &["landlord.dev/tenant", "team"], &[])]
    #[case::an_annotation("$.namespace.metadata.annotations['example.com/team']", &["landlord.dev/tenant"], &["example.com/team"])]
    #[case::any_label("$.namespace.metadata.labels[*]", &["landlord.dev/tenant"], &[])]
    fn keys_that_rules_read(
        #[case] path: &str,
        #[case] labels: &[&str],
        #[case] annotations: &[&str],
    ) {
        let keys =
            [Field::Label, Field::Annotation].map(|field| settings(path).evidence_keys(field));
        assert_eq!(
            keys,
            [labels, annotations].map(|keys| keys.iter().map(|key| (*key).to_owned()).collect())
        );
    }
}
