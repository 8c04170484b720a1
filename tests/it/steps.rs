//! `scripts/steps`, by which `make test` and `.ci/run` run everything and say what failed.

use std::process::Command;

use crate::compiled::root;

/// What is printed after all steps of this script have run, and whether all passed.
fn conclusion(steps: &str) -> (Vec<String>, bool) {
    let script = format!(". scripts/steps\n{steps}\necho '--- all'\nconclude");
    let output =
        Command::new("bash").args(["-c", &script]).current_dir(root()).output().expect("bash");
    let text = String::from_utf8(output.stdout).expect("text");
    let (_, end) =
        text.split_once("--- all\n").unwrap_or_else(|| panic!("it does not go on: {text}"));
    (end.lines().map(str::to_owned).collect(), output.status.success())
}

const CARGO: &str = "test a::b ... FAILED\ntest a::c ... ok\n\nfailures:\n\n---- a::b stdout ----\nfailures:\nnone of ours\nthread a::b (7) panicked at src/a.rs:7:9:\nassertion failed: two\n  left: 1\n\n\nfailures:\n    a::b\n    a::d\n\n\
                     test result: FAILED. 1 passed; 2 failed\n\nerror: 1 target failed:\n    `-p landlord --test it`\n";

#[test]
fn every_failure_is_named_after_all_steps_have_run() {
    let steps = format!(
        "fail() {{ printf '%s\\n' \"$1\"; return 1; }}
         step units fail '{CARGO}'
         step fixtures fail $'ok 1 good\\nnot ok 2 the README shows it\\n# not the same'
         step storm fail $'MODE\\nError: the promise is broken: webhook'
         step build fail $'error: could not compile `tenancy` (lib) due to 1 previous error'
         step nested fail $'not ok 1 twice\\n--- failed: tests: a::e\\n6 passed, 1 failed'
         step silent false
         step format true"
    );
    let expected = [
        "--- failed: units: a::b: src/a.rs:7:9: assertion failed: two left: 1",
        "--- failed: units: a::d",
        "--- failed: units: `-p landlord --test it`",
        "--- failed: fixtures: the README shows it",
        "--- failed: storm: Error: the promise is broken: webhook",
        "--- failed: build: error: could not compile `tenancy` (lib) due to 1 previous error",
        "--- failed: nested: tests: a::e",
        "--- failed: silent: it said nothing",
        "1 passed, 6 failed",
    ];
    assert_eq!(conclusion(&steps), (expected.map(str::to_owned).to_vec(), false));
}

#[test]
fn where_nothing_fails_nothing_is_named() {
    assert_eq!(
        conclusion("step a true\nstep b echo failures:"),
        (vec!["2 passed, 0 failed".to_owned()], true)
    );
}

/// A command that fails with these tests at its first call, and with those at its second, if any.
fn cargo_twice(first: &str, second: &str) -> String {
    let list = |names: &str| {
        let names: String = names.split(", ").map(|name| format!("    {name}\n")).collect();
        format!("failures:\n{names}\n    `-p landlord --test it`\n")
    };
    format!(
        "cargo() {{
           if mkdir \"$logs/called\" 2>/dev/null; then printf %s '{}'; return 1; fi
           echo \"called with $*\"; printf %s '{}'; {}
         }}
         step tests twice cargo test",
        list(first),
        list(second),
        if second.is_empty() { "true" } else { "false" },
    )
}

#[test]
fn a_test_that_passes_at_the_second_try_is_named() {
    let (said, is_success) = conclusion(&cargo_twice("a::b, a::c", ""));
    let expected =
        ["--- second try: tests: a::b", "--- second try: tests: a::c", "1 passed, 0 failed"];
    assert_eq!((said, is_success), (expected.map(str::to_owned).to_vec(), true));
}

#[test]
fn what_fails_twice_has_failed() {
    let (said, is_success) = conclusion(&cargo_twice("a::b, a::c", "a::c"));
    let expected = [
        "--- second try: tests: a::b",
        "--- failed: tests: a::c",
        "--- failed: tests: `-p landlord --test it`",
        "0 passed, 1 failed",
    ];
    assert_eq!((said, is_success), (expected.map(str::to_owned).to_vec(), false));
}

/// Many that fail are no accident, and random input is another at the second try.
#[rstest::rstest]
#[case::many("a::b, a::c, a::d, a::e")]
#[case::random_input("a::b\nminimal failing input: 7")]
fn some_failures_get_no_second_try(#[case] first: &str) {
    let (said, is_success) = conclusion(&cargo_twice(first, ""));
    assert!(!is_success && said.iter().any(|line| line == "--- failed: tests: a::b"), "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("second try")), "{said:#?}");
}
