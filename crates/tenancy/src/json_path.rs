//! JSONPath, a part of RFC 9535 that is bounded in size and cannot fail once it is read.
//!
//! | step | selects |
//! |---|---|
//! | `.name`, `['na.me/x']` | that member of an object |
//! | `.*`, `[*]` | every member or element |
//! | `[n]`, `[-n]` | one element of an array, counted from the end if negative |
//! | `[n:m]`, `[n:]`, `[:m]` | elements n to m - 1 of an array |
//! | `..name` | that member of the value and of everything inside it; once a path |
//! | `[?(@.a == 'x' && …)]` | see [`filter`] |
//!
//! Where several values are selected, those of an object come in the order of their names: that of
//! the JSON means nothing. Why not a library: `docs/decisions/0002-own-jsonpath.md`.

mod filter;
mod grammar;

use std::fmt;

use serde_json::Value;

use self::filter::Filter;
use self::grammar::Reader;
use crate::members::by_name;

/// Longest path in bytes.
pub(crate) const MAX_PATH_BYTES: usize = 256;
/// Most steps of a path, those inside its filters included.
pub(crate) const MAX_STEPS: usize = 32;
/// Deepest nesting of parentheses in a filter.
pub(crate) const MAX_FILTER_DEPTH: usize = 8;

/// A checked path. Equal if spelled equally.
#[derive(Clone, Debug)]
pub struct JsonPath {
    source: String,
    steps: Vec<Step>,
}

/// Why something is not a path landlord reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// Nothing at all.
    #[error("JSONPath \"\" is empty; start it with $")]
    Empty,
    /// Over [`MAX_PATH_BYTES`].
    #[error("JSONPath has {bytes} bytes; shorten it to {MAX_PATH_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Over [`MAX_STEPS`].
    #[error("JSONPath {path:?} has more than {MAX_STEPS} steps; shorten it")]
    TooManySteps {
        /// The whole path.
        path: String,
    },
    /// Over [`MAX_FILTER_DEPTH`].
    #[error(
        "JSONPath {path:?} nests parentheses deeper than {MAX_FILTER_DEPTH}; flatten its filter"
    )]
    TooDeep {
        /// The whole path.
        path: String,
    },
    /// Not in the grammar.
    #[error("JSONPath {path:?} is not valid at {rest:?}: expected {expected}")]
    Syntax {
        /// The whole path.
        path: String,
        /// What could not be read.
        rest: String,
        /// What would have been right there.
        expected: &'static str,
    },
}

/// One step as written.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    All,
    Index(i32),
    Slice(Option<i32>, Option<i32>),
    Descend(String),
    Filter(Filter),
}

impl JsonPath {
    /// Reads and compiles a path.
    pub fn parse(source: &str) -> Result<Self, JsonPathError> {
        if source.is_empty() {
            return Err(JsonPathError::Empty);
        }
        if source.len() > MAX_PATH_BYTES {
            return Err(JsonPathError::TooLong { bytes: source.len() });
        }
        let steps = Reader::new(source).read_path()?;
        Ok(JsonPath { source: source.to_owned(), steps })
    }

    /// Every value the path leads to, none where it leads nowhere.
    pub fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        follow(&self.steps, value)
    }

    /// The strings among what the path leads to.
    pub fn strings(&self, value: &Value) -> Vec<String> {
        self.select(value).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Whether it may read `$.request`, which exists at admission only: it starts there, or with
    /// something that is no name.
    pub fn reads_request(&self) -> bool {
        self.root().is_none_or(|root| root == "request")
    }

    /// The member it starts with (`request`, `namespace`, `tenant`); `None` for `$`, `$.*`, `$..x`
    /// and the like.
    pub fn root(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Member(name)) => Some(name),
            _ => None,
        }
    }

    /// The members that it names one after the other from the root; empty if it takes any other
    /// step.
    pub fn members(&self) -> Vec<&str> {
        let members = self.steps.iter().map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            _ => None,
        });
        members.collect::<Option<_>>().unwrap_or_default()
    }

    /// The members that it names from the root up to its first other step.
    pub(crate) fn leading_members(&self) -> Vec<&str> {
        let members = self.steps.iter().map_while(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            _ => None,
        });
        members.collect()
    }

    /// What the path leads to if it begins with member `root` and `value` is that member.
    pub(crate) fn select_member<'a>(&self, value: &'a Value, root: &str) -> Vec<&'a Value> {
        match self.steps.split_first() {
            Some((Step::Member(name), steps)) if name == root => follow(steps, value),
            _ => Vec::new(),
        }
    }

    /// Whether the path can lead to the value at this place, given as member names. Filters may
    /// read anything below them.
    pub(crate) fn may_reach(&self, place: &[&str]) -> bool {
        may_reach(&self.steps, place)
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for JsonPath {}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Step {
    fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Step::Member(name) => member(value, name).into_iter().collect(),
            Step::All => children(value),
            Step::Index(index) => element(value, *index).into_iter().collect(),
            Step::Slice(from, to) => elements(value, *from, *to),
            Step::Descend(name) => descend(value, name),
            Step::Filter(filter) => {
                children(value).into_iter().filter(|value| filter.holds(value)).collect()
            }
        }
    }
}

fn follow<'a>(steps: &[Step], value: &'a Value) -> Vec<&'a Value> {
    steps.iter().fold(vec![value], |values, step| {
        values.into_iter().flat_map(|value| step.select(value)).collect()
    })
}

fn may_reach(steps: &[Step], place: &[&str]) -> bool {
    match (steps.split_first(), place.split_first()) {
        (None, None) | (Some((Step::Filter(_), _)), _) => true,
        (Some((Step::Member(name), steps)), Some((first, place))) => {
            name == first && may_reach(steps, place)
        }
        (Some((Step::All, steps)), Some((_, place))) => may_reach(steps, place),
        (Some((Step::Descend(name), inner)), Some((first, place))) => {
            name == first && may_reach(inner, place) || may_reach(steps, place)
        }
        _ => false,
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object()?.get(name)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => by_name(members).into_iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

/// The element of an array at this place, from the end if negative.
fn element(value: &Value, index: i32) -> Option<&Value> {
    let elements = value.as_array()?;
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    let at = if index < 0 { elements.len().checked_sub(distance)? } else { distance };
    elements.get(at)
}

/// The elements of an array from one place to before another; places outside of it are cut to its
/// ends.
fn elements(value: &Value, from: Option<i32>, to: Option<i32>) -> Vec<&Value> {
    let Some(elements) = value.as_array() else { return Vec::new() };
    let place = |index: i32| match usize::try_from(index) {
        Ok(index) => index.min(elements.len()),
        Err(_) => elements.len().saturating_sub(index.unsigned_abs() as usize),
    };
    let range = from.map_or(0, place)..to.map_or(elements.len(), place);
    elements.get(range).into_iter().flatten().collect()
}

/// That member of the value, then of its children, from the outside in.
fn descend<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    let inside = children(value).into_iter().flat_map(|child| descend(child, name));
    member(value, name).into_iter().chain(inside).collect()
}

#[cfg(test)]
mod tests;
