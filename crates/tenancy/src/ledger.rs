//! The ledger: which keys landlord manages on a namespace and for which tenant, kept in one
//! annotation of that namespace.
//!
//! It is landlord's memory and the mark of compliance the guard reads: a ledger that starts with
//! `{"tenant":` says that placement is right, one that starts with `{"pending":` says that it is
//! not, and so does one that starts with `{"was":`: readiness was withdrawn, by a write that made
//! the text shorter and lost nothing of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decode::{DecodeError, decode};
use crate::metadata::{
    Field, InvalidMetadata, Key, Map, Metadata, check_annotation_key, check_label_key,
    check_label_value,
};
use crate::text;

/// The annotation that holds the ledger.
pub const ANNOTATION: &str = "landlord.dev/ledger";
/// Most bytes of `previous` as compact JSON: what `restore` may remember of a namespace.
pub(crate) const MAX_PREVIOUS_BYTES: usize = 16 * 1024;
/// What [`Ledger::pending`] says of a ledger whose readiness was withdrawn.
pub const WITHDRAWN: &str = "Withdrawn";
/// How a ledger begins where placement is right, and what takes its place where that is withdrawn:
/// less, so that it fits wherever the other one did.
const READY_HEAD: &str = "{\"tenant\":";
const WITHDRAWN_HEAD: &str = "{\"was\":";

/// What landlord manages on one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// The tenant it is managed for.
    pub tenant: String,
    /// Managed label keys.
    pub labels: BTreeSet<String>,
    /// Managed annotation keys.
    pub annotations: BTreeSet<String>,
    /// The rule that claimed, where it was not the source's own label.
    pub by: Option<String>,
    /// What to do with the keys at release, where it is not the default.
    pub release: Option<Release>,
    /// The values that managed keys had before, for [`Release::Restore`].
    pub previous: Metadata,
    /// Why placement is not right yet; `None` where it is.
    pub pending: Option<String>,
}

/// What happens to managed keys that are no longer wanted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Release {
    /// They are removed.
    #[default]
    Remove,
    /// They get back the value they had before.
    Restore,
    /// They stay as they are.
    Keep,
}

/// Why something is not a ledger, or cannot be written as one.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not the JSON that landlord writes.
    #[error(
        "ledger {text:?} is not what landlord writes; it counts as empty and will be rewritten"
    )]
    Shape {
        /// The first 128 characters.
        text: String,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
    /// It lists a key or value that no object can carry.
    #[error("ledger lists metadata that cannot exist; it counts as empty and will be rewritten")]
    Metadata {
        /// The rule it breaks.
        #[from]
        source: InvalidMetadata,
    },
    /// There is more to remember than fits.
    #[error(
        "previous values have {bytes} bytes, more than {MAX_PREVIOUS_BYTES}; use release remove or keep, or shorten them"
    )]
    PreviousTooLarge {
        /// Their size as compact JSON.
        bytes: usize,
    },
}

impl Ledger {
    /// Reads the annotation's value. Anything but this shape and valid keys is an error; the order
    /// of fields and keys is not.
    pub fn parse(text: &str) -> Result<Self, LedgerError> {
        #[cfg(feature = "counters")]
        crate::counters::count_ledger();
        let shape = read_shape(text).map_err(|source| shape_error(text, source))?;
        let mut ledger = Ledger::from(shape);
        if text.starts_with(WITHDRAWN_HEAD) {
            ledger.pending.get_or_insert_with(|| WITHDRAWN.to_owned());
        }
        ledger.check()?;
        Ok(ledger)
    }

    /// The annotation's value, the same bytes for the same ledger: compact JSON, fields and keys in
    /// fixed order.
    pub fn to_string_compact(&self) -> String {
        let mut shape = Shape::from(self.clone());
        let is_withdrawn = shape.pending.take_if(|pending| pending == WITHDRAWN).is_some();
        // Strings in structs and ordered maps always serialise.
        let text = serde_json::to_string(&shape).unwrap_or_default();
        if is_withdrawn { withdraw(&text).unwrap_or_default() } else { text }
    }

    /// Whether the ledger lists this key.
    pub fn manages(&self, key: &Key) -> bool {
        self.field(key.field).contains(&key.name)
    }

    /// Every managed key: labels, then annotations, each in order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.labels.iter().map(Key::label).chain(self.annotations.iter().map(Key::annotation))
    }

    /// The managed keys of this field.
    pub fn field(&self, field: Field) -> &BTreeSet<String> {
        match field {
            Field::Label => &self.labels,
            Field::Annotation => &self.annotations,
        }
    }

    /// The managed keys of this field, to change.
    pub fn field_mut(&mut self, field: Field) -> &mut BTreeSet<String> {
        match field {
            Field::Label => &mut self.labels,
            Field::Annotation => &mut self.annotations,
        }
    }

    /// Checks before writing that `previous` fits in [`MAX_PREVIOUS_BYTES`].
    pub(crate) fn check_previous_size(&self) -> Result<(), LedgerError> {
        let bytes =
            serde_json::to_string(&Previous::from(self.previous.clone())).unwrap_or_default().len();
        if bytes > MAX_PREVIOUS_BYTES {
            Err(LedgerError::PreviousTooLarge { bytes })
        } else {
            Ok(())
        }
    }

    fn check(&self) -> Result<(), InvalidMetadata> {
        let Metadata { labels, annotations } = &self.previous;
        self.labels.iter().chain(labels.keys()).try_for_each(|key| check_label_key(key))?;
        self.annotations
            .iter()
            .chain(annotations.keys())
            .try_for_each(|key| check_annotation_key(key))?;
        labels.values().try_for_each(|value| check_label_value(value))
    }
}

/// The text of a ledger as it is where readiness is withdrawn: shorter, and the same record. `None`
/// where it does not say that placement is right.
pub fn withdraw(text: &str) -> Option<String> {
    text.strip_prefix(READY_HEAD).map(|rest| format!("{WITHDRAWN_HEAD}{rest}"))
}

fn read_shape(text: &str) -> Result<Shape, DecodeError> {
    let value = text::parse(text).map_err(|error| DecodeError::caused("", &error))?;
    // Serde would also take the fields from a JSON array.
    if value.is_object() { decode(&value) } else { Err(DecodeError::new("", "not a JSON object")) }
}

fn shape_error(text: &str, source: DecodeError) -> LedgerError {
    /// A ledger may be as large as an annotation; a message may not.
    const SHOWN: usize = 128;
    LedgerError::Shape { text: text.chars().take(SHOWN).collect(), source }
}

/// The JSON. The order of these fields is the order in the text; the guard relies on it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
    #[serde(alias = "was")]
    tenant: String,
    labels: BTreeSet<String>,
    annotations: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<Release>,
    #[serde(default, skip_serializing_if = "Previous::is_empty")]
    previous: Previous,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Previous {
    #[serde(skip_serializing_if = "Map::is_empty")]
    labels: Map,
    #[serde(skip_serializing_if = "Map::is_empty")]
    annotations: Map,
}

impl Previous {
    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

impl From<Metadata> for Previous {
    fn from(Metadata { labels, annotations }: Metadata) -> Self {
        Previous { labels, annotations }
    }
}

impl From<Ledger> for Shape {
    fn from(ledger: Ledger) -> Self {
        let Ledger { tenant, labels, annotations, by, release, previous, pending } = ledger;
        Shape { pending, tenant, labels, annotations, by, release, previous: previous.into() }
    }
}

impl From<Shape> for Ledger {
    fn from(shape: Shape) -> Self {
        let Shape { pending, tenant, labels, annotations, by, release, previous } = shape;
        let previous = Metadata { labels: previous.labels, annotations: previous.annotations };
        Ledger { tenant, labels, annotations, by, release, previous, pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"tenant":"solar","labels":["a"],"annotations":["b"]}"#)]
    #[case(r#"{"tenant":"solar","labels":[],"annotations":[]}"#)]
    #[case(
        r#"{"tenant":"solar","labels":["a"],"annotations":[],"previous":{"labels":{"a":"old"}}}"#
    )]
    #[case(r#"{"pending":"node selector refused","tenant":"solar","labels":["a"],"annotations":["b"],"by":"namePrefix","release":"keep","previous":{"labels":{"a":"1"},"annotations":{"b":"2"}}}"#)]
    #[case(r#"{"was":"solar","labels":["a"],"annotations":["b"],"release":"keep","previous":{"annotations":{"b":"2"}}}"#)]
    fn reads_back_its_own_bytes(#[case] text: &str) {
        assert_eq!(Ledger::parse(text).unwrap().to_string_compact(), text);
    }

    #[test]
    fn order_is_made_canonical() {
        let text = r#"{ "annotations": [], "labels": ["b","a","a"], "tenant": "solar" }"#;
        let canonical = r#"{"tenant":"solar","labels":["a","b"],"annotations":[]}"#;
        assert_eq!(Ledger::parse(text).unwrap().to_string_compact(), canonical);
    }

    #[rstest]
    #[case("", "is not what landlord writes")]
    #[case("null", "is not what landlord writes")]
    #[case("{}", "is not what landlord writes")]
    #[case(r#"[null,"solar",[],[],null,null,{}]"#, "is not what landlord writes")]
    #[case(r#"{"tenant":"solar","labels":[],"annotations":[]} x"#, "is not what landlord writes")]
    #[case(r#"{"tenant":"solar","labels":[]}"#, "is not what landlord writes")]
    #[case(r#"{"tenant":"solar","labels":[1],"annotations":[]}"#, "is not what landlord writes")]
    #[case(
        r#"{"tenant":"solar","labels":[],"annotations":[],"more":1}"#,
        "is not what landlord writes"
    )]
    #[case(
        r#"{"tenant":"solar","labels":[],"annotations":[],"release":"Keep"}"#,
        "is not what landlord writes"
    )]
    #[case(r#"{"tenant":"solar","labels":["a b"],"annotations":[]}"#, "metadata that cannot exist")]
    #[case(
        r#"{"tenant":"solar","labels":[],"annotations":["a/b/c"]}"#,
        "metadata that cannot exist"
    )]
    #[case(
        r#"{"tenant":"solar","labels":[],"annotations":[],"previous":{"labels":{"a":"b c"}}}"#,
        "metadata that cannot exist"
    )]
    fn refuses(#[case] text: &str, #[case] part: &str) {
        let error = Ledger::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn lists_its_keys() {
        let ledger =
            Ledger::parse(r#"{"tenant":"solar","labels":["a"],"annotations":["b"]}"#).unwrap();
        assert_eq!(ledger.keys().collect::<Vec<_>>(), [Key::label("a"), Key::annotation("b")]);
        assert!(ledger.manages(&Key::label("a")) && !ledger.manages(&Key::label("b")));
    }

    #[rstest]
    #[case(MAX_PREVIOUS_BYTES - r#"{"annotations":{"k":""}}"#.len(), true)]
    #[case(MAX_PREVIOUS_BYTES, false)]
    fn previous_is_bounded(#[case] bytes: usize, #[case] fits: bool) {
        let mut ledger = Ledger::default();
        ledger.previous.annotations.insert("k".to_owned(), "v".repeat(bytes));
        assert_eq!(ledger.check_previous_size().is_ok(), fits);
    }

    proptest! {
        #[test]
        fn every_ledger_reads_back(
            tenant in ".{0,9}",
            labels in proptest::collection::btree_set("[a-z]{1,5}", 0..4),
            previous in proptest::collection::btree_map("[a-z]{1,5}", ".{0,9}", 0..4),
            pending in proptest::option::of(".{0,9}"),
        ) {
            let previous = Metadata { annotations: previous, ..Metadata::default() };
            let ledger = Ledger { tenant, labels, previous, pending, ..Ledger::default() };
            let text = ledger.to_string_compact();
            prop_assert_eq!(text.starts_with(r#"{"pending":"#), ledger.pending.is_some());
            prop_assert_eq!(Ledger::parse(&text).unwrap(), ledger.clone());
            let withdrawn = withdraw(&text);
            prop_assert_eq!(withdrawn.is_some(), ledger.pending.is_none());
            if let Some(withdrawn) = withdrawn {
                prop_assert!(withdrawn.len() < text.len());
                let pending = Some(WITHDRAWN.to_owned());
                let expected = Ledger { pending, ..ledger };
                prop_assert_eq!(&expected.to_string_compact(), &withdrawn);
                prop_assert_eq!(Ledger::parse(&withdrawn).unwrap(), expected);
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = Ledger::parse(&text);
        }
    }
}
