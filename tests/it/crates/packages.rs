//! Packages: the crates of the workspace.

use std::fs;
use std::iter;
use std::path::{Path, PathBuf};

use super::modules::Modules;
use crate::compiled::root;

pub(super) struct Package {
    pub(super) name: String,
    pub(super) source: PathBuf,
}

/// Every crate of the workspace, in order of the names; the policy's source is the root's.
pub(super) fn packages() -> Vec<Package> {
    let members = fs::read_dir(root().join("crates"))
        .expect("crates")
        .map(|entry| entry.expect("a crate").path());
    let mut packages: Vec<Package> =
        iter::once(root().to_owned()).chain(members).map(|folder| Package::read(&folder)).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(packages.len() > 10, "{} crates", packages.len());
    packages
}

impl Package {
    fn read(folder: &Path) -> Self {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
            .expect("a name");
        Self { name: name.to_owned(), source: folder.join("src") }
    }

    /// The modules of its library and of its program.
    pub(super) fn modules(&self) -> Vec<Modules> {
        let roots = ["lib.rs", "main.rs"].map(|file| self.source.join(file));
        let modules: Vec<Modules> =
            roots.iter().filter(|root| root.exists()).map(|root| Modules::read(root)).collect();
        assert!(!modules.is_empty(), "{} has neither lib.rs nor main.rs", self.name);
        modules
    }
}
