//! Fault: the error of reading a document, in serde's words.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};
use serde_json::Number;

/// What is wrong and, once it is known, where. Boxed, because every step of every derived reader
/// hands it on: that is a copy of one word instead of six.
#[derive(Debug)]
pub(super) struct Fault(Box<Wrong>);

#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) path: Option<String>,
    pub(super) message: String,
}

impl Fault {
    #[cold]
    pub(super) fn new(message: String) -> Self {
        Self(Box::new(Wrong { path: None, message }))
    }

    /// The innermost place wins.
    #[cold]
    pub(super) fn at(mut self, place: &dyn Display) -> Self {
        self.0.path.get_or_insert_with(|| place.to_string());
        self
    }

    pub(super) fn into_parts(self) -> Wrong {
        *self.0
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid type: {}, expected {}", describe(found), plain(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("invalid value: {}, expected {expected}", describe(found)))
    }
}

/// What is expected, in words of YAML instead of Rust's.
#[cold]
pub(super) fn plain(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a sequence" => "a list".to_owned(),
        rust if rust == "a map" || rust.starts_with("struct ") => "an object".to_owned(),
        _ => text,
    }
}

/// What serde's visitors may be given of JSON, in serde's words. Its own `Display` would bring the
/// standard library's printing of floats into the policy, 20 KB for this one message; serde_json's
/// is there anyway.
#[cold]
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("integer `{value}`"),
        Unexpected::Signed(value) => format!("integer `{value}`"),
        Unexpected::Float(value) => Number::from_f64(value)
            .map_or("number".to_owned(), |number| format!("floating point `{number}`")),
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Unit => "unit value".to_owned(),
        Unexpected::Seq => "sequence".to_owned(),
        Unexpected::Map => "map".to_owned(),
        _ => "value of another type".to_owned(),
    }
}
