//! Modules: those of a crate, and which of them speak of which others. Tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenTree};

use super::source::{self, is_punct};

/// Names from the crate's root to a module, or to something in one.
pub(super) type Names = Vec<String>;

/// Of one crate.
#[derive(Debug, Default)]
pub(super) struct Modules {
    pub(super) all: BTreeMap<Names, Module>,
}

#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) lines: usize,
    /// What a name that it imports stands for.
    imports: BTreeMap<String, Names>,
    /// What it speaks of.
    mentions: BTreeSet<Names>,
}

impl Modules {
    /// From `lib.rs` or `main.rs`.
    pub(super) fn read(file: &Path) -> Self {
        let mut modules = Self::default();
        let folder = file.parent().expect("a folder").to_owned();
        modules.read_file(file, &folder, Names::new());
        modules
    }

    /// `folder` is where its modules are.
    fn read_file(&mut self, file: &Path, folder: &Path, name: Names) {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.all.entry(name.clone()).or_default().lines = source::lines(&text);
        self.read_items(&source::tokens(&text), folder, &name);
    }

    /// The tokens of a module, be they a file's or in braces.
    fn read_items(&mut self, tokens: &[TokenTree], folder: &Path, name: &Names) {
        self.all.entry(name.clone()).or_default();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let word = word(token);
            if word.as_deref() == Some("mod")
                && let Some(child) = tokens.get(at + 1).and_then(self::word)
            {
                self.read_module(tokens.get(at + 2), &folder.join(&child), child_of(name, &child));
                at += 3;
            } else if word.as_deref() == Some("use")
                && !tokens.get(at + 1).is_some_and(|next| is_punct(next, '<'))
            {
                let end = at
                    + tokens[at..]
                        .iter()
                        .position(|token| is_punct(token, ';'))
                        .expect("a semicolon");
                self.read_use(&tokens[at + 1..end], name);
                at = end + 1;
            } else if let Some((path, end)) = path_at(tokens, at) {
                self.all.entry(name.clone()).or_default().mentions.insert(absolute(name, &path));
                at = end;
            } else {
                if let TokenTree::Group(group) = token {
                    self.read_items(&group.stream().into_iter().collect::<Vec<_>>(), folder, name);
                }
                at += 1;
            }
        }
    }

    /// What follows `mod NAME`: a semicolon, or the module itself.
    fn read_module(&mut self, body: Option<&TokenTree>, path: &Path, name: Names) {
        match body {
            Some(TokenTree::Group(group)) => {
                self.read_items(&group.stream().into_iter().collect::<Vec<_>>(), path, &name)
            }
            _ => self.read_file(&file_of(path), path, name),
        }
    }

    fn read_use(&mut self, tokens: &[TokenTree], name: &Names) {
        let module = self.all.entry(name.clone()).or_default();
        for (alias, path) in leaves(tokens) {
            let target = absolute(name, &path);
            module.mentions.insert(target.clone());
            // `use anyhow::anyhow` says nothing of a module.
            if path.first() != Some(&alias) {
                module.imports.insert(alias, target);
            }
        }
    }

    /// The module that something is defined in, through names that others import.
    fn home(&self, path: &Names) -> Names {
        let mut module = Names::new();
        let mut rest: Vec<String> = path.iter().rev().cloned().collect();
        // Each import is followed once; two that name each other do not compile.
        for _ in 0..100 {
            let Some(next) = rest.pop() else { return module };
            let child = child_of(&module, &next);
            if self.all.contains_key(&child) {
                module = child;
            } else if let Some(import) =
                self.all.get(&module).and_then(|known| known.imports.get(&next))
            {
                rest.extend(import.iter().rev().cloned());
                module = Names::new();
            } else {
                return module;
            }
        }
        module
    }

    /// Pairs of modules of which the first speaks of something in the second, and how.
    pub(super) fn arrows(&self) -> BTreeSet<(Names, Names, Names)> {
        let of = |(name, module): (&Names, &Module)| -> Vec<(Names, Names, Names)> {
            let arrows =
                module.mentions.iter().map(|path| (name.clone(), self.home(path), path.clone()));
            arrows.filter(|(from, to, _)| from != to).collect()
        };
        self.all.iter().flat_map(of).collect()
    }

    pub(super) fn lines(&self) -> usize {
        self.all.values().map(|module| module.lines).sum()
    }
}

fn file_of(path: &Path) -> PathBuf {
    let beside = path.with_extension("rs");
    if beside.exists() { beside } else { path.join("mod.rs") }
}

fn child_of(module: &Names, child: &str) -> Names {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

fn word(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    }
}

/// A path that begins with `crate`, `self` or `super`, and where it ends. Other paths begin with a
/// name that is imported.
fn path_at(tokens: &[TokenTree], at: usize) -> Option<(Names, usize)> {
    let first =
        word(tokens.get(at)?).filter(|word| ["crate", "self", "super"].contains(&word.as_str()))?;
    let mut path = vec![first];
    let mut end = at + 1;
    while is_separator(tokens, end)
        && let Some(next) = tokens.get(end + 2).and_then(word)
    {
        path.push(next);
        end += 3;
    }
    (path.len() > 1).then_some((path, end))
}

/// `::`.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    [at, at + 1].into_iter().all(|at| tokens.get(at).is_some_and(|token| is_punct(token, ':')))
}

/// The names that a `use` brings in, each with its path.
fn leaves(tokens: &[TokenTree]) -> Vec<(String, Names)> {
    let mut path = Names::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let parts =
                    inner.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty());
                return parts
                    .flat_map(leaves)
                    .map(|(alias, rest)| joined(&path, alias, rest))
                    .collect();
            }
            TokenTree::Ident(ident) if *ident == "as" => {
                let alias = tokens.get(at + 1).and_then(word).unwrap_or_default();
                return vec![(alias, path)];
            }
            TokenTree::Ident(ident) => path.push(ident.to_string()),
            // A glob brings in what is there, whatever that is: it speaks of the module.
            _ => {}
        }
        at += 1;
    }
    vec![(path.last().cloned().unwrap_or_default(), path)]
}

fn joined(path: &Names, alias: String, rest: Names) -> (String, Names) {
    if rest == ["self"] {
        return (path.last().cloned().unwrap_or_default(), path.clone());
    }
    (alias, path.iter().cloned().chain(rest).collect())
}

/// From the crate's root. A path that begins with another name begins in its own module: with a
/// child of it, or with something that it imports. One into another crate is then one that leads
/// nowhere, so it is found in this module.
fn absolute(module: &Names, path: &Names) -> Names {
    let mut names = module.clone();
    let mut rest = path.as_slice();
    match path.first().map(String::as_str) {
        Some("crate") => {
            names.clear();
            rest = &rest[1..];
        }
        Some("self") => rest = &rest[1..],
        _ => {}
    }
    while rest.first().is_some_and(|name| name == "super") {
        names.pop();
        rest = &rest[1..];
    }
    names.extend(rest.iter().cloned());
    names
}
