//! Evidence: what `identify` reads of a namespace. What is one label or annotation can be sealed,
//! so that only admins change it; what is anything else cannot.

use std::collections::BTreeSet;

use super::{Rule, Settings};
use crate::decode::DecodeError;
use crate::dialect::Dialect;
use crate::hook::{self, Hook, Source};
use crate::metadata::{Field, Key};
use crate::template::Template;
use crate::tenant::{Entry, Tenant};
use crate::why::Why;

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

    /// Refuses a tenant that lists a key from which a rule would learn another name than its own.
    /// Landlord never writes such a key, so its author means something that never happens.
    pub(super) fn check_evidence(&self, tenant: &Tenant) -> Result<(), DecodeError> {
        let layers = tenant.layers.iter().filter(|_| tenant.dialect == Dialect::Landlord);
        for layer in layers {
            let fault = |field: Field, entry: &Entry| {
                let message =
                    self.contradicts(field, &entry.key, Some(&entry.value), Some(&tenant.name))?;
                let path = format!("{}[{:?}]", field.member(), entry.key.as_source());
                Some(DecodeError::new(path, message)).map(|fault| match layer.why {
                    Why::Override(index) => fault.within(&format!("overrides[{index}]")),
                    _ => fault,
                })
            };
            let labels = layer.labels.iter().map(|entry| (Field::Label, entry));
            let annotations = layer.annotations.iter().map(|entry| (Field::Annotation, entry));
            let mut faults = labels.chain(annotations).filter_map(|(of, entry)| fault(of, entry));
            faults.next().map_or(Ok(()), Err)?;
        }
        tenant.hooks.iter().try_for_each(|hook| self.check_hook(hook, Some(&tenant.name)))
    }

    /// The same for a hook; without `tenant` for what it does whatever the tenant is called.
    pub(super) fn check_hook(&self, hook: &Hook, tenant: Option<&str>) -> Result<(), DecodeError> {
        let sets = hook.set.iter().map(|setting| {
            let value = match &setting.value {
                Source::Text(text) => Some(text),
                Source::Path(_) => None,
            };
            (setting.field, &setting.key, value, hook::check::place_of(setting))
        });
        let removes = hook
            .remove
            .iter()
            .map(|removal| (removal.field, &removal.key, None, "remove".to_owned()));
        let mut faults = sets.chain(removes).filter_map(|(field, key, value, place)| {
            let message = self.contradicts(field, key, value, tenant)?;
            Some(DecodeError::new("hooks", format!("hook {:?}: {place}: {message}", hook.name)))
        });
        faults.next().map_or(Ok(()), Err)
    }

    /// Why nobody can mean that the key gets this value (`None`: an unknown one, or none), where that
    /// can be seen before there is a namespace.
    fn contradicts(
        &self,
        field: Field,
        key: &Template,
        value: Option<&Template>,
        tenant: Option<&str>,
    ) -> Option<String> {
        let render = |text: &Template| match tenant {
            Some(tenant) => text.render(tenant, None),
            None => Some(text.as_source().to_owned()).filter(|_| !text.has_tags()),
        };
        let key = Key { field, name: render(key)? };
        let value = match value {
            Some(value) => Some(render(value)?),
            None => None,
        };
        let rule = self.identify.iter().find(|rule| {
            let stated = value.as_deref().and_then(|value| value.strip_prefix(rule.prefix()));
            let own = stated.map(|stated| self.source.canonical(stated.to_owned()));
            let is_own = own.is_some_and(|own| tenant == Some(own.as_str()));
            let by_value = |value: &String| !rule.prefix().is_empty() && rule.reads(&key, value);
            let reads =
                rule.evidence_key(field) == Some(&key.name) || value.as_ref().is_some_and(by_value);
            reads && !is_own
        })?;
        Some(format!(
            "rule {} of identify learns from {key} whose a namespace is, so landlord does not write it: take it out",
            rule.id()
        ))
    }
}

impl Rule {
    /// What stands before the tenant's name in the values that it reads.
    fn prefix(&self) -> &str {
        match self {
            Self::JsonPath { prefix, .. } => prefix,
            _ => "",
        }
    }

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
        assert!(error.contains("which is not there for all that ask"), "{error}");
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
