//! Attacks: the tests of the guard that try to get around it, on one version of Kubernetes.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use local_cluster::binaries::ASSETS;

/// Where Pods can be held.
const HOLDING: &str = "cluster::guard::attacks cluster::guard::older::forgeries";
/// Where they can only be refused.
const REFUSING: &str = "cluster::guard::older::forgeries";

/// What came of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    passed: usize,
    pub(super) failed: Vec<String>,
}

impl Outcome {
    pub(super) fn cell(&self) -> String {
        match self.failed.len() {
            0 => format!("{} passed", self.passed),
            failed => format!("**{failed} of {} failed**", self.passed + failed),
        }
    }

    /// Counts what Rust's test runners print.
    fn read(output: &str) -> Self {
        let ended = |end: &str| -> Vec<String> {
            let name = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(end)?.to_owned());
            output.lines().filter_map(name).collect()
        };
        Self { passed: ended(" ... ok").len(), failed: ended(" ... FAILED") }
    }
}

/// Runs them by this command, with the programs of this folder.
pub(super) fn run(command: &str, holding: bool, assets: &Path) -> Result<Outcome> {
    let tests = if holding { HOLDING } else { REFUSING };
    let output = Command::new("sh")
        .args(["-c", &format!("{command} {tests}")])
        .env(ASSETS, assets)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let outcome = Outcome::read(&String::from_utf8_lossy(&output.stdout));
    let counted = outcome.passed > 0 && output.status.success() == outcome.failed.is_empty();
    ensure!(counted || !outcome.failed.is_empty(), "{command} {tests}: {}", output.status);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(script: &str) -> Result<Outcome> {
        run(&format!("{script} #"), false, Path::new("/nowhere"))
    }

    #[test]
    fn tests_are_counted() {
        let outcome = played("echo 'test a::b ... ok'; echo 'test c ... ok'").expect("an outcome");
        assert_eq!(outcome.cell(), "2 passed");
        let outcome =
            played("echo 'test a::b ... ok'; echo 'test c ... FAILED'; false").expect("an outcome");
        assert_eq!(
            (outcome.cell().as_str(), outcome.failed.as_slice()),
            ("**1 of 2 failed**", &["c".to_owned()][..])
        );
    }

    /// A filter that finds nothing and a build that fails are no success.
    #[test]
    fn nothing_run_is_an_error() {
        assert!(played("true").is_err());
        assert!(played("echo 'test a ... ok'; false").is_err());
    }

    #[test]
    fn the_command_gets_tests_and_programs() {
        let script = r#"t() { echo "test $KUBEBUILDER_ASSETS $* ... ok"; }; t"#;
        let outcome = run(script, true, Path::new("/bin")).expect("an outcome");
        assert_eq!(outcome.passed, 1);
        let script = r#"t() { echo "test $KUBEBUILDER_ASSETS $* ... FAILED"; false; }; t"#;
        let outcome = run(script, true, Path::new("/bin")).expect("an outcome");
        assert_eq!(outcome.failed, [format!("/bin {HOLDING}")]);
    }
}
