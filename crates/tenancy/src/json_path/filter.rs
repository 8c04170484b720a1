//! Filters of a JSONPath: which children of a value a step keeps.
//!
//! Comparisons are those of RFC 9535: an absent value equals nothing (so `!=` holds), values of
//! different types are different and neither less nor greater.

use std::cmp::Ordering;

use serde_json::Value;

use super::element;

/// A condition on one child, `@`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    /// One of them holds.
    Any(Vec<Filter>),
    /// All of them hold.
    All(Vec<Filter>),
    /// There is such a value.
    Exists(Place),
    /// The value there compares so.
    Compare(Place, Comparison, Literal),
}

/// A path from `@` that leads to one value at most.
pub(super) type Place = Vec<Hop>;

/// One step of a [`Place`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Hop {
    Member(String),
    Index(i32),
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Bool(bool),
}

impl Filter {
    /// Whether the condition holds for this child.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Filter::Any(filters) => filters.iter().any(|filter| filter.holds(value)),
            Filter::All(filters) => filters.iter().all(|filter| filter.holds(value)),
            Filter::Exists(place) => follow(place, value).is_some(),
            Filter::Compare(place, comparison, literal) => {
                comparison.holds(follow(place, value).and_then(|value| literal.order(value)))
            }
        }
    }
}

impl Comparison {
    /// `None` is an absent value or one of another type.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

impl Literal {
    /// How the value stands to this literal.
    fn order(&self, value: &Value) -> Option<Ordering> {
        match self {
            Literal::Text(text) => value.as_str().map(|value| value.cmp(text)),
            // Neither is less than the other.
            Literal::Bool(bool) => (value.as_bool()? == *bool).then_some(Ordering::Equal),
            Literal::Decimal(number) => value.as_f64()?.partial_cmp(number),
            Literal::Integer(number) => order_integer(value, *number),
        }
    }
}

/// Exact for integers, which a float above 2^53 is not.
fn order_integer(value: &Value, number: i64) -> Option<Ordering> {
    match (value.as_i64(), value.as_u64()) {
        (Some(value), _) => Some(value.cmp(&number)),
        (None, Some(_)) => Some(Ordering::Greater),
        (None, None) => value.as_f64()?.partial_cmp(&(number as f64)),
    }
}

fn follow<'a>(place: &[Hop], value: &'a Value) -> Option<&'a Value> {
    place.iter().try_fold(value, |value, hop| match hop {
        Hop::Member(name) => value.as_object()?.get(name),
        Hop::Index(index) => element(value, *index),
    })
}
