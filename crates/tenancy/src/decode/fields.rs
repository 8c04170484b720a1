//! Fields: an object read field by field, without copying what it holds. For what comes by the
//! hundred in one document; the rest is read into types by [`super::decode`].

use serde_json::{Map as Object, Value};

use super::{DecodeError, suggest};
use crate::text;

/// An object that has no other fields than those asked for.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Object<String, Value>);

type Read<T> = Result<T, DecodeError>;

impl<'a> Fields<'a> {
    /// The object, if all its fields are among `valid`.
    pub(crate) fn read(value: &'a Value, valid: &[&str]) -> Read<Self> {
        let Value::Object(members) = value else { return Err(mismatch("", value, "an object")) };
        // The smallest, so that which of two faults is named does not depend on the order of the
        // JSON.
        match members.keys().filter(|name| !valid.contains(&name.as_str())).min() {
            None => Ok(Self(members)),
            Some(name) => Err(DecodeError::new(
                "",
                suggest(&format!("unknown field `{name}`, expected {}", quoted(valid))),
            )),
        }
    }

    /// `null` and an absent field are the same.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn read_text(self, name: &str) -> Read<Option<&'a str>> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(crate) fn flag(self, name: &str) -> Read<Option<bool>> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(crate) fn integer(self, name: &str) -> Read<Option<i32>> {
        self.typed(name, "an integer of 32 bits", |value| {
            value.as_i64().and_then(|number| i32::try_from(number).ok())
        })
    }

    pub(crate) fn list(self, name: &str) -> Read<Option<&'a [Value]>> {
        self.typed(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    pub(crate) fn object(self, name: &str) -> Read<Option<&'a Object<String, Value>>> {
        self.typed(name, "an object", Value::as_object)
    }

    /// One of these words, as what it stands for.
    pub(crate) fn word<T: Copy>(self, name: &str, words: &[(&str, T)]) -> Read<Option<T>> {
        self.read_text(name)?.map(|text| word(name, text, words)).transpose()
    }

    fn typed<T>(
        self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Read<Option<T>> {
        self.get(name)
            .map(|value| read(value).ok_or_else(|| mismatch(name, value, expected)))
            .transpose()
    }
}

/// What the word stands for.
pub(crate) fn word<T: Copy>(path: &str, text: &str, words: &[(&str, T)]) -> Read<T> {
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, meaning)) => Ok(*meaning),
        None => {
            let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Err(DecodeError::new(
                path,
                suggest(&format!("unknown variant `{text}`, expected {}", quoted(&valid))),
            ))
        }
    }
}

pub(crate) fn mismatch(path: &str, value: &Value, expected: &str) -> DecodeError {
    DecodeError::new(path, format!("{} is not {expected}", text::print(value)))
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("one of {}", names.join(", "))
}
