//! The policy as users get it: compiled to WebAssembly here, so that it is never an old one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use policy_host::PolicyModule;

/// The compiled policy.
pub(crate) static POLICY: LazyLock<PolicyModule> =
    LazyLock::new(|| PolicyModule::compile(&std::fs::read(build()).expect("the built policy")).expect("a policy"));

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn build() -> PathBuf {
    let build = ["build", "--quiet", "--package", "landlord-policy", "--target", "wasm32-wasip1", "--profile", "wasm"];
    let output = Command::new(env!("CARGO")).args(build).current_dir(root()).output().expect("cargo runs");
    assert!(
        output.status.success(),
        "the policy does not build for wasm32-wasip1 (`rustup target add wasm32-wasip1`):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join("wasm32-wasip1/wasm/landlord_policy.wasm")
}
