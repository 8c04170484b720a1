//! Session: a folder that looks like the repository's root, in which the blocks of a page are run
//! one after the other.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use local_cluster::process::{Process, Program};
use tempfile::TempDir;

use super::page::Block;
use crate::landlord::{binary, root};

/// `cargo run -p landlord -- …` is what was built for the tests.
const CARGO: &str =
    "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec landlord \"$@\"\n";
/// How long a command may take, in seconds, before it counts as one that does not end; a moment is
/// usual.
const PATIENCE: &str = "180";

pub(super) struct Session {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// A command and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) expected: Vec<String>,
}

impl Session {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let root = root().canonicalize().expect("the repository");
        for entry in fs::read_dir(&root).expect("the repository") {
            let entry = entry.expect("an entry");
            if entry.file_name() != ".git" && entry.file_name() != "target" {
                symlink(entry.path(), folder.path().join(entry.file_name())).expect("a link");
            }
        }
        let programs = folder.path().join(".programs");
        fs::create_dir(&programs).expect("a folder");
        symlink(binary(), programs.join("landlord")).expect("a link");
        let cargo = programs.join("cargo");
        fs::write(&cargo, CARGO).expect("a file");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("may be run");
        let environment = vec![
            ("PATH".to_owned(), format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display())),
            ("HOME".to_owned(), folder.path().display().to_string()),
        ];
        Self { folder, environment }
    }

    /// The same with this cluster and its kubectl.
    pub(super) fn on(kubeconfig: &Path, kubectl: &Path) -> Self {
        let mut session = Self::new();
        symlink(kubectl, session.file(".programs/kubectl")).expect("a link");
        session.environment.push(("KUBECONFIG".to_owned(), kubeconfig.display().to_string()));
        session
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a block's commands, each of which has to succeed and to print what is below it.
    pub(super) fn run(&self, block: &Block) {
        for step in steps(block) {
            let (code, printed) = self.output(&step.command);
            assert_eq!(code, Some(0), "{}: $ {}\n{printed}", block.place, step.command);
            let lines: Vec<&str> = printed.lines().collect();
            let same = step.expected.is_empty() || is_like(&step.expected, &lines);
            assert!(
                same,
                "{}: $ {}\nprints\n{printed}\ninstead of\n{}",
                block.place,
                step.command,
                step.expected.join("\n")
            );
        }
    }

    fn output(&self, command: &str) -> (Option<i32>, String) {
        let script = format!("set -o pipefail; exec 2>&1\n{command}");
        let mut bash = Command::new("timeout");
        bash.args([PATIENCE, "bash", "-c", &script])
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().cloned());
        let output = bash.output().expect("bash");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts the one command of a block, which runs until Ctrl-C.
    pub(super) fn start(&self, block: &Block) -> Process {
        let steps = steps(block);
        let [step] = steps.as_slice() else {
            panic!("{}: one command, as it does not end", block.place)
        };
        let script = format!("cd '{}'\nexec {}", self.folder.path().display(), step.command);
        let program = Program::new(
            "second-terminal",
            "/bin/bash",
            self.file(&format!("{}.log", block.place.replace('/', "-"))),
        )
        .args(["-c", &script]);
        let program = self
            .environment
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value));
        program.start().expect("it starts")
    }
}

/// The commands of a block: each begins with `$ ` and goes on while it ends with a backslash, or a
/// quote or a here document is open.
pub(super) fn steps(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (_, Some(step)) if is_open(&step.command) => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), expected: Vec::new() })
            }
            (None, Some(step)) => step.expected.push(line.to_owned()),
            (None, None) => {
                panic!("{}: a console block begins with `$ `, not with {line:?}", block.place)
            }
        }
    }
    steps
}

fn is_open(command: &str) -> bool {
    if let Some((_, word)) = command.lines().next().and_then(|line| line.split_once("<<")) {
        let word = word.split_whitespace().next().unwrap_or_default().trim_matches('\'');
        return command.lines().skip(1).all(|line| line != word);
    }
    // A comment may hold an apostrophe.
    let quotes = command
        .lines()
        .filter_map(|line| line.split("  # ").next())
        .flat_map(str::chars)
        .filter(|letter| *letter == '\'');
    command.ends_with('\\') || quotes.count() % 2 == 1
}

/// Whether lines are as shown: `…` stands for anything, a line of its own for any lines; how many
/// blanks are between words does not matter.
pub(super) fn is_like(shown: &[String], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.iter().all(|line| line.trim().is_empty()),
        Some((first, rest)) if first.trim() == "…" => {
            (0..=lines.len()).any(|skipped| is_like(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| is_line_like(first, line) && is_like(rest, lines)),
    }
}

fn is_line_like(shown: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, line) = (words(shown), words(line));
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
