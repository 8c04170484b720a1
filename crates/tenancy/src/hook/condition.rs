//! Condition: one path and what must be true of the values that it leads to.

use std::fmt;

use super::expression::{Expression, MAX_MATCHED_BYTES};
use super::{Place, View};

/// Most values that a complaint tells.
const MAX_TOLD: usize = 20;

/// Holds if the test holds for any of the values at the place.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Where the values are.
    pub place: Place,
    /// What must be true of one of them.
    pub test: Test,
    /// Whether it holds exactly where the test does not.
    pub negated: bool,
}

/// What is asked about the values. Numbers and booleans are compared by their JSON text, since
/// labels are text.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// There is a value, whatever it is.
    Exists,
    /// Equal to one of these.
    In(Vec<String>),
    /// The expression finds a match in it.
    Matches(Expression),
    /// What Capsule's lists say of a value.
    Listed(Listed),
}

/// Matchers of which one is enough. `outside` asks for values that none of them takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The matchers, in Capsule's order.
    pub matchers: Vec<Matcher>,
    /// Whether it holds for what no matcher takes, instead of what one takes.
    pub outside: bool,
}

/// One of Capsule's expressions: exact texts or a regular expression; `negate` turns the answer
/// around.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matcher {
    /// Texts that a value may equal.
    pub exact: Vec<String>,
    /// An expression that may match it.
    pub expression: Option<Expression>,
    /// Whether the values are meant that neither takes.
    pub negate: bool,
}

impl Listed {
    /// Of a value that no expression is asked about nobody knows: it is denied, not allowed.
    fn holds(&self, value: &str) -> bool {
        let is_unknown = value.len() > MAX_MATCHED_BYTES
            && self.matchers.iter().any(|matcher| matcher.expression.is_some());
        is_unknown || self.matchers.iter().any(|matcher| matcher.takes(value)) != self.outside
    }
}

impl Matcher {
    fn takes(&self, value: &str) -> bool {
        let expressed =
            || self.expression.as_ref().is_some_and(|expression| expression.matches(value));
        (self.exact.iter().any(|one| one == value) || expressed()) != self.negate
    }
}

impl Test {
    pub(super) fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Exists => true,
            Self::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Self::Matches(expression) => value.is_some_and(|value| expression.matches(value)),
            Self::Listed(listed) => value.is_some_and(|value| listed.holds(value)),
        }
    }
}

impl Condition {
    /// Whether it holds; `None` if that cannot be said yet, because the namespace has no name.
    pub(crate) fn holds(&self, view: &View<'_>) -> Option<bool> {
        if view.name.is_none() && self.place.needs_name() {
            return None;
        }
        let found = self.place.read(view).iter().any(|value| self.test.holds(value.as_deref()));
        Some(found != self.negated)
    }

    /// Whether it holds where the place has this one value.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        self.test.holds(Some(value)) != self.negated
    }

    /// What is at fault, if it does not hold. Of keys that must not be so each is a complaint, so
    /// that an edit answers for those that it touches only; there can be many, and each is asked
    /// about once.
    pub(crate) fn complaints(&self, view: &View<'_>) -> Vec<String> {
        let Some(keys) = self.negated.then(|| self.place.keys(view)).flatten() else {
            return if self.holds(view) == Some(false) {
                vec![self.complain(view)]
            } else {
                Vec::new()
            };
        };
        let wrong = keys.into_iter().filter(|(_, read)| self.test.holds(Some(read)));
        wrong
            .map(|(key, read)| {
                if self.place.is_names() {
                    format!("{key} must not exist")
                } else {
                    format!("{key} is {read:?}, it must {self}")
                }
            })
            .collect()
    }

    /// What is there instead, as a phrase.
    fn complain(&self, view: &View<'_>) -> String {
        // Of many, those that are at fault.
        let read = self
            .place
            .read(view)
            .into_iter()
            .filter(|value| !self.negated || self.test.holds(value.as_deref()));
        let mut found: Vec<String> =
            read.map(|value| value.map_or("a list or map".into(), |v| format!("{v:?}"))).collect();
        let more = found.len().saturating_sub(MAX_TOLD);
        found.truncate(MAX_TOLD);
        found.extend((more > 0).then(|| format!("and {more} more")));
        let found = if found.is_empty() { "absent".to_owned() } else { found.join(", ") };
        format!("{} is {found}, it must {self}", self.place.as_str())
    }
}

/// The demand: `be "prod"`, `not exist`, `match "^[0-9]{4}$"`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "not " } else { "" })?;
        match &self.test {
            Test::Exists => f.write_str("exist"),
            Test::In(values) if values.len() == 1 => {
                values.iter().try_for_each(|value| write!(f, "be {value:?}"))
            }
            Test::In(values) => write!(
                f,
                "be one of {}",
                values.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(", ")
            ),
            Test::Matches(expression) => write!(f, "match {:?}", expression.as_str()),
            Test::Listed(Listed { outside, .. }) => f.write_str(if *outside {
                "be other than what is allowed"
            } else {
                "be what is denied"
            }),
        }
    }
}
