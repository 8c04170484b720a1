//! Shortfall: what the guard in the cluster lacks of the one that the settings call for. Whether
//! Pods wait or are refused, and whether selectors are filled in, is up to anyone who installs it.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::ListParams;
use kube::{Client, Error, ResourceExt};
use serde_json::Value;
use tenancy::settings::{OnUnready, Settings};

use super::kinds::{api, read_served, served_kinds};
use guard::difference::Id;
use guard::form::{Form, Served, Webhook};
use guard::{Guard, Part};

/// The guard's objects in the API server, and what they say.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    specs: BTreeMap<Id, Value>,
    served: Served,
}

/// See the module. Parts in the order of their installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortfall {
    pub wanted: Vec<String>,
    /// Parts of which the policy or the binding is not there.
    missing: Vec<String>,
    /// Parts of which something is not as it is rendered, and the fields of the spec that differ.
    differing: Vec<(String, BTreeSet<String>)>,
}

impl Stored {
    /// Reads them from the cluster.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        let served = read_served(client).await?;
        let mut stored = Self { specs: BTreeMap::new(), served };
        for kind in served_kinds(served) {
            let list = api(client, served, kind).list(&ListParams::default()).await?;
            stored.specs.extend(list.into_iter().map(|object| {
                let spec = object.data.get("spec").cloned().unwrap_or_default();
                (Id::new(kind, &object.name_any()), spec)
            }));
        }
        Ok(stored)
    }

    /// The kinds that the API server serves.
    pub fn served(&self) -> Served {
        self.served
    }

    /// The form of which the parts that make it out are bound; `None` where nothing refuses Pods.
    pub fn form_in_force(&self) -> Option<Form> {
        if !self.is_bound("ValidatingAdmissionPolicy", Part::Deny) {
            return None;
        }
        let mutating = self
            .is_bound("MutatingAdmissionPolicy", Part::Seal)
            .then_some(self.served.mutating)
            .flatten();
        let alone = if self.is_bound("ValidatingAdmissionPolicy", Part::Seal) {
            Form::Validating
        } else {
            Form::BesideWebhook
        };
        Some(mutating.map_or(alone, Form::Mutating))
    }

    /// Whether the part is in force that gives Pods their namespace's node selector.
    pub fn places_pods(&self) -> bool {
        self.is_bound("MutatingAdmissionPolicy", Part::Place)
    }

    fn is_bound(&self, kind: &str, part: Part) -> bool {
        let name = format!("{}-{}", guard::NAME, part.word());
        let there = |kind: String| self.specs.contains_key(&Id::new(&kind, &name));
        there(kind.to_owned()) && there(format!("{kind}Binding"))
    }

    /// What lacks where no webhook judges anything.
    pub fn shortfall_alone(&self, settings: &Settings) -> Option<String> {
        let Some(form) = Form::select(self.served, Webhook::Absent) else {
            return Some("the API server serves no ValidatingAdmissionPolicies".to_owned());
        };
        let shortfall = self.shortfall(settings, form);
        let beside = Form::BesideWebhook;
        if !shortfall.is_none() && self.form_in_force() == Some(beside) && !form.mutates() {
            return Some(format!(
                "it is in its form {}: {}; without the webhook, claims are judged from Kubernetes 1.36 on, or by the form {}",
                beside.word(),
                beside.uncovered(),
                form.word()
            ));
        }
        (!shortfall.is_none()).then(|| shortfall.describe())
    }

    /// What lacks of this form. Of the ways to install it, the one counts that is nearest to what
    /// is there.
    pub fn shortfall(&self, settings: &Settings, form: Form) -> Shortfall {
        let [first, others @ ..] =
            Self::ways(settings, form).map(|guard| self.compare(&guard.objects()));
        let nearer = |best: Shortfall, one: Shortfall| {
            if one.differing.len() < best.differing.len() { one } else { best }
        };
        others.into_iter().fold(first, nearer)
    }

    /// Whether the seal is there and undoes or refuses what this user writes, because it was
    /// rendered for a controller with another account.
    pub fn seals_against(&self, username: &str) -> bool {
        let exempt = guard::is_user(username);
        self.specs.iter().filter(|(id, _)| id.part() == "seal").any(|(_, spec)| {
            let conditions = spec.get("matchConditions").and_then(Value::as_array);
            conditions.is_some_and(|conditions| {
                !conditions.iter().any(|one| {
                    one["expression"].as_str().is_some_and(|text| text.contains(&exempt))
                })
            })
        })
    }

    /// As the settings say, first.
    fn ways(settings: &Settings, form: Form) -> [Guard<'_>; 4] {
        let guard = Guard { form, ..Guard::new(settings) };
        let other = match guard.on_unready {
            OnUnready::Hold => OnUnready::Deny,
            OnUnready::Deny => OnUnready::Hold,
        };
        let ways =
            [(guard.on_unready, false), (guard.on_unready, true), (other, false), (other, true)];
        ways.map(|(on_unready, place)| Guard { on_unready, place, ..guard })
    }

    fn compare(&self, rendered: &[Value]) -> Shortfall {
        let mut shortfall = Shortfall::default();
        for object in rendered {
            let id = Id::of_rendered(object);
            push(&mut shortfall.wanted, id.part());
            let wanted = object.get("spec").unwrap_or(&Value::Null);
            match self.specs.get(&id) {
                None => push(&mut shortfall.missing, id.part()),
                Some(found) if found == wanted => {}
                Some(found) => {
                    shortfall.differing.push((id.part().to_owned(), differing(found, wanted)))
                }
            }
        }
        shortfall
    }
}

impl Shortfall {
    pub fn is_none(&self) -> bool {
        self.missing.is_empty() && self.differing.is_empty()
    }

    /// Whether nothing of the guard does anything.
    pub fn is_all(&self) -> bool {
        self.missing == self.wanted
    }

    /// What is lacking, by part.
    pub fn describe(&self) -> String {
        let missing = (!self.missing.is_empty())
            .then(|| format!("parts of it are missing, or not bound: {}", self.missing.join(", ")));
        let differing = self.differing.iter().map(|(part, fields)| {
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            format!(
                "part {part} is not the one for these settings: it differs in {}",
                fields.join(", ")
            )
        });
        missing.into_iter().chain(differing).collect::<Vec<_>>().join("; ")
    }
}

/// A policy and its binding are one part.
fn push(parts: &mut Vec<String>, part: &str) {
    if parts.last().is_none_or(|last| last != part) {
        parts.push(part.to_owned());
    }
}

/// The fields of two specs that are not equal, or that only one of them has.
fn differing(found: &Value, wanted: &Value) -> BTreeSet<String> {
    let fields =
        [found, wanted].into_iter().filter_map(Value::as_object).flat_map(|spec| spec.keys());
    fields.filter(|field| found.get(*field) != wanted.get(*field)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use guard::form::MutatingVersion;
    use rstest::rstest;
    use serde_json::json;

    const MUTATING: Form = Form::Mutating(MutatingVersion::V1);

    fn settings(value: Value) -> Settings {
        Settings::from_value(&value).expect("settings")
    }

    fn stored(guard: &Guard<'_>) -> Stored {
        let specs = guard
            .objects()
            .iter()
            .map(|object| (Id::of_rendered(object), object["spec"].clone()))
            .collect();
        let mutating = guard.form.mutates().then(|| guard.form.version());
        Stored { specs, served: Served { mutating, validating: true } }
    }

    /// The words about a guard rendered for no settings, after an edit.
    fn describe(edit: impl FnOnce(&mut Stored)) -> String {
        let settings = settings(json!({}));
        let mut stored = stored(&Guard::new(&settings));
        edit(&mut stored);
        stored.shortfall(&settings, MUTATING).describe()
    }

    #[rstest]
    #[case::other_scope(json!({"guard": {"scope": "all"}}), "part deny is not the one for these settings: it differs in matchConstraints")]
    #[case::other_source(json!({"tenantSource": "capsule"}), "part seal is not the one for these settings: it differs in ")]
    #[case::other_label(json!({"tenantSource": "capsule"}), "part deny is not the one for these settings: it differs in matchConstraints, variables")]
    #[case::other_admins(json!({"admins": {"groups": ["ops"]}}), "part names is not the one")]
    #[case::the_settings_want_deny(json!({"guard": {"onUnready": "deny"}}), "")]
    fn a_guard_for_other_settings(#[case] now: Value, #[case] expected: &str) {
        let before = settings(json!({}));
        let words = stored(&Guard::new(&before)).shortfall(&settings(now), MUTATING).describe();
        assert!(words.contains(expected) && words.is_empty() == expected.is_empty(), "{words}");
    }

    #[rstest]
    fn how_it_is_installed_does_not_matter(
        #[values(OnUnready::Hold, OnUnready::Deny)] on_unready: OnUnready,
        #[values(true, false)] place: bool,
        #[values(MUTATING, Form::Validating, Form::BesideWebhook)] form: Form,
    ) {
        let settings = settings(json!({}));
        let guard = Guard { on_unready, place, form, ..Guard::new(&settings) };
        let mut stored = stored(&guard);
        assert!(stored.shortfall(&settings, form).is_none());
        assert_eq!(stored.form_in_force(), Some(form));
        stored.specs.remove(&Id::new("ValidatingAdmissionPolicyBinding", "landlord-guard-deny"));
        assert_eq!(
            stored.shortfall(&settings, form).describe(),
            "parts of it are missing, or not bound: deny"
        );
        assert_eq!(stored.form_in_force(), None);
    }

    #[rstest]
    fn whom_the_seal_lets_write(#[values(MUTATING, Form::Validating)] form: Form) {
        let settings = settings(json!({"controller": "ops:robot"}));
        let stored = stored(&Guard { form, ..Guard::new(&settings) });
        assert!(!stored.seals_against("system:serviceaccount:ops:robot"));
        assert!(stored.seals_against("system:serviceaccount:landlord:controller"));
        assert!(!Stored::default().seals_against("system:serviceaccount:landlord:controller"));
    }

    #[test]
    fn what_is_missing() {
        assert_eq!(
            describe(|stored| stored
                .specs
                .retain(|id, _| id.part() != "seal" && id.part() != "hold")),
            "parts of it are missing, or not bound: seal, hold"
        );
        let (settings, none) = (settings(json!({})), Stored::default());
        let shortfall = none.shortfall(&settings, MUTATING);
        assert!(shortfall.is_all() && !shortfall.is_none());
    }

    /// Where the webhook is not asked, only a form that judges claims itself is enough.
    #[rstest]
    #[case(MUTATING, None)]
    #[case(Form::Validating, None)]
    #[case(Form::BesideWebhook, Some("judged by the webhook only"))]
    fn what_is_missing_without_a_webhook(#[case] form: Form, #[case] expected: Option<&str>) {
        let settings = settings(json!({}));
        let words = stored(&Guard { form, ..Guard::new(&settings) }).shortfall_alone(&settings);
        assert_eq!(words.is_some(), expected.is_some(), "{words:?}");
        assert!(words.unwrap_or_default().contains(expected.unwrap_or_default()));
    }

    #[rstest]
    #[case("ValidatingAdmissionPolicyBinding", "deny", json!({"validationActions": ["Audit"]}), "validationActions")]
    #[case("ValidatingAdmissionPolicyBinding", "deny", json!({"matchResources": {}}), "matchResources")]
    #[case("MutatingAdmissionPolicy", "seal", json!({"failurePolicy": "Ignore"}), "failurePolicy")]
    #[case("ValidatingAdmissionPolicy", "binding", json!({"matchConditions": [{"name": "never", "expression": "false"}]}), "matchConditions")]
    fn what_somebody_changed(
        #[case] kind: &str,
        #[case] part: &str,
        #[case] change: Value,
        #[case] field: &str,
    ) {
        let words = describe(|stored| {
            let spec = stored
                .specs
                .get_mut(&Id::new(kind, &format!("landlord-guard-{part}")))
                .expect("an object");
            change
                .as_object()
                .expect("fields")
                .iter()
                .for_each(|(field, value)| spec[field] = value.clone());
        });
        assert_eq!(
            words,
            format!("part {part} is not the one for these settings: it differs in {field}")
        );
    }
}
