//! The node selector that the API server's `PodNodeSelector` plugin reads from a namespace's
//! annotation.
//!
//! The plugin fails *every* Pod create in a namespace whose annotation it cannot parse, so a
//! [`NodeSelector`] only exists valid: exactly one `=` a part, label keys, label values.

use std::fmt;
use std::str::FromStr;

use crate::collection::try_gather;
use crate::metadata::{InvalidMetadata, Map, check_label_key, check_label_value};

/// Node labels that a Pod's node must carry. Empty is a selector too: it switches the cluster's
/// default selector off.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeSelector(Map);

/// Why something is not a node selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A part without `=`, or with more than one.
    #[error(
        "part {part:?} of node selector {selector:?} must have exactly one '='; write it as key=value"
    )]
    Part {
        /// The part between two commas.
        part: String,
        /// The whole text.
        selector: String,
    },
    /// A key or value that no node can carry.
    #[error("node selector {key:?}={value:?} is not valid")]
    Metadata {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// The rule it breaks.
        #[source]
        source: InvalidMetadata,
    },
}

impl NodeSelector {
    /// Adds the other's labels; where both have a key, the other's value wins.
    pub fn merge(&mut self, other: &NodeSelector) {
        if other.is_empty() {
            self.0.clear();
        }
        self.0.extend(other.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether it selects every node.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels as a map.
    pub fn as_map(&self) -> &Map {
        &self.0
    }
}

impl TryFrom<Map> for NodeSelector {
    type Error = SelectorError;

    fn try_from(labels: Map) -> Result<Self, SelectorError> {
        labels.iter().try_for_each(|(key, value)| check(key, value))?;
        Ok(NodeSelector(labels))
    }
}

impl FromStr for NodeSelector {
    type Err = SelectorError;

    /// Reads `k=v,k=v`. Blanks around keys and values are dropped; of two parts with one key the
    /// last wins, as in the plugin.
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.is_empty() {
            return Ok(NodeSelector::default());
        }
        try_gather(text.split(',').map(|part| parse_part(part, text))).map(NodeSelector)
    }
}

/// Prints the strings `k=v` joined by `,` and sorted by the bytes of the whole string: `a1=2` comes
/// before `a=1`, because `1` < `=`. This is how Capsule prints it, byte for byte.
impl fmt::Display for NodeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> =
            self.iter().map(|(key, value)| format!("{key}={value}")).collect();
        parts.sort_unstable();
        f.write_str(&parts.join(","))
    }
}

fn parse_part(part: &str, selector: &str) -> Result<(String, String), SelectorError> {
    let (key, value) =
        part.split_once('=').filter(|(_, value)| !value.contains('=')).ok_or_else(|| {
            SelectorError::Part { part: part.to_owned(), selector: selector.to_owned() }
        })?;
    let (key, value) = (key.trim(), value.trim());
    check(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

fn check(key: &str, value: &str) -> Result<(), SelectorError> {
    check_label_key(key).and_then(|()| check_label_value(value)).map_err(|source| {
        SelectorError::Metadata { key: key.to_owned(), value: value.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("", "")]
    #[case("a=1,a1=2,ab=3", "a1=2,a=1,ab=3")]
    #[case("Z=1,a=,b_c=2", "Z=1,a=,b_c=2")]
    #[case(" a = 1 ,\u{a0}b=2\u{2003}", "a=1,b=2")]
    #[case("a=1,a=2", "a=2")]
    #[case("node.example/pool=solar", "node.example/pool=solar")]
    fn reads_and_prints(#[case] text: &str, #[case] printed: &str) {
        assert_eq!(text.parse::<NodeSelector>().unwrap().to_string(), printed);
    }

    #[rstest]
    #[case("a==b")]
    #[case("a")]
    #[case("a=b,")]
    #[case(",a=b")]
    #[case("a in (b)")]
    #[case("a!=b")]
    #[case("=b")]
    #[case(" ")]
    #[case("a=b c")]
    #[case("a b=c")]
    #[case("a=b=c")]
    fn refuses(#[case] text: &str) {
        assert!(text.parse::<NodeSelector>().is_err());
    }

    #[rstest]
    #[case("a b", "c")]
    #[case("a", "b,c=d")]
    #[case(" a", "b")]
    fn refuses_maps(#[case] key: &str, #[case] value: &str) {
        assert!(NodeSelector::try_from(Map::from([(key.to_owned(), value.to_owned())])).is_err());
    }

    #[test]
    fn merging_replaces() {
        let mut base: NodeSelector = "a=1,b=1".parse().unwrap();
        base.merge(&"b=2,c=2".parse().unwrap());
        assert_eq!(base.to_string(), "a=1,b=2,c=2");
    }

    proptest! {
        #[test]
        fn printed_selectors_read_back(labels in proptest::collection::btree_map("[a-z][a-z0-9]{0,5}", "[a-z0-9]{0,5}", 0..6)) {
            let selector = NodeSelector::try_from(labels).unwrap();
            prop_assert_eq!(selector.to_string().parse::<NodeSelector>().unwrap(), selector);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[a-z=, ]{0,12}|.{0,20}") {
            if let Ok(selector) = text.parse::<NodeSelector>() {
                prop_assert_eq!(selector.to_string().parse::<NodeSelector>().unwrap(), selector);
            }
        }
    }
}
