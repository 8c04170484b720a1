//! JSONPath, a part of RFC 9535 that is bounded in size and cannot fail once it is read.
//!
//! | step | selects |
//! |---|---|
//! | `.name`, `['na.me/x']` | that member of an object |
//! | `.*`, `[*]` | every member or element |
//! | `[n]`, `[-n]` | one element of an array, counted from the end if negative |
//! | `[n:m]`, `[n:]`, `[:m]` | elements n to m - 1 of an array |
//! | `..name` | that member of the value and of everything inside it; once a path |
//! | `[?(@.a == 'x' && …)]` | see [`filter`] |
//!
//! Steps are read by our own grammar and handed to `jsonpath_lib` in one spelling only, because that library panics on
//! `[::0]` and `1e999` and reads `$]` as `$`. Filters and indices are evaluated here: the library finds nothing for
//! `a || b` if `a` holds nowhere, takes `[-5]` of two elements for `[0]`, and looks for `[0]` inside the members of objects.

mod filter;
mod grammar;

use std::fmt;

use serde_json::Value;

use self::filter::Filter;
use self::grammar::Reader;

/// Longest path in bytes.
pub const MAX_PATH_BYTES: usize = 256;
/// Most steps of a path, those inside its filters included.
pub const MAX_STEPS: usize = 32;
/// Deepest nesting of parentheses in a filter.
pub const MAX_FILTER_DEPTH: usize = 8;

/// A checked path. Equal if spelled equally.
#[derive(Clone, Debug)]
pub struct JsonPath {
    source: String,
    root: Option<String>,
    stages: Vec<Stage>,
}

/// Why something is not a path landlord reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    /// Nothing at all.
    #[error("JSONPath \"\" is empty; start it with $")]
    Empty,
    /// Over [`MAX_PATH_BYTES`].
    #[error("JSONPath has {bytes} bytes; shorten it to {MAX_PATH_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Over [`MAX_STEPS`].
    #[error("JSONPath {path:?} has more than {MAX_STEPS} steps; shorten it")]
    TooManySteps {
        /// The whole path.
        path: String,
    },
    /// Over [`MAX_FILTER_DEPTH`].
    #[error("JSONPath {path:?} nests parentheses deeper than {MAX_FILTER_DEPTH}; flatten its filter")]
    TooDeep {
        /// The whole path.
        path: String,
    },
    /// Not in the grammar.
    #[error("JSONPath {path:?} is not valid at {rest:?}: expected {expected}")]
    Syntax {
        /// The whole path.
        path: String,
        /// What could not be read.
        rest: String,
        /// What would have been right there.
        expected: &'static str,
    },
    /// In the grammar, but the library does not read it.
    #[error("JSONPath {path:?} does not compile: {message:?}")]
    Library {
        /// The whole path.
        path: String,
        /// The library's words.
        message: String,
    },
}

impl JsonPathError {
    /// A bounded word for metrics, events and status.
    pub fn reason(&self) -> &'static str {
        match self {
            JsonPathError::Empty => "EmptyJsonPath",
            JsonPathError::TooLong { .. } => "JsonPathTooLong",
            JsonPathError::TooManySteps { .. } | JsonPathError::TooDeep { .. } => "JsonPathTooComplex",
            JsonPathError::Syntax { .. } | JsonPathError::Library { .. } => "InvalidJsonPath",
        }
    }
}

/// One step as written.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    All,
    Index(i32),
    Slice(Option<i32>, Option<i32>),
    Descend(String),
    Filter(Filter),
}

/// Steps as they are evaluated: runs of plain steps by the library, the others here.
#[derive(Clone, Debug)]
enum Stage {
    Plain(jsonpath_lib::Compiled),
    Index(i32),
    Filter(Filter),
}

impl JsonPath {
    /// Reads and compiles a path.
    pub fn parse(source: &str) -> Result<Self, JsonPathError> {
        if source.is_empty() {
            return Err(JsonPathError::Empty);
        }
        if source.len() > MAX_PATH_BYTES {
            return Err(JsonPathError::TooLong { bytes: source.len() });
        }
        let steps = Reader::new(source).read_path()?;
        let root = steps.first().and_then(Step::member).map(str::to_owned);
        Ok(JsonPath { source: source.to_owned(), root, stages: compile(source, steps)? })
    }

    /// Every value the path leads to, none where it leads nowhere. The members of an object come in the order the JSON has.
    pub fn select<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.stages.iter().fold(vec![value], |values, stage| stage.select(values))
    }

    /// The strings among what the path leads to.
    pub fn strings(&self, value: &Value) -> Vec<String> {
        self.select(value).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Whether it may read `$.request`, which exists at admission only: it starts there, or with something that is no name.
    pub fn reads_request(&self) -> bool {
        self.root().is_none_or(|root| root == "request")
    }

    /// The member it starts with (`request`, `namespace`, `tenant`); `None` for `$`, `$.*`, `$..x` and the like.
    pub fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for JsonPath {}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Step {
    fn member(&self) -> Option<&str> {
        match self {
            Step::Member(name) => Some(name),
            _ => None,
        }
    }

    /// The library's spelling of a plain step. Names have neither quotes nor backslashes, so nothing needs escaping.
    fn plain(&self) -> Option<String> {
        let number = |n: &Option<i32>| n.map(|n| n.to_string()).unwrap_or_default();
        match self {
            Step::Member(name) => Some(format!("['{name}']")),
            Step::All => Some("[*]".to_owned()),
            Step::Slice(from, to) => Some(format!("[{}:{}]", number(from), number(to))),
            Step::Descend(name) => Some(format!("..['{name}']")),
            Step::Index(_) | Step::Filter(_) => None,
        }
    }
}

impl Stage {
    fn select<'a>(&self, values: Vec<&'a Value>) -> Vec<&'a Value> {
        match self {
            // Its only error is a path that was never set.
            Stage::Plain(path) => values.into_iter().flat_map(|value| path.select(value).unwrap_or_default()).collect(),
            Stage::Index(index) => values.into_iter().filter_map(|value| element(value, *index)).collect(),
            Stage::Filter(filter) => values.into_iter().flat_map(children).filter(|value| filter.holds(value)).collect(),
        }
    }
}

fn compile(source: &str, steps: Vec<Step>) -> Result<Vec<Stage>, JsonPathError> {
    let (mut stages, mut run) = (Vec::new(), String::new());
    for step in steps {
        if let Some(plain) = step.plain() {
            run.push_str(&plain);
            continue;
        }
        stages.extend(compile_run(source, std::mem::take(&mut run))?);
        match step {
            Step::Index(index) => stages.push(Stage::Index(index)),
            Step::Filter(filter) => stages.push(Stage::Filter(filter)),
            _ => {}
        }
    }
    stages.extend(compile_run(source, run)?);
    Ok(stages)
}

fn compile_run(source: &str, run: String) -> Result<Option<Stage>, JsonPathError> {
    if run.is_empty() {
        return Ok(None);
    }
    let library = |message| JsonPathError::Library { path: source.to_owned(), message };
    let compiled = jsonpath_lib::Compiled::compile(&format!("${run}")).map_err(library)?;
    Ok(Some(Stage::Plain(compiled)))
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// The element of an array at this place, from the end if negative.
fn element(value: &Value, index: i32) -> Option<&Value> {
    let elements = value.as_array()?;
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    let at = if index < 0 { elements.len().checked_sub(distance)? } else { distance };
    elements.get(at)
}

#[cfg(test)]
mod tests;
