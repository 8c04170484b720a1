//! Go: the compiler, and what it says.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::BinariesError;

/// How many of the compiler's last lines an error repeats.
const LAST_LINES: usize = 12;
/// How often a long build says that it is alive.
const REPORT: Duration = Duration::from_secs(30);

/// Runs a build that writes this file. Its outcome, and the last lines of what it said.
pub(super) fn build(
    mut compiler: Command,
    output: &Path,
) -> Result<(ExitStatus, String), BinariesError> {
    let mut child = compiler
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| cannot_start(source, output))?;
    let words = repeat_and_keep(&mut child);
    let status = wait(&mut child, output)?;
    Ok((status, words.and_then(|words| words.join().ok()).unwrap_or_default()))
}

fn cannot_start(source: io::Error, output: &Path) -> BinariesError {
    match source.kind() {
        io::ErrorKind::NotFound => BinariesError::NoGo,
        _ => BinariesError::File { what: "cannot start go for", path: output.to_owned(), source },
    }
}

/// Repeats what a program says on standard error as it comes, and yields its last lines at its end.
fn repeat_and_keep(child: &mut Child) -> Option<thread::JoinHandle<String>> {
    let words = BufReader::new(child.stderr.take()?);
    Some(thread::spawn(move || {
        let mut last = Vec::new();
        for line in words.lines().map_while(Result::ok) {
            eprintln!("{line}");
            if last.len() == LAST_LINES {
                last.remove(0);
            }
            last.push(line);
        }
        last.join("\n")
    }))
}

/// Waits for the compiler, and says now and then that it is at work.
fn wait(child: &mut Child, output: &Path) -> Result<ExitStatus, BinariesError> {
    let fault = |source| BinariesError::File {
        what: "cannot wait for go, which writes",
        path: output.to_owned(),
        source,
    };
    let began = Instant::now();
    let mut reported = began;
    loop {
        match child.try_wait().map_err(fault)? {
            Some(status) => return Ok(status),
            None => thread::sleep(Duration::from_millis(200)),
        }
        if reported.elapsed() > REPORT {
            reported = Instant::now();
            eprintln!("… still compiling Kubernetes after {} s", began.elapsed().as_secs());
        }
    }
}

/// The folder of the module `k8s.io/kubernetes` in Go's module cache.
pub(super) fn download(version: &str, folder: &Path) -> Result<PathBuf, BinariesError> {
    let output = Command::new("go")
        .current_dir(folder)
        .args(["mod", "download", "-json"])
        .arg(format!("k8s.io/kubernetes@{version}"))
        .stdin(Stdio::null())
        .output()
        .map_err(|source| cannot_start(source, folder))?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let error = || match answer["Error"].as_str() {
        Some(error) => error.to_owned(),
        None => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    };
    answer["Dir"]
        .as_str()
        .filter(|_| output.status.success())
        .map(PathBuf::from)
        .ok_or_else(|| BinariesError::Download { version: version.to_owned(), words: error() })
}
