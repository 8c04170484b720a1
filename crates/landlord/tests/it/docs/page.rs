//! Page: a Markdown file of this repository, its fenced blocks and the marks above them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::landlord::root;

/// Where documentation is: files, and folders with all that is below them.
const PLACES: [&str; 9] = [
    "README.md",
    "README.zh-CN.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "charts/landlord/README.md",
    "docs",
    "examples",
];

/// A file, named from the root.
pub(super) struct Page {
    pub(super) path: String,
    pub(super) text: String,
}

/// What is between two fences.
#[derive(Debug)]
pub(super) struct Block {
    /// Where it is: `docs/guard.md:6`.
    pub(super) place: String,
    pub(super) language: String,
    pub(super) text: String,
    pub(super) mark: Mark,
}

/// What the comment above a block says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// `run`: by a test, without a cluster.
    Run,
    /// `run: cluster`: by a test, on a cluster, after the blocks before it.
    Cluster(Terminal),
    /// `not run: REASON`.
    NotRun(String),
    /// `file: NAME`: what the user is asked to save.
    File(String),
    /// `test: NAME`, `output: NAME`: by a test of its own, which looks for these words.
    Elsewhere(String),
    None,
}

/// Which terminal of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    First,
    /// A command that runs on while others are typed.
    Second,
    /// The first one, after Ctrl-C in the second.
    SecondEnded,
    /// The first one, and then what a kubelet does with the Deployment.
    Deployment,
}

impl Mark {
    fn parse(comment: &str) -> Self {
        match comment.split_once(": ").unwrap_or((comment, "")) {
            ("run", "") => Self::Run,
            ("run", "cluster") => Self::Cluster(Terminal::First),
            ("run", "cluster, second terminal") => Self::Cluster(Terminal::Second),
            ("run", "cluster, after Ctrl-C in the second terminal") => {
                Self::Cluster(Terminal::SecondEnded)
            }
            ("run", "cluster, and the controller starts") => Self::Cluster(Terminal::Deployment),
            ("not run", reason) if !reason.is_empty() => Self::NotRun(reason.to_owned()),
            ("file", name) if !name.is_empty() => Self::File(name.to_owned()),
            ("test" | "output", _) => Self::Elsewhere(comment.to_owned()),
            _ => Self::None,
        }
    }
}

impl Page {
    pub(super) fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), text }
    }

    /// All of them, in order of their paths.
    pub(super) fn all() -> Vec<Self> {
        let mut paths = Vec::new();
        PLACES.iter().for_each(|place| collect(Path::new(place), &mut paths));
        paths.sort();
        paths.iter().map(|path| Self::read(&path.to_string_lossy())).collect()
    }

    /// The lines outside of fenced blocks, with their numbers.
    pub(super) fn prose(&self) -> Vec<(usize, &str)> {
        let mut inside = false;
        let mut lines = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().starts_with("```");
            if !fence && !inside {
                lines.push((index + 1, line));
            }
            inside ^= fence;
        }
        lines
    }

    /// Headings as (level, text).
    pub(super) fn headings(&self) -> Vec<(usize, String)> {
        let heading = |line: &str| {
            let level = line.chars().take_while(|letter| *letter == '#').count();
            line.get(level..)
                .and_then(|rest| rest.strip_prefix(' '))
                .filter(|_| level > 0)
                .map(|text| (level, text.trim().to_owned()))
        };
        self.prose().into_iter().filter_map(|(_, line)| heading(line)).collect()
    }

    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut open, mut mark) = (false, Mark::None);
        for (index, line) in self.text.lines().enumerate() {
            match line.trim_start().strip_prefix("```") {
                Some(language) if !open => blocks.push(Block {
                    place: format!("{}:{}", self.path, index + 1),
                    language: language.to_owned(),
                    text: String::new(),
                    mark: mark.clone(),
                }),
                None if open => {
                    let block = blocks.last_mut().expect("an open block");
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                _ => {}
            }
            open ^= line.trim_start().starts_with("```");
            mark = match line
                .trim()
                .strip_prefix("<!-- ")
                .and_then(|rest| rest.strip_suffix(" -->"))
            {
                Some(comment) => Mark::parse(comment),
                None if line.trim().is_empty() => mark,
                None => Mark::None,
            };
        }
        assert!(!open, "{}: a block does not end", self.path);
        blocks
    }
}

fn collect(place: &Path, paths: &mut Vec<PathBuf>) {
    let here = root().join(place);
    if here.is_dir() {
        fs::read_dir(&here)
            .expect("a folder")
            .for_each(|entry| collect(&place.join(entry.expect("an entry").file_name()), paths));
    } else if place.extension().is_some_and(|extension| extension == "md") {
        paths.push(place.to_owned());
    }
}
