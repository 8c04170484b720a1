//! JSONPath: the template of `-o jsonpath=…`, as kubectl writes them: text, and in braces paths,
//! quoted text, and `{range PATH}…{end}`.
//!
//! ```text
//! {range .tenants[*]}{.name}{"\t"}{.behind.seconds}{"\n"}{end}
//! ```
//!
//! Paths are those of RFC 9535, to which kubectl's are brought: the leading `$` may be absent, `@` is
//! the item of a range, and `.cost-center` and `.app\.kubernetes\.io/name` need no brackets.

use std::str::FromStr;

use jsonpath_rust::JsonPath;
use jsonpath_rust::parser::parse_json_path;
use serde_json::Value;

/// More than is typed, and less than what is too deep for the parser.
const MAX_BYTES: usize = 1024;

/// A template whose paths have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(String),
    Range(String, Vec<Part>),
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it is empty: write -o jsonpath='{.apiVersion}'".to_owned());
        }
        if text.len() > MAX_BYTES {
            return Err(format!("it is longer than {MAX_BYTES} bytes"));
        }
        if !text.contains('{') {
            return Ok(Self(vec![Part::Path(path(text)?)]));
        }
        let mut rest = text;
        let parts = parse_parts(&mut rest, false)?;
        Ok(Self(parts))
    }
}

impl Template {
    /// The parts of this document, without a new line at the end, as kubectl prints them. What is
    /// not there is empty.
    pub(crate) fn render(&self, document: &Value) -> Result<String, String> {
        let mut text = String::new();
        render_parts(&self.0, document, &mut text)?;
        Ok(text)
    }
}

fn render_parts(parts: &[Part], value: &Value, text: &mut String) -> Result<(), String> {
    for part in parts {
        match part {
            Part::Text(words) => text.push_str(words),
            Part::Path(path) => {
                let found = find(path, value)?;
                text.push_str(&found.into_iter().map(word).collect::<Vec<_>>().join(" "));
            }
            Part::Range(path, parts) => {
                for item in find(path, value)? {
                    render_parts(parts, item, text)?;
                }
            }
        }
    }
    Ok(())
}

fn find<'a>(path: &str, value: &'a Value) -> Result<Vec<&'a Value>, String> {
    value.query(path).map_err(|error| format!("{path}: {error}"))
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Up to the end of the text, or of the range.
fn parse_parts(rest: &mut &str, is_range: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    loop {
        let Some((words, behind)) = rest.split_once('{') else {
            if is_range {
                return Err("{range} has no {end}".to_owned());
            }
            parts.extend((!rest.is_empty()).then(|| Part::Text((*rest).to_owned())));
            return Ok(parts);
        };
        parts.extend((!words.is_empty()).then(|| Part::Text(words.to_owned())));
        let (inside, behind) = in_braces(behind)?;
        *rest = behind;
        match inside.trim() {
            "end" if is_range => return Ok(parts),
            "end" => return Err("{end} has no {range}".to_owned()),
            inside if inside.starts_with(['"', '\'']) => parts.push(Part::Text(unquote(inside)?)),
            inside => match inside.strip_prefix("range ") {
                Some(of) => {
                    let of = path(of)?;
                    parts.push(Part::Range(of, parse_parts(rest, true)?));
                }
                None => parts.push(Part::Path(path(inside)?)),
            },
        }
    }
}

/// What is before the brace that closes, and what is behind it; one in quotes closes nothing.
fn in_braces(text: &str) -> Result<(&str, &str), String> {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            _ if is_escaped => is_escaped = false,
            ('\\', _) => is_escaped = true,
            ('}', None) => return Ok((&text[..at], &text[at + 1..])),
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => quote = Some(letter),
            _ => {}
        }
    }
    Err(format!("{{{text}: a brace is open"))
}

fn unquote(text: &str) -> Result<String, String> {
    let mut letters = text.chars();
    let (open, close) = (letters.next(), letters.next_back());
    if open != close {
        return Err(format!("{text}: a quote is open"));
    }
    let (mut words, mut is_escaped) = (String::new(), false);
    for letter in letters {
        match (letter, is_escaped) {
            ('\\', false) => is_escaped = true,
            (letter, true) => {
                is_escaped = false;
                words.push(match letter {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                });
            }
            (letter, false) => words.push(letter),
        }
    }
    Ok(words)
}

/// kubectl's path as one of RFC 9535.
fn path(text: &str) -> Result<String, String> {
    let text = text.trim();
    let relative = text.strip_prefix(['$', '@']).unwrap_or(text);
    let mut path = "$".to_owned();
    let mut rest = relative;
    // `name` alone is `.name`.
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        rest = name(rest, &mut path);
    }
    while let Some(first) = rest.chars().next() {
        match first {
            '[' => rest = brackets(rest, &mut path)?,
            '.' if rest == "." => rest = "",
            '.' => {
                let behind = &rest[1..];
                let descends = behind.strip_prefix('.');
                if descends.is_some() {
                    path.push_str("..");
                }
                let behind = descends.unwrap_or(behind);
                rest = if behind.starts_with('[') { behind } else { name(behind, &mut path) };
            }
            _ => return Err(format!("{text}: {rest:?} is no part of a path")),
        }
    }
    parse_json_path(&path).map_err(|_| format!("{text:?} is no JSONPath"))?;
    Ok(path)
}

/// Takes a name up to the next `.` or `[`, and gives it brackets; the rest of the text.
fn name<'a>(text: &'a str, path: &mut String) -> &'a str {
    let (mut name, mut is_escaped, mut end) = (String::new(), false, text.len());
    for (at, letter) in text.char_indices() {
        match (letter, is_escaped) {
            ('\\', false) => is_escaped = true,
            ('.' | '[', false) => {
                end = at;
                break;
            }
            (letter, _) => {
                is_escaped = false;
                name.push(letter);
            }
        }
    }
    match name.as_str() {
        "*" => path.push_str("[*]"),
        name => path.push_str(&format!("[{}]", Value::from(name))),
    }
    text.get(end..).unwrap_or_default()
}

/// Takes what is in brackets as it is; the rest of the text.
fn brackets<'a>(text: &'a str, path: &mut String) -> Result<&'a str, String> {
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (at, letter) in text.char_indices() {
        match (letter, quote) {
            _ if is_escaped => is_escaped = false,
            ('\\', _) => is_escaped = true,
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => quote = Some(letter),
            ('[', None) => depth += 1,
            (']', None) if depth == 1 => {
                path.push_str(&text[..=at]);
                return Ok(&text[at + 1..]);
            }
            (']', None) => depth -= 1,
            _ => {}
        }
    }
    Err(format!("{text}: a bracket is open"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    fn document() -> Value {
        json!({"apiVersion": "v1", "unclaimed": 3, "leader": null, "tenants": [
            {"name": "lunar", "drift": 0, "labels": {"cost-center": "4711", "app.kubernetes.io/name": "a"}},
            {"name": "solar", "drift": 2, "labels": {}}]})
    }

    #[rstest]
    #[case::braces("{.apiVersion}", "v1")]
    #[case::none(".apiVersion", "v1")]
    #[case::a_name("unclaimed", "3")]
    #[case::rooted("{$.tenants[0].name}", "lunar")]
    #[case::all("{.tenants[*].name}", "lunar solar")]
    #[case::star("{.tenants.*.name}", "lunar solar")]
    #[case::last("{.tenants[-1:].name}", "solar")]
    #[case::anywhere("{..name}", "lunar solar")]
    #[case::text("n={.unclaimed}; {.apiVersion}!", "n=3; v1!")]
    #[case::range(
        "{range .tenants[*]}{.name}{\"\\t\"}{@.drift}{\"\\n\"}{end}",
        "lunar\t0\nsolar\t2\n"
    )]
    #[case::item("{range .tenants[*].name}<{@}>{end}", "<lunar><solar>")]
    #[case::filter("{.tenants[?(@.drift>0)].name}", "solar")]
    #[case::filter_by_name("{.tenants[?(@.name==\"lunar\")].drift}", "0")]
    #[case::hyphen("{.tenants[0].labels.cost-center}", "4711")]
    #[case::escaped("{.tenants[0].labels.app\\.kubernetes\\.io/name}", "a")]
    #[case::quoted("{.tenants[0].labels['app.kubernetes.io/name']}", "a")]
    #[case::absent("{.nothing.here}", "")]
    #[case::null("{.leader}", "")]
    #[case::an_object("{.tenants[1]}", r#"{"drift":2,"labels":{},"name":"solar"}"#)]
    #[case::everything_of_a_number("{.unclaimed.*}", "")]
    #[case::brace_in_quotes("{\"}\"}", "}")]
    fn templates(#[case] text: &str, #[case] expected: &str) {
        let template: Template = text.parse().expect("a template");
        assert_eq!(template.render(&document()).as_deref(), Ok(expected));
    }

    #[rstest]
    #[case("", "empty")]
    #[case("{.a", "a brace is open")]
    #[case("{.a[0}", "a bracket is open")]
    #[case("{.a[?(}", "open")]
    #[case("{.a[?(@.b ~ 1)]}", "is no JSONPath")]
    #[case("{range .a[*]}x", "no {end}")]
    #[case("{end}", "no {range}")]
    #[case("{'a}", "a brace is open")]
    fn what_is_no_template(#[case] text: &str, #[case] says: &str) {
        let error = text.parse::<Template>().expect_err("no template");
        assert!(error.contains(says), "{error}");
    }

    proptest! {
        /// Whatever is typed is a template or an error.
        #[test]
        fn no_text_panics(text in r#"[{}\[\].$@*?()=<>!&|'"\\ a0:,-]{0,40}"#) {
            if let Ok(template) = text.parse::<Template>() {
                let _ = template.render(&document());
            }
        }
    }
}
