//! The grammar of a JSONPath, read by recursive descent. Only parentheses recurse, and their depth
//! is bounded.
//!
//! ```text
//! path    = "$" step*
//! step    = "." (name | "*") | ".." name | "[" inner "]"
//! inner   = "*" | quoted | int | [int] ":" [int] | "?(" any ")"
//! any     = all ("||" all)*        all = one ("&&" one)*
//! one     = "(" any ")" | "@" hop* [compare literal]
//! hop     = "." name | "[" (quoted | int) "]"
//! compare = "==" | "!=" | "<=" | ">=" | "<" | ">"
//! literal = quoted | int ["." digits] | "true" | "false"
//! ```

use super::filter::{Comparison, Filter, Hop, Literal, Place};
use super::{JsonPathError, MAX_FILTER_DEPTH, MAX_STEPS, Step};
use crate::text;

/// Most digits of an integer: it fits an `isize` of 32 bits, which is what WebAssembly has.
const MAX_INDEX_DIGITS: usize = 9;
/// Most digits of either side of a number in a filter: all such integers are exact.
const MAX_NUMBER_DIGITS: usize = 15;

/// Reads from the front of what is left of a path.
pub(super) struct Reader<'a> {
    path: &'a str,
    rest: &'a str,
    steps: usize,
    depth: usize,
    descended: bool,
}

type Read<T> = Result<T, JsonPathError>;

impl<'a> Reader<'a> {
    /// At the start of this path.
    pub(super) fn new(path: &'a str) -> Self {
        Reader { path, rest: path, steps: 0, depth: 0, descended: false }
    }

    /// The whole path.
    pub(super) fn read_path(&mut self) -> Read<Vec<Step>> {
        self.expect("$", "$ at the start")?;
        let mut steps = Vec::new();
        while !self.rest.is_empty() {
            self.count_step()?;
            steps.push(self.read_step()?);
        }
        Ok(steps)
    }

    fn read_step(&mut self) -> Read<Step> {
        if self.take("..") {
            self.read_descend()
        } else if self.take(".*") {
            Ok(Step::All)
        } else if self.take(".") {
            self.read_name().map(Step::Member)
        } else if self.take("[") {
            self.read_brackets()
        } else {
            self.fail(".name or [ for the next step")
        }
    }

    /// Twice in a path, it would select the same values many times over.
    fn read_descend(&mut self) -> Read<Step> {
        if std::mem::replace(&mut self.descended, true) {
            return self.fail("only one .. in a path");
        }
        self.read_name().map(Step::Descend)
    }

    fn read_brackets(&mut self) -> Read<Step> {
        self.skip_blanks();
        let step = self.read_inner()?;
        self.skip_blanks();
        self.expect("]", "] after the step")?;
        Ok(step)
    }

    fn read_inner(&mut self) -> Read<Step> {
        if self.take("*") {
            return Ok(Step::All);
        }
        if self.take("?(") {
            let filter = self.read_any()?;
            self.expect(")", ") after the filter")?;
            return Ok(Step::Filter(filter));
        }
        match self.take_quoted()? {
            Some(name) => Ok(Step::Member(name)),
            None => self.read_index_or_slice(),
        }
    }

    fn read_index_or_slice(&mut self) -> Read<Step> {
        let from = self.take_index()?;
        if self.take(":") {
            return Ok(Step::Slice(from, self.take_index()?));
        }
        match from {
            Some(index) => Ok(Step::Index(index)),
            None => self.fail("a name in quotes, a number, n:m, * or ?(…)"),
        }
    }

    fn read_any(&mut self) -> Read<Filter> {
        let mut filters = vec![self.read_all()?];
        while self.take("||") {
            filters.push(self.read_all()?);
        }
        Ok(Filter::Any(filters))
    }

    fn read_all(&mut self) -> Read<Filter> {
        let mut filters = vec![self.read_one()?];
        while self.take("&&") {
            filters.push(self.read_one()?);
        }
        Ok(Filter::All(filters))
    }

    fn read_one(&mut self) -> Read<Filter> {
        self.skip_blanks();
        let filter = if self.take("(") { self.read_nested()? } else { self.read_condition()? };
        self.skip_blanks();
        Ok(filter)
    }

    fn read_nested(&mut self) -> Read<Filter> {
        if self.depth == MAX_FILTER_DEPTH {
            return Err(JsonPathError::TooDeep { path: self.path.to_owned() });
        }
        self.depth += 1;
        let filter = self.read_any()?;
        self.depth -= 1;
        self.expect(")", ") after the condition")?;
        Ok(filter)
    }

    fn read_condition(&mut self) -> Read<Filter> {
        self.expect("@", "@ or ( for a condition")?;
        let place = self.read_place()?;
        self.skip_blanks();
        match self.take_comparison() {
            None => Ok(Filter::Exists(place)),
            Some(comparison) => {
                self.skip_blanks();
                Ok(Filter::Compare(place, comparison, self.read_literal()?))
            }
        }
    }

    fn read_place(&mut self) -> Read<Place> {
        let mut place = Vec::new();
        loop {
            let hop = if self.take(".") {
                Hop::Member(self.read_name()?)
            } else if self.take("[") {
                self.read_hop_in_brackets()?
            } else {
                return Ok(place);
            };
            self.count_step()?;
            place.push(hop);
        }
    }

    fn read_hop_in_brackets(&mut self) -> Read<Hop> {
        self.skip_blanks();
        let hop = match (self.take_quoted()?, self.take_index()?) {
            (Some(name), None) => Hop::Member(name),
            (None, Some(index)) => Hop::Index(index),
            _ => return self.fail("a name in quotes or a number"),
        };
        self.skip_blanks();
        self.expect("]", "] after the step")?;
        Ok(hop)
    }

    fn take_comparison(&mut self) -> Option<Comparison> {
        // The longer one first where one starts with the other.
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        operators.into_iter().find(|(text, _)| self.take(text)).map(|(_, comparison)| comparison)
    }

    fn read_literal(&mut self) -> Read<Literal> {
        if let Some(text) = self.take_quoted()? {
            return Ok(Literal::Text(text));
        }
        for (word, value) in [("true", true), ("false", false)] {
            if self.take(word) {
                return Ok(Literal::Bool(value));
            }
        }
        self.read_number()
    }

    fn read_number(&mut self) -> Read<Literal> {
        let sign = if self.take("-") { "-" } else { "" };
        let whole = self.take_digits(MAX_NUMBER_DIGITS)?;
        if whole.is_empty() {
            return self.fail("a text in quotes, a number, true or false");
        }
        if !self.take(".") {
            return self.parse(&format!("{sign}{whole}")).map(Literal::Integer);
        }
        let fraction = self.take_digits(MAX_NUMBER_DIGITS)?;
        if fraction.is_empty() {
            return self.fail("digits after the point");
        }
        self.parse_decimal(sign, whole, fraction).map(Literal::Decimal)
    }

    /// As serde_json reads it, so that a number equals itself in a document; and the standard
    /// library's reading is 16 KB more.
    fn parse_decimal(&self, sign: &str, whole: &str, fraction: &str) -> Read<f64> {
        // JSON has no zeros in front of a number.
        let whole =
            Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
        text::parse(&format!("{sign}{whole}.{fraction}"))
            .ok()
            .and_then(|number| number.as_f64())
            .map_or_else(|| self.fail("a number"), Ok)
    }

    fn take_index(&mut self) -> Read<Option<i32>> {
        let sign = if self.take("-") { "-" } else { "" };
        match self.take_digits(MAX_INDEX_DIGITS)? {
            "" if sign.is_empty() => Ok(None),
            digits => self.parse(&format!("{sign}{digits}")).map(Some),
        }
    }

    fn parse<T: std::str::FromStr>(&self, number: &str) -> Read<T> {
        number.parse().or_else(|_| self.fail("a number"))
    }

    fn take_digits(&mut self, most: usize) -> Read<&'a str> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.len() > most { self.fail("a number with fewer digits") } else { Ok(digits) }
    }

    fn read_name(&mut self) -> Read<String> {
        match self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
            "" => self.fail("a name of letters, digits, '-' and '_'; write any other as ['name']"),
            name => Ok(name.to_owned()),
        }
    }

    /// Text in single or double quotes. It has neither quotes nor backslashes, so there is nothing
    /// to escape.
    fn take_quoted(&mut self) -> Read<Option<String>> {
        let Some(quote) = ["'", "\""].into_iter().find(|quote| self.take(quote)) else {
            return Ok(None);
        };
        let text = self.take_while(|c| !matches!(c, '\'' | '"' | '\\') && !c.is_control());
        self.expect(
            quote,
            "the closing quote; quotes, backslashes and control characters are not supported",
        )?;
        Ok(Some(text.to_owned()))
    }

    fn take_while(&mut self, such: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest.trim_start_matches(&such);
        let taken = self.rest.strip_suffix(rest).unwrap_or_default();
        self.rest = rest;
        taken
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn take(&mut self, text: &str) -> bool {
        let after = self.rest.strip_prefix(text);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, text: &str, expected: &'static str) -> Read<()> {
        if self.take(text) { Ok(()) } else { self.fail(expected) }
    }

    fn count_step(&mut self) -> Read<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(JsonPathError::TooManySteps { path: self.path.to_owned() });
        }
        Ok(())
    }

    fn fail<T>(&self, expected: &'static str) -> Read<T> {
        Err(JsonPathError::Syntax {
            path: self.path.to_owned(),
            rest: self.rest.to_owned(),
            expected,
        })
    }
}
