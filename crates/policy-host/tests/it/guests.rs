//! Guests: the accept-everything policy, compiled here, and modules in WebAssembly text.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use policy_host::PolicyModule;

/// The compiled accept-everything policy.
pub(crate) static ACCEPT: LazyLock<PathBuf> = LazyLock::new(build);

fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let build = [
        "build",
        "--quiet",
        "--package",
        "accept-policy",
        "--target",
        "wasm32-wasip1",
        "--profile",
        "wasm",
    ];
    let output =
        Command::new(env!("CARGO")).args(build).current_dir(&root).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    root.join(target).join("wasm32-wasip1/wasm/accept_policy.wasm")
}

/// A waPC guest with this body of `__guest_call`, which returns an i32. 16 is where it may write, 1
/// is a counter's address.
pub(crate) fn guest(body: &str) -> PolicyModule {
    PolicyModule::compile(guest_text(body).as_bytes()).expect("a guest")
}

/// The same as WebAssembly text.
pub(crate) fn guest_text(body: &str) -> String {
    format!(
        r#"(module
          (import "wapc" "__guest_request" (func $request (param i32 i32)))
          (import "wapc" "__guest_response" (func $response (param i32 i32)))
          (import "wapc" "__guest_error" (func $error (param i32 i32)))
          (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
          (import "wapc" "__host_response" (func $host_response (param i32)))
          (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
          (import "wapc" "__host_error" (func $host_error (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 1024) "kubewarden")
          (data (i32.const 1040) "tracing")
          (data (i32.const 1056) "log")
          (data (i32.const 1072) "broken")
          (data (i32.const 1088) "{{\22valid\22:true}}")
          (func (export "__guest_call") (param i32 i32) (result i32) {body}))"#
    )
}
