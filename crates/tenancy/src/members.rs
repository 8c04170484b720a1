//! Members: those of a JSON object in the order of their names, which the JSON's own order must
//! never decide; and objects made of them.

use serde_json::{Map as Object, Value};

/// Names and values, by name.
pub(crate) fn by_name(object: &Object<String, Value>) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = object.iter().map(|(name, value)| (name.as_str(), value)).collect();
    // One place that sorts them, and only where serde_json keeps the order of the text: sorting
    // code is 2 KB for each type.
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

/// The value at this place, given as member names. (`Value::pointer` copies each name twice, to
/// undo an escape that none of ours has.)
pub fn at<'a>(value: &'a Value, place: &[&str]) -> Option<&'a Value> {
    place.iter().try_fold(value, |value, name| value.get(*name))
}

/// An object with these members. (`json!` serialises each value into a new one: that copies it, and
/// is code of its own.)
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut object = Object::new();
    members.into_iter().for_each(|(name, value)| drop(object.insert(name.to_owned(), value)));
    Value::Object(object)
}
