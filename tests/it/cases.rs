//! `tests/cases`: reports of other products' users, asked natively and through the compiled policy.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use policy_host::{Denied, HostCalls, Session};
use serde_json::{Value, json};

use crate::compiled::{POLICY, root};
use crate::fixtures::Native;

fn folder() -> PathBuf {
    root().join("tests/cases")
}

fn text(file: &str) -> String {
    fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A file of JSON or YAML, its documents in order.
fn documents(file: &str) -> Vec<Value> {
    let documents: Result<Vec<Value>, _> = serde_saphyr::from_multiple(&text(file));
    documents.unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn expected(list: &str) -> Vec<Value> {
    let expected: Value = serde_json::from_str(&text("expected.json")).expect("JSON");
    expected[list].as_array().expect("a list").clone()
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

/// Each part that is not in the text.
fn missing<'a>(parts: &'a Value, text: &str) -> Vec<&'a str> {
    let parts = parts.as_array().into_iter().flatten().filter_map(Value::as_str);
    parts.filter(|part| !text.contains(part)).collect()
}

/// A row of `requests`, its files read.
struct Asked {
    row: Value,
    settings: Value,
    request: Value,
    host: Arc<dyn HostCalls>,
}

fn asked(row: Value) -> Asked {
    let file = |name: &str| format!("{}/{}", word(&row, "case"), word(&row, name));
    let one = |name: &str| documents(&file(name)).remove(0);
    let mut settings =
        if row["settings"].is_string() { one("settings") } else { row["settings"].clone() };
    if let Some(tenants) = row["tenants"].as_str() {
        let inline = documents(tenants).into_iter().map(|tenant| {
            let mut inline = tenant["spec"].clone();
            inline["name"] = tenant["metadata"]["name"].clone();
            inline
        });
        settings["tenantSource"] = json!({"inline": inline.collect::<Value>()});
    }
    let host: Arc<dyn HostCalls> = match row["session"].as_str() {
        Some(_) => Arc::new(Session::parse(&text(&file("session"))).expect("a session")),
        None => Arc::new(Denied),
    };
    let request = serde_json::from_str(&text(&file("request"))).expect("a request");
    Asked { settings, request, host, row }
}

impl Asked {
    fn natively(&self) -> Value {
        let payload = json!({"request": self.request, "settings": self.settings}).to_string();
        let answer = landlord_policy::validate(payload.as_bytes(), &Native(self.host.as_ref()));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        json!({
            "allowed": answer["accepted"], "code": answer["code"], "message": answer["message"],
            "object": answer["mutated_object"], "warnings": answer["warnings"],
        })
    }

    fn compiled(&self) -> Value {
        let verdict = POLICY.validate(&self.request, &self.settings, Arc::clone(&self.host));
        let response = json!(verdict);
        let mut object = self.request["object"].clone();
        json_patch::patch(&mut object, &verdict.patch).expect("a patch of the object");
        json!({
            "allowed": response["allowed"], "code": response["status"]["code"], "message": response["status"]["message"],
            "object": object, "warnings": response["warnings"],
        })
    }

    /// What is not as expected of the answer.
    fn faults(&self, answer: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        if answer["allowed"] != self.row["allowed"] || answer["code"] != self.row["code"] {
            faults.push("allowed, code".to_owned());
        }
        let told = |field: &str| {
            let said = answer[field].to_string().replace("\\\"", "\"");
            missing(&self.row[field], &said)
                .into_iter()
                .map(|part| format!("{field}: {part}"))
                .collect::<Vec<_>>()
        };
        faults.extend(["message", "warnings"].into_iter().flat_map(told));
        let object =
            if answer["object"].is_null() { &self.request["object"] } else { &answer["object"] };
        for field in ["labels", "annotations"] {
            let wanted = self.row[field].as_object().into_iter().flatten();
            let other =
                wanted.filter(|(key, value)| object["metadata"][field][key.as_str()] != **value);
            faults.extend(other.map(|(key, value)| format!("{field} {key} is not {value}")));
        }
        faults
    }
}

fn compare(answer: impl Fn(&Asked) -> Value) {
    let rows = expected("requests");
    assert!(rows.len() > 40, "the cases are there");
    let fault = |row: Value| {
        let asked = asked(row);
        let answer = answer(&asked);
        let faults = asked.faults(&answer);
        (!faults.is_empty())
            .then(|| format!("{}\n  {}\n  {answer}", asked.row, faults.join("\n  ")))
    };
    let faults: Vec<String> = rows.into_iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn requests_natively() {
    compare(Asked::natively);
}

#[test]
fn requests_through_the_compiled_policy() {
    compare(Asked::compiled);
}

/// Settings that are right have no message; the others all of theirs.
#[test]
fn settings_are_judged() {
    for row in expected("settings") {
        let file = word(&row, "file");
        let settings = match row["index"].as_u64() {
            Some(index) => {
                let listed = serde_saphyr::from_str::<Value>(&text(file)).expect("YAML");
                listed[usize::try_from(index).expect("an index")].clone()
            }
            None => documents(file).remove(0),
        };
        let valid = row["message"] == json!([]);
        let native = landlord_policy::validate_settings(settings.to_string().as_bytes());
        let native: Value = serde_json::from_slice(&native).expect("JSON");
        let compiled = POLICY.validate_settings(&settings).expect("no trap");
        let message = compiled.message.unwrap_or_default();
        assert_eq!(native["message"].as_str().unwrap_or_default(), message, "{row}");
        assert_eq!((&native["valid"], compiled.valid), (&json!(valid), valid), "{row}: {message}");
        assert_eq!(missing(&row["message"], &message), [""; 0], "{row}: {message}");
    }
}
