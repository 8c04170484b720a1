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

const CARGO: &str = "test a::b ... FAILED\ntest a::c ... ok\n\nfailures:\n\n---- a::b stdout ----\nfailures:\nnone of ours\n\n\nfailures:\n    a::b\n    a::d\n\n\
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
        "--- failed: units: a::b",
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
