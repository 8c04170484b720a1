//! Sizes: lines of code without tests.

use super::modules::Modules;
use super::packages::{Package, packages};

/// No crate holds more than one of so many parts of all code.
const PARTS: usize = 5;

fn lines(package: &Package) -> usize {
    package.modules().iter().map(Modules::lines).sum()
}

#[test]
fn no_crate_holds_more_than_a_fifth() {
    let sizes: Vec<(String, usize)> =
        packages().iter().map(|package| (package.name.clone(), lines(package))).collect();
    let all: usize = sizes.iter().map(|(_, lines)| lines).sum();
    let large: Vec<&(String, usize)> =
        sizes.iter().filter(|(_, lines)| lines * PARTS > all).collect();
    assert!(large.is_empty(), "of {all} lines, more than a fifth: {large:?}");
}
