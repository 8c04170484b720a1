//! `playground-bundle WASM FOLDER`: the playground as static files, for the controller and for the
//! book. Called by `make playground`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use playground_bundle::examples;
use wasm_bindgen_cli_support::Bindgen;

/// Makes a folder of static files from the compiled playground, its page and the repository's
/// examples
#[derive(Parser, Debug)]
struct Arguments {
    /// The compiled crate `playground`
    wasm: PathBuf,
    /// Where the files go
    folder: PathBuf,
    /// The repository
    #[arg(long, default_value = ".")]
    root: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { wasm, folder, root } = Arguments::parse();
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    bind(&wasm, &folder)?;
    copy(&root.join("web/playground"), &folder)?;
    let examples = serde_json::to_string(&examples::read(&root)?)?;
    fs::write(folder.join("examples.json"), examples).context("examples.json")
}

/// Writes `engine.js` and `engine_bg.wasm`.
fn bind(wasm: &Path, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .web(true)?
        .out_name("engine")
        .omit_default_module_path(false)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen
        .generate(folder)
        .with_context(|| format!("{}: no module of wasm-bindgen's", wasm.display()))
}

/// The page as it is.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))
            .with_context(|| entry.path().display().to_string())?;
    }
    Ok(())
}
