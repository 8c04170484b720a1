//! Claim: how a namespace says whose it is. Rules are asked in order; the first that yields a name
//! wins.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::collection::gather;
use crate::keys;
use crate::ledger::Ledger;
use crate::members;
use crate::metadata::Field;
use crate::namespace::{Namespace, READ_METADATA};
use crate::settings::{Rule, Settings};
use crate::tenant::Tenant;

/// Name prefixes are guesses, so each costs a look-up; more than this many are not tried.
const MAX_PREFIX_LOOKUPS: usize = 3;

/// The longest name of a tenant, `namespace:name`.
const MAX_NAME_BYTES: usize = 63 + 1 + 253;

/// What the rules read.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The namespace, as it is or, at admission, as it is asked for.
    pub namespace: &'a Namespace,
    /// What landlord recorded earlier; the default where nothing counts (CREATE).
    pub ledger: &'a Ledger,
    /// `{request, namespace}` for JSONPath rules, as [`document`] makes it; `request` is there at
    /// CREATE only.
    pub document: Option<&'a Value>,
}

/// A namespace's claim to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The tenant's name; whether there is such a tenant is not said.
    pub tenant: String,
    /// Identity of the rule that yielded the name.
    pub rule: String,
    /// The rule, where the tenant label is landlord's own record of what it found (the ledger's
    /// `by`).
    pub by: Option<String>,
}

/// Whose a namespace is. `T` is how the tenant is held: by value, by reference, shared.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution<T> {
    /// No rule yields a name.
    Unclaimed,
    /// The claim names a tenant that does not exist.
    Unknown(Claim),
    /// The claim, and the tenant that it names.
    Known(Claim, T),
}

/// A claim that cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError<E> {
    /// One rule finds the names of several tenants.
    #[error("rule {rule:?} finds several tenants, {names:?}: leave one of them")]
    Ambiguous {
        /// The rule, as in [`Rule::id`].
        rule: String,
        /// The names that it finds, in order.
        names: Vec<String>,
    },
    /// What a rule finds is no name of an object. It is not repeated: it can be a megabyte.
    #[error(
        "rule {rule:?} finds a name of {bytes} bytes, and no tenant has one of more than {MAX_NAME_BYTES}: correct it"
    )]
    TooLong {
        /// The rule, as in [`Rule::id`].
        rule: String,
        /// How long it is.
        bytes: usize,
    },
    /// The tenant could not be read, which says nothing of whether there is one.
    #[error("{0}")]
    Lookup(E),
}

/// What JSONPath rules read of a namespace's object, the same for all that ask; `None` where there
/// are no such rules. What landlord itself writes is not in it, or a claim would stand on what
/// landlord made of it.
pub fn document(
    settings: &Settings,
    request: Option<&Value>,
    object: impl FnOnce() -> Value,
) -> Option<Value> {
    let reads_paths = settings.identify.iter().any(|rule| matches!(rule, Rule::JsonPath { .. }));
    reads_paths.then(|| {
        let mut object = object();
        if let Some(members) = object.as_object_mut() {
            members.retain(|name, _| ["apiVersion", "kind", "metadata"].contains(&name.as_str()));
        }
        if let Some(metadata) = member(&mut object, "metadata") {
            metadata.retain(|name, _| READ_METADATA.contains(&name.as_str()));
        }
        for field in [Field::Label, Field::Annotation] {
            let Some(entries) =
                object.get_mut("metadata").and_then(|it| member(it, field.member()))
            else {
                continue;
            };
            entries.retain(|key, _| match field {
                Field::Label => key != settings.tenant_label(),
                Field::Annotation => !keys::is_own_annotation(key),
            });
        }
        let request = request.map(|request| ("request", request.clone()));
        members::object(request.into_iter().chain([("namespace", object)]))
    })
}

fn member<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(name)?.as_object_mut()
}

/// Asks the rules in order and reads the tenant through `lookup`, which answers `None` for a tenant
/// that does not exist.
pub fn resolve<T: Borrow<Tenant>, E>(
    settings: &Settings,
    evidence: Evidence<'_>,
    mut lookup: impl FnMut(&str) -> Result<Option<T>, E>,
) -> Result<Resolution<T>, ClaimError<E>> {
    let mut guesses = 0;
    // What cannot be read lists no prefix, so a guess at it is no reason to ask no other rule.
    let mut unread = None;
    for rule in &settings.identify {
        let Some(name) = name(settings, rule, evidence)? else { continue };
        let guess = matches!(rule, Rule::NamePrefix { .. });
        guesses += usize::from(guess);
        if guess && guesses > MAX_PREFIX_LOOKUPS {
            continue;
        }
        let claim = || claim(settings, rule, &name, evidence);
        // What landlord has adopted is a guess no more: its tenant is missing.
        let certain = !guess || is_recorded(rule, &name, evidence.ledger);
        let found = match lookup(&name) {
            Err(error) if !certain => {
                unread.get_or_insert(error);
                continue;
            }
            found => found.map_err(ClaimError::Lookup)?,
        };
        match found {
            Some(tenant)
                if !guess || tenant.borrow().lists_prefix_of(evidence.namespace.name_or_stem()) =>
            {
                return Ok(Resolution::Known(claim(), tenant));
            }
            None if certain => return Ok(Resolution::Unknown(claim())),
            _ => {}
        }
    }
    match unread {
        Some(error) => Err(ClaimError::Lookup(error)),
        None => Ok(Resolution::Unclaimed),
    }
}

/// Whether the ledger names the tenant, as found by this rule.
fn is_recorded(rule: &Rule, tenant: &str, ledger: &Ledger) -> bool {
    ledger.tenant == tenant && ledger.by.as_ref().is_some_and(|by| *by == rule.id())
}

/// The name of the tenant that the rules which cannot guess would find, without reading any tenant.
pub fn stated<E>(
    settings: &Settings,
    evidence: Evidence<'_>,
) -> Result<Option<String>, ClaimError<E>> {
    for rule in settings.identify.iter().filter(|rule| !matches!(rule, Rule::NamePrefix { .. })) {
        if let Some(name) = name(settings, rule, evidence)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn claim(settings: &Settings, rule: &Rule, tenant: &str, evidence: Evidence<'_>) -> Claim {
    let own = Rule::Label(settings.tenant_label().to_owned());
    let label = evidence.namespace.metadata.labels.get(settings.tenant_label());
    let stated_by_label = label.is_some_and(|value| value == tenant);
    let recorded = evidence.ledger.tenant == tenant && evidence.ledger.by.is_some();
    let by = if *rule == own {
        evidence.ledger.by.clone().filter(|_| recorded)
    } else {
        (!stated_by_label || recorded).then(|| rule.id())
    };
    Claim { tenant: tenant.to_owned(), rule: rule.id(), by }
}

/// The tenant's name that a rule finds.
fn name<E>(
    settings: &Settings,
    rule: &Rule,
    evidence: Evidence<'_>,
) -> Result<Option<String>, ClaimError<E>> {
    match stated_name(settings, rule, evidence)? {
        Some(stated) if stated.len() > MAX_NAME_BYTES => {
            Err(ClaimError::TooLong { rule: rule.id(), bytes: stated.len() })
        }
        stated => Ok(stated.map(|stated| settings.source.canonical(stated))),
    }
}

fn stated_name<E>(
    settings: &Settings,
    rule: &Rule,
    evidence: Evidence<'_>,
) -> Result<Option<String>, ClaimError<E>> {
    let metadata = &evidence.namespace.metadata;
    let single = |value: Option<&String>| value.filter(|value| !value.is_empty()).cloned();
    match rule {
        Rule::Label(key) if key == settings.tenant_label() => Ok(own_label(settings, evidence)),
        Rule::Label(key) => Ok(single(metadata.labels.get(key))),
        Rule::Annotation(key) => Ok(single(metadata.annotations.get(key))),
        Rule::OwnerReference { group, kind } => {
            let owners = evidence.namespace.owner_references.iter();
            let names = owners.filter(|owner| owner.group == *group && owner.kind == *kind);
            unambiguous(rule, gather(names.map(|owner| owner.name.clone())))
        }
        Rule::NamePrefix { separator, segments } => {
            Ok(prefix(evidence.namespace, separator, *segments))
        }
        Rule::JsonPath { path, prefix } => {
            let Some(document) = evidence.document else { return Ok(None) };
            let values = path.select(document).into_iter();
            let names = values.filter_map(|value| {
                value.as_str()?.strip_prefix(prefix.as_str()).map(str::to_owned)
            });
            unambiguous(rule, gather(names.filter(|name| !name.is_empty())))
        }
    }
}

/// The source's own label. Where it is landlord's record of another rule, it counts only as long as
/// that rule cannot be asked again.
fn own_label(settings: &Settings, evidence: Evidence<'_>) -> Option<String> {
    let value = evidence
        .namespace
        .metadata
        .labels
        .get(settings.tenant_label())
        .filter(|value| !value.is_empty())?;
    let tenant = settings.source.canonical(value.clone());
    let recorded_by = evidence.ledger.by.as_ref().filter(|_| evidence.ledger.tenant == tenant);
    match recorded_by {
        Some(by) if !reads_what_is_gone(settings, by) => None,
        _ => Some(tenant),
    }
}

/// Whether the rule read something that is not there any more: the request, or a path that the
/// settings no longer hold.
fn reads_what_is_gone(settings: &Settings, by: &str) -> bool {
    match settings.identify.iter().find(|rule| rule.id() == by) {
        Some(rule) => rule.reads_request(),
        None => by.starts_with("jsonPath:"),
    }
}

fn unambiguous<E>(rule: &Rule, names: BTreeSet<String>) -> Result<Option<String>, ClaimError<E>> {
    match names.len() {
        0 | 1 => Ok(names.into_iter().next()),
        _ => Err(ClaimError::Ambiguous { rule: rule.id(), names: names.into_iter().collect() }),
    }
}

/// The leading segments of the name; of a `generateName` only those that a separator already ends.
fn prefix(namespace: &Namespace, separator: &str, segments: usize) -> Option<String> {
    let stem = namespace.name_or_stem();
    let (end, _) = stem.match_indices(separator).nth(segments.checked_sub(1)?)?;
    stem.get(..end).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    /// Nobody looks for a tenant of that name, and no log repeats it.
    #[rstest]
    #[case::the_longest(MAX_NAME_BYTES, true)]
    #[case::longer(MAX_NAME_BYTES + 1, false)]
    #[case::a_megabyte(1_000_000, false)]
    fn a_name_that_no_object_has_is_an_error(#[case] bytes: usize, #[case] is_name: bool) {
        let identify = json!([{"annotation": "team"}]);
        let settings = Settings::from_value(&json!({"identify": identify})).unwrap();
        let object =
            json!({"metadata": {"name": "web", "annotations": {"team": "x".repeat(bytes)}}});
        let namespace = Namespace::from_value(&object).unwrap();
        let evidence =
            Evidence { namespace: &namespace, ledger: &Ledger::default(), document: None };
        let mut asked = 0;
        let found = resolve::<Tenant, String>(&settings, evidence, |_| {
            asked += 1;
            Ok(None)
        });
        assert_eq!((found.is_ok(), asked), (is_name, usize::from(is_name)));
        if let Err(error) = found {
            let message = error.to_string();
            assert!(message.contains("annotation:team") && message.len() < 200, "{message}");
        }
    }

    /// Whose a namespace is, of which landlord has recorded that it was solar's.
    #[rstest]
    #[case::stated("$.namespace.metadata.labels.*", json!({"team": "solar"}), Some("solar"))]
    #[case::moved("$.namespace.metadata.labels[*]", json!({"team": "lunar"}), Some("lunar"))]
    #[case::taken_back("$.namespace.metadata.labels.*", json!({}), None)]
    #[case::anywhere("$.namespace..labels.*", json!({"team": "lunar"}), Some("lunar"))]
    #[case::the_record_itself("$.namespace.metadata.labels['landlord.dev/tenant']", json!({}), None)]
    #[case::annotations("$.namespace.metadata.annotations.*", json!({}), None)]
    fn a_path_does_not_read_what_landlord_recorded(
        #[case] path: &str,
        #[case] labels: Value,
        #[case] expected: Option<&str>,
    ) {
        let settings =
            Settings::from_value(&json!({"identify": [{"jsonPath": {"path": path}}]})).unwrap();
        let mut object = json!({"metadata": {"name": "web", "labels": labels}});
        let by = format!("jsonPath:{path}");
        let record = json!({"v": 1, "tenant": "solar", "by": by});
        object["metadata"]["labels"]["landlord.dev/tenant"] = json!("solar");
        object["metadata"]["annotations"] = json!({"landlord.dev/ledger": record.to_string()});
        let namespace = Namespace::from_value(&object).unwrap();
        let ledger = Ledger { tenant: "solar".to_owned(), by: Some(by), ..Ledger::default() };
        let document = document(&settings, None, || object);
        let evidence =
            Evidence { namespace: &namespace, ledger: &ledger, document: document.as_ref() };
        assert_eq!(stated::<String>(&settings, evidence), Ok(expected.map(str::to_owned)));
    }
}
