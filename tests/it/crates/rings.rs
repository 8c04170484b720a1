//! Rings: modules beside each other that import each other, directly or through others. A module
//! and what is below it count as one: what it has in common with its own parts is no ring.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::modules::{Modules, Names};
use super::packages::{Package, packages};

/// Rings that are known, to be dissolved.
const KNOWN: [&str; 1] = [
    "controller: context, gated_pods, metrics, outcome, planner, reconciler, strategy, watch",
];

/// Modules with the same parent: which of them import which, and by which path for one.
type Level = BTreeMap<String, BTreeMap<String, Names>>;

/// A ring, and the arrows that it is made of.
struct Ring {
    /// The crate and the module that all of them are in.
    place: Vec<String>,
    modules: BTreeSet<String>,
    level: Level,
}

impl Ring {
    fn name(&self) -> String {
        format!(
            "{}: {}",
            self.place.join("::"),
            self.modules.iter().cloned().collect::<Vec<_>>().join(", ")
        )
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name())?;
        for (from, arrows) in self.level.iter().filter(|(from, _)| self.modules.contains(*from)) {
            for (to, path) in arrows.iter().filter(|(to, _)| self.modules.contains(*to)) {
                writeln!(f, "    {from} → {to} by {}", path.join("::"))?;
            }
        }
        Ok(())
    }
}

/// The modules of each level, by their parent.
fn levels(modules: &Modules) -> BTreeMap<Names, Level> {
    let mut levels: BTreeMap<Names, Level> = BTreeMap::new();
    for (from, to, path) in modules.arrows() {
        let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
        if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
            let level = levels.entry(from[..common].to_vec()).or_default();
            level.entry(one.clone()).or_default().insert(other.clone(), path);
        }
    }
    levels
}

/// All that can be reached from there.
fn reached<'a>(level: &'a Level, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let next = level.get(name).into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        open.extend(next.filter(|next| found.insert(*next)));
    }
    found
}

/// Sets of modules of which each reaches each other.
fn rings_of(level: &Level) -> BTreeSet<BTreeSet<String>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        level.keys().map(|name| (name.as_str(), reached(level, name))).collect();
    let mut rings = BTreeSet::new();
    for (name, reached) in reach.iter().filter(|(name, reached)| reached.contains(**name)) {
        let comes_back = |other: &&&str| reach.get(**other).is_some_and(|back| back.contains(name));
        rings.insert(reached.iter().filter(comes_back).map(|other| (*other).to_owned()).collect());
    }
    rings
}

fn rings(package: &Package) -> Vec<Ring> {
    package.modules().iter().flat_map(|modules| rings_in(&package.name, modules)).collect()
}

fn rings_in(name: &str, modules: &Modules) -> Vec<Ring> {
    let mut found = Vec::new();
    for (parent, level) in levels(modules) {
        let place: Vec<String> = std::iter::once(name.to_owned()).chain(parent).collect();
        let ring = |modules| Ring { place: place.clone(), modules, level: level.clone() };
        found.extend(rings_of(&level).into_iter().map(ring));
    }
    found
}

#[test]
fn no_modules_import_each_other_in_a_ring() {
    let found: Vec<Ring> = packages().iter().flat_map(rings).collect();
    let names: Vec<String> = found.iter().map(Ring::name).collect();
    let shown: String = found.iter().map(Ring::to_string).collect();
    assert_eq!(
        names, KNOWN,
        "dissolve a ring that is new, and take one that is gone off the list:\n{shown}"
    );
}

#[test]
fn a_ring_is_found_through_names_that_others_import() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        (
            "lib.rs",
            "pub mod a;\nmod b;\nmod c;\n#[cfg(test)]\nmod d;\npub use b::Thing;\npub use self::c::Other as Renamed;\n",
        ),
        ("a.rs", "mod x;\nmod y;\nuse crate::Thing;\n"),
        ("a/x.rs", "use super::y::Y;\n"),
        ("a/y.rs", "#[cfg(test)]\nmod tests { use super::super::x::X; }\npub struct Y;\n"),
        (
            "b.rs",
            "pub struct Thing;\nfn make() -> u8 { [crate::Renamed { one: super::a::ONE }].len() }\n",
        ),
        ("c.rs", "use super::{b::{self as bee, Thing}, std_like};\npub struct Other;\n"),
    ];
    std::fs::create_dir(folder.path().join("a")).expect("a folder");
    files
        .iter()
        .for_each(|(name, text)| std::fs::write(folder.path().join(name), text).expect("a file"));
    let modules = Modules::read(&folder.path().join("lib.rs"));
    let rings = rings_in("trial", &modules);
    assert_eq!(rings.iter().map(Ring::name).collect::<Vec<_>>(), ["trial: a, b, c"]);
    assert!(rings[0].to_string().contains("b → c by Renamed"), "{}", rings[0]);
    assert_eq!(modules.lines(), 7 + 3 + 1 + 3 + 2 + 2 - 2 - 2, "all but the tests");
}
