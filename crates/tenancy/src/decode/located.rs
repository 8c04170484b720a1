//! Located: a JSON value that knows where it stands in its document, as serde reads it. One deserializer for every document
//! keeps the policy small, and its errors carry the path of the value at fault.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::Value;

/// A value and its place.
#[derive(Clone, Copy)]
pub(super) struct Located<'de, 'p> {
    value: &'de Value,
    place: Place<'p>,
}

/// Where a value stands, as a list from the inside out.
#[derive(Clone, Copy)]
enum Place<'p> {
    Document,
    Member(&'p Place<'p>, &'p str),
    Element(&'p Place<'p>, usize),
}

/// What is wrong and, once it is known, where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) path: Option<String>,
    pub(super) message: String,
}

impl Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Document => Ok(()),
            Place::Member(Place::Document, name) => f.write_str(name),
            Place::Member(parent, name) => write!(f, "{parent}.{name}"),
            Place::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl Fault {
    /// The innermost place wins.
    fn at(self, place: &Place<'_>) -> Self {
        Self { path: self.path.or_else(|| Some(place.to_string())), ..self }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self { path: None, message: message.to_string() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("invalid type: {}, expected {expected}", describe(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("invalid value: {}, expected {expected}", describe(found)))
    }
}

/// Serde's own words, without the machinery that prints floats.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("integer `{value}`"),
        Unexpected::Signed(value) => format!("integer `{value}`"),
        Unexpected::Float(_) => "a fraction".to_owned(),
        Unexpected::Str(text) => format!("string {text:?}"),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map | Unexpected::StructVariant | Unexpected::NewtypeVariant => "an object".to_owned(),
        _ => "something else".to_owned(),
    }
}

impl<'de> Located<'de, '_> {
    pub(super) fn document(value: &'de Value) -> Self {
        Self { value, place: Place::Document }
    }

    fn number<V: Visitor<'de>>(number: &serde_json::Number, visitor: V) -> Result<V::Value, Fault> {
        match (number.as_u64(), number.as_i64()) {
            (Some(value), _) => visitor.visit_u64(value),
            (None, Some(value)) => visitor.visit_i64(value),
            (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
        }
    }

    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => Self::number(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(elements) => visitor.visit_seq(Elements { place: &self.place, rest: elements.iter().enumerate() }),
            Value::Object(members) => {
                // By name, so that which of two faults is told does not depend on the order of the JSON.
                let mut members: Vec<_> = members.iter().collect();
                members.sort_unstable_by_key(|(name, _)| *name);
                visitor.visit_map(Members { place: &self.place, rest: members.into_iter(), value: None })
            }
        }
    }
}

impl<'de> Deserializer<'de> for Located<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let place = self.place;
        self.any(visitor).map_err(|fault| fault.at(&place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// Externally tagged: a name, or an object of one member.
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let place = self.place;
        visitor.visit_enum(self).map_err(|fault| fault.at(&place))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The elements of an array, one after the other.
struct Elements<'de, 'p> {
    place: &'p Place<'p>,
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Located { value, place: Place::Element(self.place, index) }).map(Some)
    }
}

/// The members of an object; `value` belongs to the name that was read last.
struct Members<'de, 'p> {
    place: &'p Place<'p>,
    rest: std::vec::IntoIter<(&'de String, &'de Value)>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        let name: StrDeserializer<'de, Fault> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|fault| fault.at(self.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (name, value) = self.value.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Located { value, place: Place::Member(self.place, name) })
    }
}

impl<'de, 'p> EnumAccess<'de> for Located<'de, 'p> {
    type Error = Fault;
    type Variant = Variant<'de, 'p>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Variant<'de, 'p>), Fault> {
        let (name, value) = match self.value {
            Value::String(name) => (name.as_str(), None),
            Value::Object(members) if members.len() == 1 => {
                members.iter().next().map_or(("", None), |(name, value)| (name.as_str(), Some(value)))
            }
            Value::Object(members) => return Err(de::Error::custom(format_args!("an object of {} members, expected one", members.len()))),
            _ => return Err(de::Error::custom("expected a name, or an object of one member")),
        };
        let variant: StrDeserializer<'de, Fault> = name.into_deserializer();
        Ok((seed.deserialize(variant)?, Variant { name, value, place: self.place }))
    }
}

/// What stands beside the name of an enum's variant.
pub(super) struct Variant<'de, 'p> {
    name: &'de str,
    value: Option<&'de Value>,
    place: Place<'p>,
}

impl<'de> VariantAccess<'de> for Variant<'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(de::Error::custom(format_args!("`{}` takes no value: write the name alone", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let Some(value) = self.value else {
            return Err(de::Error::custom(format_args!("`{name}` needs a value: write `{name}: …`", name = self.name)));
        };
        seed.deserialize(Located { value, place: Place::Member(&self.place, self.name) })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom(format_args!("`{}` cannot be read from JSON", self.name)))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let value = self.value.unwrap_or(&Value::Null);
        Deserializer::deserialize_any(Located { value, place: Place::Member(&self.place, self.name) }, visitor)
    }
}
