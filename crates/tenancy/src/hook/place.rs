//! Place: what a path of a hook reads. Most name one label or annotation; those are looked up
//! without a document.

use serde_json::Value;

use super::View;
use super::expression::Expression;
use crate::json_path::JsonPath;
use crate::metadata::{Field, Key, MAX_NAME_BYTES};
use crate::namespace::NAME_LABEL;
use crate::text;

/// A checked path over `{request, namespace, tenant}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    source: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Request(JsonPath),
    Tenant(JsonPath),
    Name,
    Key(Key),
    /// Something of all labels or of all annotations.
    Within(Field, JsonPath),
    /// The names of keys that landlord does not write itself, if they match.
    Names(Field, Option<Expression>),
    /// The values of such keys.
    Values(Field, Expression),
    /// The values of keys of which the name matches, no matter who writes them.
    Any(Field, Expression),
}

/// Before most keys: what follows is a name, so that there is no path to compile.
const SHORT: [(&str, Field); 2] = [
    ("$.namespace.metadata.labels.", Field::Label),
    ("$.namespace.metadata.annotations.", Field::Annotation),
];

impl Place {
    /// Reads a path and says why it is none that a hook can read.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        let key = SHORT.iter().find_map(|(start, field)| {
            Some(Key { field: *field, name: simple_name(source.strip_prefix(start)?)? })
        });
        let kind = match key {
            Some(key) => Kind::Key(key),
            None => kind(source)?,
        };
        Ok(Self { source: source.to_owned(), kind })
    }

    /// The names of all labels or annotations that landlord does not manage.
    pub(crate) fn names(field: Field, matching: Option<Expression>) -> Self {
        Self {
            source: format!("a name among metadata.{}", field.member()),
            kind: Kind::Names(field, matching),
        }
    }

    /// The values of those of which the name matches; `called` names them.
    pub(crate) fn values(field: Field, matching: Expression, called: &str) -> Self {
        Self {
            source: format!("metadata.{}[{called:?}]", field.member()),
            kind: Kind::Values(field, matching),
        }
    }

    /// The same, those of landlord included.
    pub(crate) fn any(field: Field, matching: Expression, called: &str) -> Self {
        Self {
            source: format!("metadata.{}[{called:?}]", field.member()),
            kind: Kind::Any(field, matching),
        }
    }

    /// One label or annotation.
    pub(crate) fn from_key(key: Key) -> Self {
        Self {
            source: format!("metadata.{}[{:?}]", key.field.member(), key.name),
            kind: Kind::Key(key),
        }
    }

    /// The path as it was written, or what stands for it in messages.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether it reads `$.request`, which is there at admission only.
    pub fn reads_request(&self) -> bool {
        matches!(self.kind, Kind::Request(_))
    }

    /// Whether it reads `$.tenant`, the tenant's object.
    pub(crate) fn reads_tenant(&self) -> bool {
        matches!(self.kind, Kind::Tenant(_))
    }

    /// The one label or annotation that it names.
    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.kind {
            Kind::Key(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it leads to one value at most: it names member after member.
    pub(super) fn is_single(&self) -> bool {
        match &self.kind {
            Kind::Key(_) | Kind::Name => true,
            Kind::Request(path) | Kind::Tenant(path) => !path.members().is_empty(),
            Kind::Within(..) | Kind::Names(..) | Kind::Values(..) | Kind::Any(..) => false,
        }
    }

    /// Whether it can read this label or annotation.
    pub(crate) fn may_read(&self, field: Field, name: &str) -> bool {
        match &self.kind {
            Kind::Key(key) => key.field == field && key.name == name,
            Kind::Within(of, path) => {
                *of == field && path.may_reach(&["namespace", "metadata", field.member(), name])
            }
            Kind::Request(_)
            | Kind::Tenant(_)
            | Kind::Name
            | Kind::Names(..)
            | Kind::Values(..)
            | Kind::Any(..) => false,
        }
    }

    /// Whether it can read any key of this field.
    pub(crate) fn reads(&self, field: Field) -> bool {
        matches!(&self.kind, Kind::Within(of, _) | Kind::Key(Key { field: of, .. }) if *of == field)
    }

    /// Whether what it reads is not known as long as the namespace has no name.
    pub(crate) fn needs_name(&self) -> bool {
        self.kind == Kind::Name || self.may_read(Field::Label, NAME_LABEL)
    }

    /// What is there: the text of strings, numbers and booleans, `None` for lists and maps.
    pub(crate) fn read(&self, view: &View<'_>) -> Vec<Option<String>> {
        match &self.kind {
            Kind::Request(path) => {
                view.request.map(|request| select(path, request, "request")).unwrap_or_default()
            }
            Kind::Tenant(path) => select(path, view.tenant, "tenant"),
            Kind::Name => view.name.map(|name| Some(name.to_owned())).into_iter().collect(),
            Kind::Key(key) => {
                view.get(key).map(|value| Some(value.to_owned())).into_iter().collect()
            }
            Kind::Names(..) | Kind::Values(..) => self
                .keys(view)
                .unwrap_or_default()
                .into_iter()
                .map(|(_, read)| Some(read))
                .collect(),
            Kind::Any(field, matching) => view
                .all(*field)
                .into_iter()
                .filter(|(name, _)| matching.matches(name))
                .map(|(_, value)| Some(value))
                .collect(),
            Kind::Within(field, path) => {
                path.select(view.document(*field)).into_iter().map(scalar).collect()
            }
        }
    }

    /// The keys that a place of Capsule's validations reads, with what is read of each; `None` for
    /// all other places.
    pub(super) fn keys(&self, view: &View<'_>) -> Option<Vec<(Key, String)>> {
        let (field, matching) = match &self.kind {
            Kind::Names(field, matching) => (*field, matching.as_ref()),
            Kind::Values(field, matching) => (*field, Some(matching)),
            _ => return None,
        };
        let asked = |name: &str| matching.is_none_or(|expression| expression.matches(name));
        let read = |name: &str, value| if self.is_names() { name.to_owned() } else { value };
        let keys = view.foreign(field).into_iter().filter(|(name, _)| asked(name));
        Some(
            keys.map(|(name, value)| (read(&name, value), name))
                .map(|(read, name)| (Key { field, name }, read))
                .collect(),
        )
    }

    /// Whether it is the keys' names that are read, not their values.
    pub(super) fn is_names(&self) -> bool {
        matches!(self.kind, Kind::Names(..))
    }
}

fn select(path: &JsonPath, value: &Value, root: &str) -> Vec<Option<String>> {
    path.select_member(value, root).into_iter().map(scalar).collect()
}

/// A name that a path may hold without quotes, and that is not longer than a path may be.
fn simple_name(name: &str) -> Option<String> {
    let simple = !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-'));
    (simple && name.len() <= MAX_NAME_BYTES).then(|| name.to_owned())
}

fn kind(source: &str) -> Result<Kind, String> {
    let path = JsonPath::parse(source).map_err(|error| error.to_string())?;
    let kind = match path.root() {
        Some("request") => Ok(Kind::Request(path)),
        Some("tenant") if path.leading_members().get(1) == Some(&"status") => {
            Err("a tenant's status is not for hooks: read its spec")
        }
        Some("tenant") => Ok(Kind::Tenant(path)),
        Some("namespace") => in_namespace(path),
        _ => Err("a hook reads `$.request`, `$.namespace` or `$.tenant`: begin with one of them"),
    };
    kind.map_err(|message| format!("{source:?}: {message}"))
}

/// A namespace is its name, labels and annotations to a hook: the rest is not the same at both
/// stages.
fn in_namespace(path: JsonPath) -> Result<Kind, &'static str> {
    let leading = path.leading_members();
    let field = match leading.get(1..) {
        Some(["metadata", "name"]) if path.members().len() == 3 => return Ok(Kind::Name),
        Some(["metadata", "labels", ..]) => Field::Label,
        Some(["metadata", "annotations", ..]) => Field::Annotation,
        _ => {
            return Err(
                "of a namespace, hooks read `metadata.name`, `metadata.labels` and `metadata.annotations`",
            );
        }
    };
    match path.members().get(3..) {
        Some([name]) => Ok(Kind::Key(Key { field, name: (*name).to_owned() })),
        Some([_, _, ..]) => Err(
            "a label or annotation has no members: write a key with dots as ['example.com/key']",
        ),
        _ => Ok(Kind::Within(field, path)),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(text::print(value)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
