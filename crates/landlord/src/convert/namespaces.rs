//! Tenants found in the namespaces that are there: by a label, an annotation, a prefix of their
//! names, or the node selector that they share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde_json::json;
use tenancy::keys::NODE_SELECTOR;
use tenancy::metadata::{Field, Key};
use tenancy::namespace::Namespace;
use tenancy::tenant::landlord::Namespaces;

use super::conversion::Conversion;
use super::groups::{self, Groups, add_by_key, by_key};
use super::names::unused;
use super::seen::Seen;

/// Digits of separators that prefixes of a Tenant can end in.
const SEPARATOR: &str = "-abcdefghijklmnopqrstuvwxyz0123456789";

/// By what namespaces belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// The value of a label or annotation.
    Key(Key),
    /// What stands before this separator in their names.
    Prefix(String),
    /// The node selector.
    Selector,
}

impl FromStr for Grouping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match (word, rest) {
            ("label" | "annotation", "") => {
                Err(format!("{text:?} has no key: write it as {word}:example.com/team"))
            }
            ("label", key) => Ok(Self::Key(Key::label(key))),
            ("annotation", key) => Ok(Self::Key(Key::annotation(key))),
            ("prefix", "") => Ok(Self::Prefix("-".to_owned())),
            ("prefix", separator) if separator.chars().all(|one| SEPARATOR.contains(one)) => {
                Ok(Self::Prefix(separator.to_owned()))
            }
            ("prefix", separator) => Err(format!(
                "separator {separator:?} is in no name of a namespace: write for example prefix:-"
            )),
            ("selector", "") => Ok(Self::Selector),
            _ => Err(format!(
                "{text:?} is not a way to find tenants: write label:KEY, annotation:KEY, prefix, prefix:SEPARATOR or selector"
            )),
        }
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) if key.field == Field::Label => write!(f, "a {key}"),
            Self::Key(key) => write!(f, "an {key}"),
            Self::Prefix(separator) => write!(f, "a name before {separator:?} that two share"),
            Self::Selector => write!(f, "an annotation {NODE_SELECTOR:?}"),
        }
    }
}

/// Makes a tenant of each group.
pub(crate) fn convert(namespaces: &[&Namespace], by: &Grouping) -> Result<Conversion> {
    let mut conversion = Conversion::default();
    let others = match by {
        Grouping::Key(key) => {
            let (groups, others) = by_key(namespaces, key);
            add_by_key(&mut conversion, &groups, key);
            others
        }
        Grouping::Prefix(separator) => by_prefix(&mut conversion, namespaces, separator),
        Grouping::Selector => by_selector(&mut conversion, namespaces),
    };
    if conversion.tenants.is_empty() {
        bail!("none of {} namespaces has {by}: there is no tenant to find", namespaces.len());
    }
    conversion.leave(&format!("without {by}"), &others);
    Ok(conversion)
}

/// A prefix that one namespace has alone is only its name.
fn by_prefix<'n>(
    conversion: &mut Conversion,
    namespaces: &[&'n Namespace],
    separator: &str,
) -> Vec<&'n Namespace> {
    let (mut groups, mut others) = (Groups::new(), Vec::new());
    for namespace in namespaces {
        match namespace.name_or_stem().split_once(separator) {
            Some((prefix, _)) if !prefix.is_empty() => {
                groups.entry(prefix).or_default().push(namespace)
            }
            _ => others.push(*namespace),
        }
    }
    let (groups, single): (Groups<'n>, Groups<'n>) =
        groups.into_iter().partition(|(_, members)| members.len() > 1);
    others.extend(single.into_values().flatten());
    if !groups.is_empty() {
        conversion.identify.push(json!({"namePrefix": {"separator": separator}}));
    }
    for (prefix, mut members) in groups {
        // No separator ends the prefix there, so no rule finds it.
        let whole = others.iter().position(|one| one.name_or_stem() == prefix);
        if let Some(whole) = whole.map(|place| others.remove(place)) {
            conversion.label(None, prefix, [whole]);
            members.push(whole);
        }
        groups::add(conversion, prefix, &members, None);
        if let Some(spec) = conversion.tenants.get_mut(prefix) {
            spec.namespaces = Some(Namespaces { prefixes: vec![format!("{prefix}{separator}")] });
        }
    }
    others
}

/// A selector is no claim, since landlord writes it. A label that says the same is.
fn by_selector<'n>(
    conversion: &mut Conversion,
    namespaces: &[&'n Namespace],
) -> Vec<&'n Namespace> {
    let mut groups: BTreeMap<String, Vec<&'n Namespace>> = BTreeMap::new();
    let mut others = Vec::new();
    for namespace in namespaces {
        match Seen::new(namespace).placement.selector.filter(|selector| !selector.is_empty()) {
            Some(selector) => {
                let parts: Vec<String> =
                    selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
                groups.entry(parts.join(",")).or_default().push(namespace);
            }
            None => others.push(*namespace),
        }
    }
    match telling_key(&groups, &others) {
        Some(key) => {
            let (by_key, _) = by_key(namespaces, &key);
            add_by_key(conversion, &by_key, &key);
        }
        None => {
            let mut used = BTreeSet::new();
            for (selector, members) in &groups {
                let values: Vec<&str> =
                    selector.split(',').filter_map(|part| Some(part.split_once('=')?.1)).collect();
                let name = unused(&values.join("-"), &used);
                groups::add(conversion, &name, members, None);
                conversion.label(None, &name, members.iter().copied());
                used.insert(name);
            }
        }
    }
    others
}

/// The label that has a value of its own for each group, and that no other namespace has.
fn telling_key(groups: &BTreeMap<String, Vec<&Namespace>>, others: &[&Namespace]) -> Option<Key> {
    let first = groups.values().next()?.first()?;
    let tells = |key: &&Key| {
        let value = |one: &Namespace| one.metadata.field(key.field).get(&key.name).cloned();
        let mut values = BTreeSet::new();
        let is_own = groups.values().all(|members| {
            let found: BTreeSet<Option<String>> = members.iter().map(|one| value(one)).collect();
            let is_one = found.len() == 1;
            let value = found.into_iter().next().flatten().filter(|value| !value.is_empty());
            is_one && value.is_some_and(|value| values.insert(value))
        });
        is_own && others.iter().all(|one| value(one).is_none())
    };
    let keys: Vec<Key> = Seen::new(first).keys().filter(|key| key.field == Field::Label).collect();
    keys.iter().find(tells).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::Value;

    fn namespace(name: &str, labels: Value, selector: &str) -> Namespace {
        let annotations = json!({NODE_SELECTOR: selector});
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
        Namespace::from_value(&json!({ "metadata": metadata })).expect("a namespace")
    }

    fn converted(all: &[Namespace], by: &str) -> Conversion {
        let by = by.parse().expect("a grouping");
        convert(&all.iter().collect::<Vec<_>>(), &by).expect("a conversion")
    }

    fn names(conversion: &Conversion) -> Vec<&str> {
        conversion.tenants.keys().map(String::as_str).collect()
    }

    #[rstest]
    #[case("label:team", Some("a label \"team\""))]
    #[case("annotation:example.com/team", Some("an annotation \"example.com/team\""))]
    #[case("prefix", Some("a name before \"-\" that two share"))]
    #[case("prefix:--", Some("a name before \"--\" that two share"))]
    #[case("selector", Some("an annotation \"scheduler.alpha.kubernetes.io/node-selector\""))]
    #[case("label", None)]
    #[case("label:", None)]
    #[case("prefix:_", None)]
    #[case("selectors", None)]
    fn groupings(#[case] text: &str, #[case] expected: Option<&str>) {
        let read = text.parse::<Grouping>();
        assert_eq!(read.ok().map(|by| by.to_string()).as_deref(), expected);
    }

    #[test]
    fn a_label_names_tenants() {
        let conversion = converted(
            &[
                namespace("a", json!({"team": "solar"}), "pool=solar"),
                namespace("b", json!({"team": "Team_A"}), "pool=a"),
                namespace("c", json!({}), ""),
            ],
            "label:team",
        );
        assert_eq!(names(&conversion), ["solar", "team-a"]);
        assert_eq!(conversion.identify, [json!({"label": "team"})]);
        assert_eq!(
            conversion.commands,
            ["kubectl label namespaces -l 'team=Team_A' landlord.dev/tenant=team-a"]
        );
        assert_eq!(conversion.labelled["b"], "team-a");
        assert!(conversion.notes.iter().any(|note| note.ends_with("without a label \"team\": c")));
    }

    #[test]
    fn a_prefix_that_two_share_is_a_tenant() {
        let conversion = converted(
            &[
                namespace("solar-web", json!({}), "pool=solar"),
                namespace("solar-db", json!({}), "pool=solar"),
                namespace("solar", json!({}), "pool=solar"),
                namespace("cert-manager", json!({}), ""),
                namespace("monitoring", json!({}), ""),
            ],
            "prefix",
        );
        assert_eq!(names(&conversion), ["solar"]);
        let prefixes = conversion.tenants["solar"].namespaces.clone().expect("prefixes").prefixes;
        assert_eq!(prefixes, ["solar-"]);
        assert_eq!(conversion.labelled.keys().collect::<Vec<_>>(), ["solar"]);
        assert!(conversion.notes[0].ends_with("cert-manager monitoring"), "{:?}", conversion.notes);
    }

    #[rstest]
    #[case::by_a_label_that_says_the_same(json!({"team": "s"}), json!({"team": "l"}), &["l", "s"], 0)]
    #[case::by_the_own_label(json!({"team": "s"}), json!({"team": "s"}), &["lunar", "solar-prod"], 2)]
    fn a_selector_that_namespaces_share_is_a_tenant(
        #[case] solar: Value,
        #[case] lunar: Value,
        #[case] tenants: &[&str],
        #[case] commands: usize,
    ) {
        let conversion = converted(
            &[
                namespace("a", solar.clone(), "pool=solar,tier=prod"),
                namespace("b", solar, "tier=prod, pool=solar"),
                namespace("c", lunar, "pool=lunar"),
                namespace("free", json!({}), ""),
            ],
            "selector",
        );
        assert_eq!(names(&conversion), tenants);
        assert_eq!(conversion.commands.len(), commands, "{:?}", conversion.commands);
        assert_eq!(conversion.identify.len(), usize::from(commands == 0));
    }
}
