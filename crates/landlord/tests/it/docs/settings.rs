//! `docs/settings.md` is made from the schema of the settings:
//! `UPDATE_DOCS=1 cargo test -p landlord --test it docs::settings` writes it.

use std::fmt::Write;
use std::fs;

use serde_json::{Map, Value};

use crate::landlord::{root, run};

const FILE: &str = "docs/settings.md";
const HEAD: &str = "# Settings reference\n\n<!-- Made from `landlord schema` by crates/landlord/tests/it/docs/settings.rs; UPDATE_DOCS=1 writes it. -->\n\n\
    Every field of the one document that policy, controller and guard share, as the JSON Schema has it (`landlord schema` prints that for editors). All are\n\
    optional unless said otherwise; unknown fields are refused with the nearest valid name. [Settings](configuration.md) explains them with examples.\n\n";

#[test]
fn the_reference_is_in_step_with_the_schema() {
    let schema: Value = serde_json::from_str(&run("schema").out).expect("JSON");
    let rendered = Reference::new(&schema).render();
    let path = root().join(FILE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &rendered).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, rendered,
        "{FILE} is old: UPDATE_DOCS=1 cargo test -p landlord --test it docs::settings"
    );
}

/// Renders a schema as Markdown: a chapter for each field, a row for whatever is below it.
struct Reference<'a> {
    schema: &'a Value,
    text: String,
}

impl<'a> Reference<'a> {
    fn new(schema: &'a Value) -> Self {
        Self { schema, text: HEAD.to_owned() }
    }

    fn render(mut self) -> String {
        for (name, field) in properties(self.schema) {
            let inner = self.resolve(field);
            writeln!(self.text, "## `{name}`\n").expect("a string");
            self.sentence(field, inner);
            let mut rows = Vec::new();
            self.rows(name, inner, &mut rows);
            if !rows.is_empty() {
                self.text.push_str("| field | values | default | |\n|---|---|---|---|\n");
                rows.iter().for_each(|row| self.text.push_str(row));
                self.text.push('\n');
            }
        }
        self.text.trim_end().to_owned() + "\n"
    }

    /// What the field is, its values and its default.
    fn sentence(&mut self, field: &Value, inner: &Value) {
        let description = describe(field, inner);
        if !description.is_empty() {
            writeln!(self.text, "{description}\n").expect("a string");
        }
        let mut facts = vec![format!("Values: {}", self.values(inner))];
        facts.extend(default(field).map(|value| format!("Default: {value}")));
        writeln!(self.text, "{}.\n", facts.join(". ")).expect("a string");
    }

    fn rows(&self, path: &str, schema: &'a Value, rows: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for variant in variants(schema) {
            match variant["const"].as_str() {
                Some(value) => {
                    rows.push(row(&format!("{path}: {value}"), "", "", &describe(variant, variant)))
                }
                None => self.rows(path, variant, rows),
            }
        }
        for (name, field) in properties(schema) {
            let (inner, path) = (self.resolve(field), format!("{path}.{name}"));
            let needed = schema["required"]
                .as_array()
                .is_some_and(|names| names.iter().any(|one| one == name));
            let default =
                if needed { "needed".to_owned() } else { default(field).unwrap_or_default() };
            rows.push(row(&path, &self.values(inner), &default, &describe(field, inner)));
            self.rows(&path, inner, rows);
        }
        if schema["items"].is_object() {
            self.rows(&format!("{path}[]"), &schema["items"], rows);
        }
    }

    /// The values that a schema takes, in words.
    fn values(&self, schema: &Value) -> String {
        let schema = self.resolve(schema);
        let words: Vec<String> = match schema["enum"].as_array() {
            Some(values) => values.iter().map(code).collect(),
            None => variants(schema).map(|variant| self.variant(variant)).collect(),
        };
        if !words.is_empty() {
            return words.join(", ");
        }
        if schema["x-kubernetes-int-or-string"] == true {
            return "a text or a whole number".to_owned();
        }
        let kinds: Vec<&str> = schema["type"]
            .as_str()
            .into_iter()
            .chain(schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str))
            .collect();
        match kinds.iter().find(|kind| **kind != "null") {
            Some(&"array") => format!("a list of: {}", self.values(&schema["items"])),
            Some(&"object") => "an object".to_owned(),
            Some(&"string") => "a text".to_owned(),
            Some(&"boolean") => "`true`, `false`".to_owned(),
            Some(&"integer") => "a whole number".to_owned(),
            Some(&"number") => "a number".to_owned(),
            _ => "anything".to_owned(),
        }
    }

    fn variant(&self, variant: &Value) -> String {
        let names: Vec<String> =
            properties(variant).map(|(name, _)| format!("`{{{name}: …}}`")).collect();
        match &variant["const"] {
            Value::Null if names.is_empty() => self.values(variant),
            Value::Null => names.join(" "),
            value => code(value),
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let reference = schema["$ref"].as_str().or_else(|| schema["anyOf"][0]["$ref"].as_str());
        reference.map_or(schema, |path| {
            self.schema.pointer(path.trim_start_matches('#')).expect("a definition")
        })
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["oneOf"].as_array().into_iter().flatten()
}

/// The description beside a reference, else that of what it refers to, in one line.
fn describe(field: &Value, inner: &Value) -> String {
    let text = field["description"].as_str().or(inner["description"].as_str()).unwrap_or_default();
    text.replace('\n', " ")
}

fn default(field: &Value) -> Option<String> {
    field.get("default").filter(|value| !value.is_null()).map(code)
}

fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{text}`")
}

fn row(path: &str, values: &str, default: &str, description: &str) -> String {
    format!("| `{path}` | {values} | {default} | {} |\n", description.replace('|', "\\|"))
}
