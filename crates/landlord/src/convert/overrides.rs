//! Overrides: which namespaces of a group differ, how a selector finds them, and in what.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenancy::metadata::{Field, Key, Map};
use tenancy::namespace::NAME_LABEL;
use tenancy::tenant::landlord::Override;

use super::seen::{Placement, Seen};

/// Namespaces that are alike.
pub(super) type Class<'s> = Vec<&'s Seen<'s>>;

/// Values of one term of a selector, and its terms.
const MAX_VALUES: usize = 32;
const MAX_TERMS: usize = 16;
/// Overrides of a Tenant.
const MAX_OVERRIDES: usize = 64;

/// How a group is taken apart.
pub(super) enum Split<'s> {
    /// By the values of a label.
    Label { key: String, classes: BTreeMap<String, Class<'s>> },
    /// By their names, the largest class first.
    Names(Vec<Class<'s>>),
}

impl<'s> Split<'s> {
    /// By where their Pods run.
    pub(super) fn by_placement(group: &Class<'s>) -> Self {
        let mut classes: BTreeMap<&Placement, Class<'s>> = BTreeMap::new();
        group.iter().for_each(|seen| classes.entry(&seen.placement).or_default().push(seen));
        let mut classes: Vec<Class<'s>> = classes.into_values().collect();
        classes.sort_by_key(|class| std::cmp::Reverse(class.len()));
        Self::Names(classes)
    }

    pub(super) fn classes(&self) -> Vec<Class<'s>> {
        match self {
            Self::Label { classes, .. } => classes.values().cloned().collect(),
            Self::Names(classes) => classes.clone(),
        }
    }

    /// The keys on whose values each class agrees, but for the one that it is taken apart by.
    pub(super) fn decides<'k>(&self, keys: impl IntoIterator<Item = &'k Key>) -> Vec<&'k Key> {
        let classes = self.classes();
        let own = match self {
            Self::Label { key, .. } => Some(Key::label(key)),
            Self::Names(_) => None,
        };
        let is_decided =
            |key: &Key| classes.iter().all(|class| agree(class, |seen| seen.value(key)));
        keys.into_iter().filter(|key| own.as_ref() != Some(key) && is_decided(key)).collect()
    }
}

/// Whether all of them have the same.
pub(super) fn agree<'s, T: PartialEq>(class: &Class<'s>, of: impl Fn(&'s Seen<'s>) -> T) -> bool {
    let mut values = class.iter().map(|seen| of(seen));
    values.next().is_none_or(|first| values.all(|value| value == first))
}

/// The selector of all classes: keys that each of them has, with the value of the largest. None
/// where a class has no selector: an override takes nothing away.
pub(super) fn base_selector(classes: &[Class<'_>]) -> Option<Map> {
    let largest = classes.iter().rev().max_by_key(|class| class.len())?;
    let selector = |class: &Class<'_>| class.first()?.placement.selector.clone();
    let all: Vec<Map> = classes.iter().map(selector).collect::<Option<_>>()?;
    let base: Map = selector(largest)?
        .into_iter()
        .filter(|(key, _)| all.iter().all(|one| one.contains_key(key)))
        .collect();
    let is_told = !base.is_empty() || all.iter().all(Map::is_empty);
    is_told.then_some(base)
}

/// The tolerations of all classes, if they have the same.
pub(super) fn base_tolerations(classes: &[Class<'_>]) -> Option<Vec<Value>> {
    let mut all = classes.iter().flatten().map(|seen| seen.placement.tolerations.as_ref());
    let first = all.next()??;
    all.all(|one| one == Some(first)).then(|| read(first))
}

fn read(tolerations: &str) -> Vec<Value> {
    serde_json::from_str(tolerations).unwrap_or_default()
}

/// What each class has beside what all have. `keys` are those on which classes agree.
pub(super) fn overrides(split: &Split<'_>, keys: &[&Key]) -> Vec<Override> {
    let classes = split.classes();
    let base = (base_selector(&classes), base_tolerations(&classes));
    let content = |class: &Class<'_>| content(class, &base, keys);
    let mut list: Vec<Override> = Vec::new();
    match split {
        Split::Label { key, classes } => {
            let mut alike: Vec<(Override, Vec<&str>)> = Vec::new();
            for (value, class) in classes {
                let content = content(class);
                match alike.iter_mut().find(|(other, _)| *other == content) {
                    Some((_, values)) => values.push(value),
                    None => alike.push((content, vec![value])),
                }
            }
            let select = |(content, values): (Override, Vec<&str>)| Override {
                namespace_selector: is_in(key, &values),
                ..content
            };
            list.extend(alike.into_iter().map(select));
        }
        Split::Names(classes) => {
            for (number, class) in classes.iter().enumerate() {
                let content = content(class);
                let selectors = if number == 0 { none_of(classes) } else { one_of(class) };
                let select =
                    |selector| Override { namespace_selector: selector, ..content.clone() };
                list.extend(selectors.into_iter().map(select));
            }
        }
    }
    list.retain(says_something);
    list.truncate(MAX_OVERRIDES);
    list
}

fn says_something(one: &Override) -> bool {
    let maps = [&one.node_selector, &one.labels, &one.annotations];
    maps.iter().any(|map| map.is_some()) || one.tolerations.is_some()
}

fn content(
    class: &Class<'_>,
    (base, tolerated): &(Option<Map>, Option<Vec<Value>>),
    keys: &[&Key],
) -> Override {
    let Some(seen) = class.first() else { return Override::default() };
    let selector = seen.placement.selector.clone();
    let node_selector = match base {
        None => selector,
        Some(base) => selector
            .map(|own| own.into_iter().filter(|(key, value)| base.get(key) != Some(value)))
            .map(Iterator::collect)
            .filter(|own: &Map| !own.is_empty()),
    };
    let tolerations = seen.placement.tolerations.as_deref().filter(|_| tolerated.is_none());
    let entries = |field: Field| {
        let of_field = keys.iter().filter(|key| key.field == field);
        let map: Map = of_field
            .filter_map(|key| Some((key.name.clone(), seen.value(key)?.to_owned())))
            .collect();
        Some(map).filter(|map| !map.is_empty())
    };
    Override {
        namespace_selector: Value::Null,
        node_selector,
        tolerations: tolerations.map(read),
        labels: entries(Field::Label),
        annotations: entries(Field::Annotation),
    }
}

fn is_in(key: &str, values: &[&str]) -> Value {
    match values {
        [value] => json!({"matchLabels": {key: value}}),
        values => term(key, "In", values),
    }
}

fn term(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
}

fn names<'s>(classes: &[Class<'s>]) -> Vec<&'s str> {
    let mut names: Vec<&str> = classes.iter().flatten().map(|seen| seen.name()).collect();
    names.sort_unstable();
    names
}

/// As many selectors as it takes to name them all.
fn one_of(class: &Class<'_>) -> Vec<Value> {
    let names = names(std::slice::from_ref(class));
    names.chunks(MAX_VALUES).map(|names| is_in(NAME_LABEL, names)).collect()
}

/// All but those of the other classes, and namespaces that are yet to come.
fn none_of(classes: &[Class<'_>]) -> Vec<Value> {
    let others = names(classes.get(1..).unwrap_or_default());
    let terms: Vec<Value> = others
        .chunks(MAX_VALUES)
        .take(MAX_TERMS)
        .map(|names| json!({"key": NAME_LABEL, "operator": "NotIn", "values": names}))
        .collect();
    vec![json!({"matchExpressions": terms})]
}
