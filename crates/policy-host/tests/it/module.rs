//! Modules: compiled once, instantiated anew, ended in time.

use std::sync::Arc;

use policy_host::{CallError, Denied, ModuleError, PolicyModule};
use serde_json::{Value, json};

use crate::guests::{ACCEPT, guest};

fn accept() -> PolicyModule {
    PolicyModule::compile(&std::fs::read(&*ACCEPT).expect("the built policy")).expect("a policy")
}

#[test]
fn a_policy_on_the_sdk_answers() {
    let policy = accept();
    let request = json!({"uid": "7", "object": {"a": 1}});
    let verdict = policy.validate(&request, &json!({}), Arc::new(Denied));
    assert!(verdict.allowed && verdict.patch.0.is_empty());
    assert_eq!(verdict.uid, "7");
    assert_eq!(policy.protocol_version().expect("an answer"), "v1");
    assert!(policy.validate_settings(&json!({})).expect("an answer").valid);
}

#[test]
fn each_call_gets_a_fresh_instance() {
    // Counts its calls in memory and answers with the count as a digit.
    let counter = guest(
        "(i32.store8 (i32.const 16) (i32.add (i32.load8_u (i32.const 16)) (i32.const 49)))
         (call $response (i32.const 16) (i32.const 1)) (i32.const 1)",
    );
    for _ in 0..3 {
        assert_eq!(counter.call("count", &[], Arc::new(Denied)).expect("an answer"), b"1");
    }
}

#[test]
fn a_guest_that_never_ends_is_ended() {
    let endless = guest("(loop $again (br $again)) (i32.const 1)");
    let error = endless.call("validate", &[], Arc::new(Denied)).expect_err("no answer");
    assert!(matches!(&error, CallError::Deadline { operation } if operation == "validate"), "{error}");
    let verdict = endless.validate(&json!({"uid": "1"}), &Value::Null, Arc::new(Denied));
    assert_eq!((verdict.allowed, verdict.code()), (false, Some(500)));
}

#[test]
fn a_trap_is_a_denial() {
    let trap = guest("unreachable");
    let verdict = trap.validate(&json!({"uid": "1"}), &Value::Null, Arc::new(Denied));
    assert_eq!((verdict.allowed, verdict.code(), verdict.uid.as_str()), (false, Some(500), "1"));
    assert!(verdict.message().starts_with("internal server error: "), "{}", verdict.message());
}

#[test]
fn a_guests_error_is_a_denial() {
    let broken = guest("(call $error (i32.const 1072) (i32.const 6)) (i32.const 0)");
    let verdict = broken.validate(&json!({}), &Value::Null, Arc::new(Denied));
    assert_eq!(verdict.message(), "internal server error: Guest call failure: broken");
}

#[test]
fn an_answer_that_is_no_response_is_a_denial() {
    let nonsense = guest("(call $response (i32.const 1072) (i32.const 6)) (i32.const 1)");
    let verdict = nonsense.validate(&json!({}), &Value::Null, Arc::new(Denied));
    assert!(verdict.message().contains("answer to \"validate\" cannot be read"), "{}", verdict.message());
}

#[test]
fn what_is_no_policy_is_refused() {
    let compile = |bytes: &[u8]| PolicyModule::compile(bytes).err().expect("no policy");
    assert!(matches!(compile(b"# not wasm"), ModuleError::NotWasm(_)));
    assert!(matches!(compile(b"(module)"), ModuleError::NotWapc));
    let stranger = br#"(module (import "sea" "shell" (func)) (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    assert!(matches!(compile(stranger), ModuleError::Link(_)));
}

#[test]
fn a_log_line_is_taken_whatever_is_granted() {
    let logs = guest(
        "(drop (call $host_call (i32.const 1024) (i32.const 10) (i32.const 1040) (i32.const 7) (i32.const 1056) (i32.const 3) (i32.const 0) (i32.const 0)))
         (call $response (i32.const 1072) (i32.const 6)) (i32.const 1)",
    );
    assert_eq!(logs.call("validate", &[], Arc::new(Denied)).expect("an answer"), b"broken");
}
