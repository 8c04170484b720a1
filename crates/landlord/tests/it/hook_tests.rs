//! `landlord test`: every worked example, and what it says of a case that fails and of a file that
//! cannot be read.

use std::fs;

use rstest::rstest;

use crate::landlord::root;
use crate::run::run;

#[test]
fn every_example_passes_its_tests() {
    let folders: Vec<_> = fs::read_dir(root().join("examples/hooks"))
        .expect("examples")
        .map(|entry| entry.expect("one").path())
        .collect();
    assert!(folders.len() >= 6);
    for folder in folders {
        let run = run(&format!("test {}", folder.join("tests.yaml").display()));
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
        assert!(run.out.contains("(reconcile)") && run.out.ends_with(" 0 failed\n"), "{}", run.out);
    }
}

#[test]
fn the_documentation_shows_what_is_printed() {
    let text = fs::read_to_string(root().join("docs/hooks.md")).expect("the chapter");
    let shown = text
        .split("$ landlord test ")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let (file, output) = shown.split_once('\n').expect("a command and its output");
    let printed = run(&format!("test {}", root().join(file).display())).out;
    assert_eq!(printed.replace(&format!("{}/", root().display()), ""), output);
}

#[test]
fn the_documentation_shows_what_is_said_of_mistakes() {
    let text = fs::read_to_string(root().join("docs/hooks.md")).expect("the chapter");
    let rows: Vec<_> = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| `{name: one").and_then(|rest| rest.split_once("` | "))
        })
        .collect();
    assert_eq!(rows.len(), 7, "{rows:?}");
    for (hooks, message) in rows {
        let message = message.trim_end_matches(" |");
        let (_folder, path) = file(&format!(
            "settings: {{hooks: [{{name: one{hooks}]}}\ncases: [{{name: a, namespace: {{name: a}}, expect: {{}}}}]"
        ));
        let run = run(&format!("test {path}"));
        assert!(
            run.code == Some(1) && run.err.contains(message),
            "{hooks}: {}{}",
            run.out,
            run.err
        );
    }
}

fn file(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tests.yaml");
    fs::write(&path, text).expect("a file");
    let path = path.display().to_string();
    (folder, path)
}

const SUITE: &str = r#"
settings: {hooks: [{name: one, set: {labels: {a: "1"}}, require: [{path: "$.namespace.metadata.name", matches: "^w"}]}]}
tenants: [{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}}]
cases:
- name: other than it is
  namespace: {name: web, labels: {landlord.dev/tenant: solar}}
  expect: {labels: {a: "2", b: "1"}, absent: {labels: [a]}, denied: [], warnings: [none]}
- name: not denied
  stage: reconcile
  namespace: {name: web, labels: {landlord.dev/tenant: solar}}
  expect: {denied: ["no"]}
- name: denied
  stage: create
  namespace: {name: other, labels: {landlord.dev/tenant: solar}}
  expect: {}
"#;

#[test]
fn failures_say_what_is_otherwise() {
    let (_folder, path) = file(SUITE);
    let run = run(&format!("test {path}"));
    assert_eq!(run.code, Some(1));
    for part in [
        "✗ other than it is (create)",
        "✗ other than it is (reconcile)",
        "label \"a\" is \"1\", expected \"2\"",
        "label \"b\" is absent, expected \"1\"",
        "label \"a\" is \"1\", expected to be absent",
        "no warning says \"none\"",
        "accepted, but expected a denial that says [\"no\"]",
        "denied: namespace \"other\" does not meet what tenant \"solar\" requires: hook one: $.namespace.metadata.name is \"other\"",
        "0 passed, 4 failed",
    ] {
        assert!(run.out.contains(part), "{part:?} is not in\n{}", run.out);
    }
    let json = crate::run::run(&format!("test {path} -o json"));
    assert!(
        json.out.contains("\"landlord.dev/test/v1\"") && json.out.contains("\"passed\": false"),
        "{}",
        json.out
    );
}

#[rstest]
#[case("cases: []", "cases: empty, so nothing is tested")]
#[case("case: []", "did you mean `cases`?")]
#[case(
    "settings: nowhere.yaml\ncases: [{name: a, namespace: {name: a}, expect: {}}]",
    "nowhere.yaml"
)]
#[case(
    "settings: {hook: []}\ncases: [{name: a, namespace: {name: a}, expect: {}}]",
    "did you mean `hooks`?"
)]
#[case(
    "cases: [{name: a, stage: update, namespace: {name: a}, expect: {}}]",
    "stage update needs oldNamespace"
)]
#[case("cases: [{name: a, namespace: {name: a}, expect: {label: {}}}]", "did you mean `labels`?")]
#[case(
    "cases: [{name: a, namespace: {name: a}, expect: {denied: 3}}]",
    "write `true`, a part of the message, or a list of parts"
)]
#[case(
    "cases: [{name: a, stage: create, namespace: {name: a}, oldNamespace: {name: a}, expect: {}}]",
    "oldNamespace is for edits"
)]
#[case(
    "cases: [{name: a, namespace: {name: a}, oldNamespace: {name: b}, expect: {}}]",
    "an edit does not rename"
)]
#[case(
    "cases: [{name: a, stage: reconcile, namespace: {name: a}, request: {userInfo: {}}, expect: {}}]",
    "request is not known at reconcile"
)]
#[case(
    "cases: [{name: a, stage: create, namespace: {name: a}, expect: {denied: true, nodeSelector: a=b}}]",
    "nothing is stored of a denied request"
)]
fn a_file_that_cannot_be_read_is_an_error(#[case] text: &str, #[case] message: &str) {
    let (_folder, path) = file(text);
    let run = run(&format!("test {path}"));
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("tests.yaml") && run.err.contains(message), "{}", run.err);
}

const DENIALS: &str = r#"
settings: {hooks: [{name: one, require: [{path: "$.namespace.metadata.name", matches: "^w"}]}]}
tenants: [{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}, spec: {nodeSelector: {pool: solar}, owners: [{kind: Group, name: devs}]}}]
cases:
- {name: denied, namespace: {name: bad, labels: {landlord.dev/tenant: solar}}, expect: {denied: DENIED, nodeSelector: SELECTOR}}
- name: a stranger
  namespace: {name: web, labels: {landlord.dev/tenant: solar}}
  request: {userInfo: {username: eve, groups: [others]}}
  expect: {denied: 'which "eve" does not own'}
- name: an owner
  namespace: {name: web, labels: {landlord.dev/tenant: solar}}
  request: {userInfo: {username: ada, groups: [devs]}}
  expect: {nodeSelector: pool=solar}
"#;

/// A denial may be written in three forms, and what the controller writes of a rejected namespace
/// is judged as well.
#[rstest]
#[case("true", "pool=solar", "4 passed, 0 failed")]
#[case("hook one", "pool=solar", "4 passed, 0 failed")]
#[case("[hook one, \"is \\\"bad\\\"\"]", "pool=solar", "4 passed, 0 failed")]
#[case("false", "pool=solar", "2 passed, 2 failed")]
#[case("hook two", "pool=solar", "2 passed, 2 failed")]
#[case("true", "pool=wind", "3 passed, 1 failed")]
fn denials_are_judged_by_what_is_said_and_written(
    #[case] denied: &str,
    #[case] selector: &str,
    #[case] summary: &str,
) {
    let (_folder, path) = file(&DENIALS.replace("DENIED", denied).replace("SELECTOR", selector));
    let run = run(&format!("test {path}"));
    assert!(run.out.ends_with(&format!("{summary}\n")), "{}{}", run.out, run.err);
    assert_eq!(run.code, Some(if summary.ends_with(" 0 failed") { 0 } else { 1 }));
}

/// What a hook rejects is told by every form of the plan, also where there is nothing to write.
#[test]
fn plans_say_which_hook_sets_and_which_rejects() {
    let (_folder, namespaces) = file(concat!(
        "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {landlord.dev/tenant: solar, size: large}}}\n---\n",
        "{apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {landlord.dev/tenant: solar, size: lrage}, annotations: {",
        "scheduler.alpha.kubernetes.io/node-selector: pool=solar, landlord.dev/ledger: ",
        r#"'{"tenant":"solar","labels":[],"annotations":["scheduler.alpha.kubernetes.io/node-selector"]}'}}}"#
    ));
    let example = root().join("examples/hooks/node-pool-by-size");
    let sources = format!(
        "-f {namespaces} -f {0}/tenants.yaml --settings {0}/settings.yaml",
        example.display()
    );
    let table = run(&format!("plan {sources}")).out;
    let rejected = "b: hook known-sizes: size is small or large";
    assert!(
        table.contains(rejected)
            && table.contains("conflicted\n")
            && table.contains("0 with errors, 1 conflicted"),
        "{table}"
    );
    let diff = run(&format!("plan -o diff {sources}")).out;
    assert!(
        diff.contains("\"pool=solar,size=large\"   # hook large-nodes")
            && diff.contains("! hook known-sizes: size is"),
        "{diff}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&run(&format!("plan -o json {sources}")).out).expect("JSON");
    let selector = "scheduler.alpha.kubernetes.io/node-selector";
    assert_eq!(json["namespaces"][0]["set"]["annotations"][selector]["why"], "hook large-nodes");
    assert_eq!(json["namespaces"][1]["failures"][0]["hook"], "known-sizes");
    assert_eq!(json["namespaces"][1]["compliant"], false);
    assert!(run(&format!("explain b {sources}")).out.contains("rejected by hook known-sizes"));
}
