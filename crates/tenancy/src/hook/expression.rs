//! Expression: a regular expression of bounded size.

use regex_lite::{Regex, RegexBuilder};

/// Most bytes of a regular expression.
const MAX_EXPRESSION_BYTES: usize = 512;
/// Most bytes of a compiled expression: it bounds the time that a match takes as well.
const MAX_COMPILED_BYTES: usize = 16 * 1024;
/// Most bytes of a value that an expression is asked about; a longer one does not match. Label
/// values have 63.
pub(super) const MAX_MATCHED_BYTES: usize = 4096;

/// See the module. Equal if spelled equally.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

impl Expression {
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_EXPRESSION_BYTES {
            return Err(format!(
                "{} bytes long: shorten it to {MAX_EXPRESSION_BYTES}",
                source.len()
            ));
        }
        let built = RegexBuilder::new(source).size_limit(MAX_COMPILED_BYTES).build();
        built.map(Self).map_err(|error| format!("{source:?} is not a regular expression landlord reads ({error}): fix or simplify it"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn matches(&self, value: &str) -> bool {
        value.len() <= MAX_MATCHED_BYTES && self.0.is_match(value)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}
