//! Modules: compiled once, instantiated anew, ended in time.

use std::sync::Arc;
use std::time::Duration;

use policy_host::{CallError, Denied, Gauge, Limits, ModuleError, PolicyModule};
use serde_json::{Value, json};

use crate::guests::{ACCEPT, guest, guest_text};

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
    assert!(
        matches!(&error, CallError::Deadline { operation, .. } if operation == "validate"),
        "{error}"
    );
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
    assert!(
        verdict.message().contains("answer to \"validate\" cannot be read"),
        "{}",
        verdict.message()
    );
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

#[test]
fn another_deadline_is_kept_and_said() {
    let limits = Limits { deadline: Some(Duration::from_millis(100)), ..Limits::default() };
    let endless = PolicyModule::compile_within(
        guest_text("(loop $again (br $again)) (i32.const 1)").as_bytes(),
        limits,
    )
    .expect("a guest");
    let verdict = endless.validate(&json!({"uid": "1"}), &Value::Null, Arc::new(Denied));
    assert!(
        verdict
            .message()
            .contains("the policy took longer than 0.1 s in \"validate\", so it was interrupted"),
        "{}",
        verdict.message()
    );
}

#[test]
fn without_a_deadline_a_call_comes_to_its_end() {
    let limits = Limits { deadline: None, memory: None };
    let counts = "(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (local.get $n)))
        (call $response (i32.const 1072) (i32.const 6)) (i32.const 1)";
    let policy =
        PolicyModule::compile_within(guest_text(counts).as_bytes(), limits).expect("a guest");
    assert_eq!(policy.call("validate", &[], Arc::new(Denied)).expect("an answer"), b"broken");
}

/// Asks for so many pages, and traps where it does not get them.
fn growing(pages: u32) -> String {
    guest_text(&format!(
        "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))
         (call $response (i32.const 1072) (i32.const 6)) (i32.const 1)"
    ))
}

#[test]
fn no_call_gets_more_memory_than_it_may_have() {
    let limits = Limits { memory: Some(1024 * 1024), ..Limits::default() };
    let ask = |pages| {
        let policy =
            PolicyModule::compile_within(growing(pages).as_bytes(), limits).expect("a guest");
        policy.call("validate", &[], Arc::new(Denied))
    };
    assert_eq!(ask(15).expect("an answer"), b"broken");
    assert!(matches!(ask(16), Err(CallError::Guest(_))));
}

#[test]
fn what_a_call_costs_is_counted() {
    let loops = |times: u32| {
        let body = format!(
            "(local $n i32) (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const {times}))))
             (call $response (i32.const 1072) (i32.const 6)) (i32.const 1)"
        );
        Gauge::compile(guest_text(&body).as_bytes()).expect("a guest")
    };
    let cost = |times, fuel| loops(times).call("validate", &[], Arc::new(Denied), fuel);
    let (few, many) =
        (cost(1000, 1_000_000).expect("an answer"), cost(2000, 1_000_000).expect("an answer"));
    assert_eq!((few.answer.as_slice(), few.pages), (&b"broken"[..], 1));
    assert_eq!((many.fuel - few.fuel) % 1000, 0, "{few:?} {many:?}");
    assert!(many.fuel > few.fuel);
    assert_eq!(cost(1000, 1_000_000).expect("an answer"), few, "the same call costs the same");
    assert!(matches!(cost(1_000_000, 1000), Err(CallError::Fuel { fuel: 1000, .. })));
    let grown = Gauge::compile(growing(9).as_bytes()).expect("a guest").call(
        "validate",
        &[],
        Arc::new(Denied),
        1_000_000,
    );
    assert_eq!(grown.expect("an answer").pages, 10);
}

#[test]
fn what_is_counted_answers_as_what_is_not() {
    let wasm = std::fs::read(&*ACCEPT).expect("the built policy");
    let payload = json!({"request": {"uid": "7", "object": {"a": 1}}, "settings": {}}).to_string();
    let counted = Gauge::compile(&wasm).expect("a policy").call(
        "validate",
        payload.as_bytes(),
        Arc::new(Denied),
        100_000_000,
    );
    assert_eq!(
        counted.expect("an answer").answer,
        accept().call("validate", payload.as_bytes(), Arc::new(Denied)).expect("an answer")
    );
    let trap = Gauge::compile(guest_text("unreachable").as_bytes()).expect("a guest").call(
        "validate",
        &[],
        Arc::new(Denied),
        1000,
    );
    assert!(matches!(trap, Err(CallError::Guest(words)) if words.contains("unreachable")));
    let broken = "(call $error (i32.const 1072) (i32.const 6)) (i32.const 0)";
    let error = Gauge::compile(guest_text(broken).as_bytes()).expect("a guest").call(
        "validate",
        &[],
        Arc::new(Denied),
        1000,
    );
    assert!(matches!(error, Err(CallError::Guest(words)) if words == "Guest call failure: broken"));
}
