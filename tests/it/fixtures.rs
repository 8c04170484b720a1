//! Every fixture of `e2e-tests/`, natively and through the compiled policy: the response with its
//! patch decoded is compared whole. `UPDATE_FIXTURES=1` writes what the native policy answers; read
//! the difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use landlord_policy::Host;
use policy_host::{Denied, HostCalls, Session};
use serde_json::{Value, json};

use crate::compiled::{POLICY, root};

/// A case of `e2e-tests/expected`.
struct Case {
    name: String,
    settings: Value,
    request: Value,
    session: Option<Arc<Session>>,
    expected: Value,
}

/// The native policy's view of a host.
pub(crate) struct Native<'a>(pub(crate) &'a dyn HostCalls);

impl Host for Native<'_> {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        // As waPC words a host's error to a guest.
        self.0
            .call(binding, namespace, operation, payload)
            .map_err(|error| format!("Host error: {error}"))
    }
}

fn folder(name: &str) -> PathBuf {
    root().join("e2e-tests").join(name)
}

fn read(path: PathBuf) -> Value {
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the files in a folder, without what follows the dot.
fn names(name: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder(name)).expect("a folder of fixtures");
    files
        .map(|file| {
            file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect()
}

fn cases() -> Vec<Case> {
    names("expected").into_iter().map(case).collect()
}

fn case(name: String) -> Case {
    let expected = read(folder("expected").join(format!("{name}.json")));
    let settings = expected["settings"].as_str().expect("the name of settings");
    let session = fs::read_to_string(folder("sessions").join(format!("{name}.yml"))).ok();
    Case {
        settings: read(folder("settings").join(format!("{settings}.json"))),
        request: read(folder("requests").join(format!("{name}.json"))),
        session: session.map(|yaml| {
            Arc::new(Session::parse(&yaml).unwrap_or_else(|error| panic!("{name}: {error}")))
        }),
        expected: expected["response"].clone(),
        name,
    }
}

impl Case {
    fn host(&self) -> Arc<dyn HostCalls> {
        match &self.session {
            Some(session) => Arc::clone(session) as Arc<dyn HostCalls>,
            None => Arc::new(Denied),
        }
    }

    fn natively(&self) -> Value {
        let payload = json!({"request": self.request, "settings": self.settings}).to_string();
        let answer = landlord_policy::validate(payload.as_bytes(), &Native(self.host().as_ref()));
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let patch = match &answer["mutated_object"] {
            Value::Null => json!(null),
            mutated => json!(json_patch::diff(&self.request["object"], mutated)),
        };
        normal(json!({
            "allowed": answer["accepted"], "patch": patch, "status": {"message": answer["message"], "code": answer["code"]},
            "auditAnnotations": answer["audit_annotations"], "warnings": answer["warnings"],
        }))
    }

    fn compiled(&self) -> Value {
        let verdict = POLICY.validate(&self.request, &self.settings, self.host());
        let mut response = json!(verdict);
        response["patch"] = json!(verdict.patch);
        normal(response)
    }

    fn assert_all_asked(&self) {
        let unused = self.session.iter().flat_map(|session| session.unused()).collect::<Vec<_>>();
        assert!(unused.is_empty(), "{}: recorded, but not asked for: {unused:?}", self.name);
    }
}

/// Without what differs from run to run or says nothing; a patch in the order of its paths.
fn normal(mut response: Value) -> Value {
    let fields = response.as_object_mut().expect("a response");
    fields.retain(|key, _| !matches!(key.as_str(), "uid" | "patchType"));
    if let Some(patch) = fields.get_mut("patch").and_then(Value::as_array_mut) {
        patch.sort_by_key(|operation| operation["path"].to_string());
    }
    without_nothing(response)
}

fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, without_nothing(value)));
            fields
                .filter(|(_, value)| !value.is_null() && *value != json!({}) && *value != json!([]))
                .collect()
        }
        Value::Array(items) => items.into_iter().map(without_nothing).collect(),
        other => other,
    }
}

fn compare(answer: impl Fn(&Case) -> Value) {
    let cases = cases();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let actual = answer(case);
            case.assert_all_asked();
            (actual != case.expected).then(|| {
                format!("{}\n  expected {}\n  actual   {actual}", case.name, case.expected)
            })
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} fixtures differ:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn fixtures_natively() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        cases().iter().for_each(update);
    }
    compare(Case::natively);
}

fn update(case: &Case) {
    let path = folder("expected").join(format!("{}.json", case.name));
    let mut document = read(path.clone());
    document["response"] = case.natively();
    let text = serde_json::to_string_pretty(&document).expect("JSON");
    fs::write(path, text + "\n").expect("the fixture can be written");
}

#[test]
fn fixtures_through_the_compiled_policy() {
    compare(Case::compiled);
}

#[test]
fn no_fixture_is_forgotten() {
    let expected = names("expected");
    assert_eq!(
        names("requests"),
        expected,
        "each request has an expected response and the other way round"
    );
    assert!(names("sessions").is_subset(&expected), "each session belongs to a case");
    let bats = fs::read_to_string(folder("e2e.bats")).expect("e2e.bats");
    let missing: Vec<_> =
        expected.iter().filter(|name| !bats.contains(&format!("check {name};"))).collect();
    assert!(missing.is_empty(), "e2e.bats does not run {missing:?}");
}

/// `settings-mistakes.json`: each kind of mistake, and what its message must hold.
fn mistakes() -> Vec<(String, Value, Vec<String>)> {
    let mistakes = read(folder("settings-mistakes.json"));
    let mistake = |mistake: &Value| {
        let parts = mistake["message"]
            .as_array()
            .expect("parts")
            .iter()
            .map(|part| part.as_str().expect("text").to_owned());
        (mistake["name"].to_string(), mistake["settings"].clone(), parts.collect())
    };
    mistakes.as_array().expect("a list").iter().map(mistake).collect()
}

#[test]
fn mistakes_in_settings_are_refused_with_field_and_fix() {
    let mistakes = mistakes();
    assert!(mistakes.len() > 20, "there are many ways to be wrong");
    for (name, settings, parts) in mistakes {
        let native: Value = serde_json::from_slice(&landlord_policy::validate_settings(
            settings.to_string().as_bytes(),
        ))
        .expect("JSON");
        let compiled = POLICY.validate_settings(&settings).expect("no trap");
        assert!(!compiled.valid, "{name} must be refused");
        let message = compiled.message.unwrap_or_default();
        assert_eq!(native["message"], message, "{name}: native and compiled say the same");
        parts
            .iter()
            .for_each(|part| assert!(message.contains(part), "{name}: no {part:?} in {message:?}"));
    }
}
