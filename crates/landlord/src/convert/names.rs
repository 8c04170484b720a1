//! Names of tenants: what a label or an annotation says, where that can be an object's name.

use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of a tenant's name, which is a label's value.
const MAX_BYTES: usize = 63;
/// Rules that `identify` gets for values with a prefix.
const MAX_PREFIXES: usize = 8;

/// How a namespace with a value is found to be its tenant's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// The value is the tenant's name.
    Value,
    /// It is, behind this prefix.
    Prefix(String),
    /// No rule makes the name of the value: the namespace needs the own label.
    Label,
}

/// A name for each value, and how it is found.
pub(super) fn assign<'v>(
    values: impl IntoIterator<Item = &'v str>,
) -> BTreeMap<&'v str, (String, Route)> {
    let (direct, others): (BTreeSet<&str>, BTreeSet<&str>) =
        values.into_iter().partition(|value| is_name(value));
    let mut used: BTreeSet<String> = direct.iter().map(|name| (*name).to_owned()).collect();
    let mut prefixes = BTreeSet::new();
    let mut names: BTreeMap<&str, (String, Route)> =
        direct.into_iter().map(|name| (name, (name.to_owned(), Route::Value))).collect();
    for value in others {
        let named = behind_prefix(value)
            .filter(|(prefix, name)| {
                let has_room = prefixes.len() < MAX_PREFIXES || prefixes.contains(prefix);
                has_room && !used.contains(*name)
            })
            .map(|(prefix, name)| (name.to_owned(), Route::Prefix(prefix.to_owned())));
        let named = named.unwrap_or_else(|| (unused(value, &used), Route::Label));
        if let Route::Prefix(_) = named.1 {
            prefixes.extend(behind_prefix(value).map(|(prefix, _)| prefix));
        }
        used.insert(named.0.clone());
        names.insert(value, named);
    }
    names
}

/// What ends in the last character that no name has, and the name behind it: `c-m-7x9:p-solar`.
fn behind_prefix(value: &str) -> Option<(&str, &str)> {
    let (at, last) = value.char_indices().rfind(|(_, letter)| !is_letter(*letter))?;
    let (prefix, name) = value.split_at_checked(at + last.len_utf8())?;
    is_name(name).then_some((prefix, name))
}

/// A valid name that resembles the value, which no other tenant has.
pub(super) fn unused(value: &str, used: &BTreeSet<String>) -> String {
    let plain: String = value
        .to_lowercase()
        .chars()
        .map(|letter| if is_letter(letter) && letter != '.' { letter } else { '-' })
        .take(MAX_BYTES - 4)
        .collect();
    let plain = plain.trim_matches('-');
    let plain = if plain.is_empty() { "tenant" } else { plain };
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    std::iter::once(plain.to_owned())
        .chain(numbered)
        .find(|name| !used.contains(name))
        .unwrap_or_default()
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '.'
}

/// Whether an object can have the name, and a label the value.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
    text.len() <= MAX_BYTES && text.chars().all(is_letter) && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain("solar", "solar", Route::Value)]
    #[case::dots("solar.example", "solar.example", Route::Value)]
    #[case::project("c-m-7x9:p-solar", "p-solar", Route::Prefix("c-m-7x9:".to_owned()))]
    #[case::underscore("Team_solar", "solar", Route::Prefix("Team_".to_owned()))]
    #[case::capitals("Team_A", "team-a", Route::Label)]
    #[case::dash_behind("TeamA-", "teama", Route::Label)]
    #[case::blanks("two words", "words", Route::Prefix("two ".to_owned()))]
    #[case::nothing_left("___", "tenant", Route::Label)]
    fn a_value_becomes_a_name(#[case] value: &str, #[case] name: &str, #[case] route: Route) {
        assert_eq!(assign([value])[value], (name.to_owned(), route));
    }

    #[test]
    fn no_two_values_share_a_name() {
        let names = assign(["a:solar", "b:solar", "solar", "SOLAR"]);
        let distinct: BTreeSet<&String> = names.values().map(|(name, _)| name).collect();
        assert_eq!(distinct.len(), 4, "{names:?}");
        assert_eq!(names["solar"], ("solar".to_owned(), Route::Value));
        assert_eq!(names["a:solar"].1, Route::Label);
    }

    #[test]
    fn rules_are_few() {
        let values: Vec<String> = (0..20).map(|number| format!("c{number}:p{number}")).collect();
        let names = assign(values.iter().map(String::as_str));
        let prefixed = names.values().filter(|(_, route)| matches!(route, Route::Prefix(_)));
        assert_eq!(prefixed.count(), MAX_PREFIXES);
    }
}
