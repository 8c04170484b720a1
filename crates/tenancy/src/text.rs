//! Text: JSON read from text and written to it, in one way each: another kind of source or target
//! is a second copy of all that code.

use serde_json::Value;

/// Reads any JSON.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_slice(text.as_bytes())
}

/// Compact JSON.
pub fn print(value: &Value) -> String {
    // A value always serialises.
    serde_json::to_string(value).unwrap_or_default()
}
