//! The policy as users get it: compiled to WebAssembly here, so that it is never an old one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Once};

use local_cluster::waiting::PATIENCE;
use policy_host::{Limits, PolicyModule};

/// The compiled policy.
pub(crate) static POLICY: LazyLock<PolicyModule> = LazyLock::new(|| {
    PolicyModule::compile_within(&std::fs::read(wasm()).expect("the built policy"), LIMITS)
        .expect("a policy")
});
/// What a call costs is counted in instructions (`bounds.rs`); how long it takes is the machine's
/// affair.
const LIMITS: Limits = Limits { deadline: Some(PATIENCE), memory: None };

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file of the compiled policy.
pub(crate) fn wasm() -> &'static Path {
    static WASM: LazyLock<PathBuf> = LazyLock::new(|| {
        cargo(&[
            "build",
            "--quiet",
            "--package",
            "landlord-policy",
            "--target",
            "wasm32-wasip1",
            "--profile",
            "wasm",
        ]);
        target().join("wasm32-wasip1/wasm/landlord_policy.wasm")
    });
    &WASM
}

/// The binary `policy-host`.
pub(crate) fn policy_host() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        build_programs();
        target().join("debug/policy-host")
    });
    &BINARY
}

/// The binary `landlord`.
pub(crate) fn landlord() -> &'static Path {
    static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
        build_programs();
        target().join("debug/landlord")
    });
    &BINARY
}

/// With one set of features for all that is built, as the Makefile does for its tests: cargo would
/// compile wasmtime and kube anew for another.
fn build_programs() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| cargo(&["build", "--quiet", "--workspace", "--bins", "--tests"]));
}

fn cargo(arguments: &[&str]) {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "cargo {arguments:?} fails (wasm: `rustup target add wasm32-wasip1`):\n{words}"
    );
}

fn target() -> PathBuf {
    root().join(
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from),
    )
}
