//! Located: a JSON value that knows where it stands in its document, as serde reads it. One
//! deserializer for every document keeps the policy small, and its errors carry the path of the
//! value at fault.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Map as Object, Value};

use super::fault::{Fault, plain};
use crate::members::by_name;

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

impl<'de, 'p> Located<'de, 'p> {
    pub(super) fn document(value: &'de Value) -> Self {
        Self { value, place: Place::Document }
    }

    /// Refuses the value for what it is.
    #[cold]
    fn mismatch(self, expected: &dyn Expected) -> Fault {
        let found = match self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("boolean `{value}`"),
            Value::Number(number) => format!("number `{number}`"),
            Value::String(text) => format!("string {text:?}"),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        let mut message = format!("invalid type: {found}, expected {}", plain(expected));
        let scalar = matches!(self.value, Value::Bool(_) | Value::Number(_));
        if scalar && message.ends_with("a string") {
            message += ": write it in quotes";
        }
        Fault::new(message).at(&self.place)
    }

    fn elements(&self, elements: &'de [Value]) -> Elements<'de, '_> {
        Elements { place: &self.place, rest: elements.iter().enumerate() }
    }

    /// By name, so that which of two faults is named does not depend on the order of the JSON.
    fn members(&self, members: &'de Object<String, Value>) -> Members<'de, '_> {
        Members {
            place: &self.place,
            rest: by_name(members).into_iter(),
            value: &Value::Null,
            name: "",
        }
    }

    /// An enum's name and what stands beside it.
    fn variant(self) -> Result<Variant<'de, 'p>, Fault> {
        let (name, value) = match self.value {
            Value::String(name) => (name.as_str(), None),
            Value::Object(members) if members.len() == 1 => members
                .iter()
                .next()
                .map_or(("", None), |(name, value)| (name.as_str(), Some(value))),
            Value::Object(members) => {
                return Err(Fault::new(format!(
                    "an object of {} members, expected one",
                    members.len()
                )));
            }
            _ => return Err(Fault::new("expected a name, or an object of one member".to_owned())),
        };
        Ok(Variant { name, value, place: self.place })
    }

    fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match (self.value.as_u64(), self.value.as_i64(), self.value.as_f64()) {
            (Some(value), _, _) => visitor.visit_u64(value),
            (None, Some(value), _) => visitor.visit_i64(value),
            (None, None, Some(value)) => visitor.visit_f64(value),
            (None, None, None) => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Array(elements) => visitor.visit_seq(self.elements(elements)),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn visit_object<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Object(members) => visitor.visit_map(self.members(members)),
            _ => Err(self.mismatch(&visitor)),
        }
    }
}

/// Forwards what serde asks for to the one kind of JSON that can be it.
macro_rules! reads {
    ($visit:ident: $($asked:ident)*) => {
        $(fn $asked<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let place = self.place;
            self.$visit(visitor).map_err(|fault| fault.at(&place))
        })*
    };
}

/// Types say what they want to be read from, and get nothing else: reading "any" for each would
/// multiply the code.
impl<'de> Deserializer<'de> for Located<'de, '_> {
    type Error = Fault;

    reads!(visit_string: deserialize_str deserialize_string deserialize_char deserialize_identifier);
    reads!(visit_list: deserialize_seq);
    reads!(visit_object: deserialize_map);
    reads!(visit_number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    reads!(visit_number: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_f32 deserialize_f64);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(_) => self.visit_number(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(elements) => visitor.visit_seq(self.elements(elements)),
            Value::Object(members) => visitor.visit_map(self.members(members)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    /// Externally tagged: a name, or an object of one member.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let place = self.place;
        visitor.visit_enum(self).map_err(|fault| fault.at(&place))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 bytes byte_buf unit unit_struct tuple tuple_struct }
}

/// The elements of an array, one after the other.
struct Elements<'de, 'p> {
    place: &'p Place<'p>,
    rest: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
}

impl<'de> SeqAccess<'de> for Elements<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Located { value, place: Place::Element(self.place, index) }).map(Some)
    }
}

/// The members of an object; `name` and `value` are those of the member that was read last.
struct Members<'de, 'p> {
    place: &'p Place<'p>,
    rest: std::vec::IntoIter<(&'de str, &'de Value)>,
    name: &'de str,
    value: &'de Value,
}

impl<'de, 'p> Members<'de, 'p> {
    fn step(&mut self) -> Option<StrDeserializer<'de, Fault>> {
        (self.name, self.value) = self.rest.next()?;
        Some(self.name.into_deserializer())
    }

    fn current(&self) -> Located<'de, 'p>
    where
        'de: 'p,
    {
        Located { value: self.value, place: Place::Member(self.place, self.name) }
    }
}

impl<'de> MapAccess<'de> for Members<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some(name) = self.step() else { return Ok(None) };
        seed.deserialize(name).map(Some).map_err(|fault| fault.at(self.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.current())
    }
}

impl<'de, 'p> EnumAccess<'de> for Located<'de, 'p> {
    type Error = Fault;
    type Variant = Variant<'de, 'p>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Variant<'de, 'p>), Fault> {
        let variant = self.variant()?;
        let name: StrDeserializer<'de, Fault> = variant.name.into_deserializer();
        Ok((seed.deserialize(name)?, variant))
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
            Some(_) => Err(de::Error::custom(format_args!(
                "`{}` takes no value: write the name alone",
                self.name
            ))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let Some(value) = self.value else {
            return Err(de::Error::custom(format_args!(
                "`{name}` needs a value: write `{name}: …`",
                name = self.name
            )));
        };
        seed.deserialize(Located { value, place: Place::Member(&self.place, self.name) })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(de::Error::custom(format_args!("`{}` cannot be read from JSON", self.name)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let place = Place::Member(&self.place, self.name);
        match self.value {
            Some(value) => Deserializer::deserialize_any(Located { value, place }, visitor),
            // The name alone: every field has its default.
            None => visitor.visit_map(Members {
                place: &place,
                rest: Vec::new().into_iter(),
                value: &Value::Null,
                name: "",
            }),
        }
    }
}
