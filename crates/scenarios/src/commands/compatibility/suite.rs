//! Suite: tests of landlord against a real API server, run on one version of Kubernetes.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use local_cluster::API_SERVER_ARGUMENTS;
use local_cluster::binaries::ASSETS;

use super::subject::Subject;
use crate::commands::served::Served;

/// Tests that belong together, as a row of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    /// What landlord promises of namespaces, by the controller, by the policy, and by both.
    Scenarios,
    /// Those who try to get around it.
    Attacks,
}

impl Suite {
    pub(super) const ALL: [Self; 2] = [Self::Scenarios, Self::Attacks];

    /// Its row.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Scenarios => "scenarios",
            Self::Attacks => "attack list",
        }
    }

    /// The beginnings of its tests' names.
    fn tests(self, can_hold: bool) -> &'static [&'static str] {
        match (self, can_hold) {
            (Self::Scenarios, _) => &[
                "cluster::scenarios::",
                "cluster::create::",
                "cluster::placement::",
                "both::scenarios::",
            ],
            (Self::Attacks, true) => &[
                "cluster::guard::attacks::",
                "cluster::guard::claims::",
                "cluster::guard::pods::",
                "cluster::guard::places::",
                "cluster::guard::older::forgeries",
                "cluster::tampering::",
            ],
            (Self::Attacks, false) => &[
                "cluster::guard::older::forgeries",
                "without_mutating_policies",
                "cluster::tampering::",
            ],
        }
    }

    /// Runs it by this command, with the programs of this folder.
    pub(super) fn run(
        self,
        command: &str,
        subject: Subject,
        served: &Served,
        assets: &Path,
    ) -> Result<Outcome> {
        let tests = self.tests(served.can_hold()).join(" ");
        let output = Command::new("sh")
            .args(["-c", &format!("{command} {tests}")])
            .env(ASSETS, assets)
            .env(API_SERVER_ARGUMENTS, subject.arguments().join(" "))
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        let outcome = Outcome::read(&String::from_utf8_lossy(&output.stdout));
        let counted = outcome.passed > 0 && output.status.success() == outcome.failed.is_empty();
        ensure!(counted || !outcome.failed.is_empty(), "{command} {tests}: {}", output.status);
        Ok(outcome)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn played(script: &str) -> Result<Outcome> {
        let (subject, served) = ("1.33".parse().expect("a subject"), Served::default());
        Suite::Attacks.run(&format!("{script} #"), subject, &served, Path::new("/nowhere"))
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
    fn the_command_gets_tests_programs_and_arguments() {
        let script = r#"t() { echo "test $KUBEBUILDER_ASSETS$LOCAL_CLUSTER_API_SERVER_ARGUMENTS $* ... FAILED"; false; }; t"#;
        let run = |subject: &str, mutating: &[&str]| {
            let mutating = mutating.iter().map(|one| (*one).to_owned()).collect();
            let served = Served { mutating, ..Served::default() };
            let subject = subject.parse().expect("a subject");
            Suite::Attacks.run(script, subject, &served, Path::new("/bin")).expect("an outcome")
        };
        let names = |can_hold| Suite::Attacks.tests(can_hold).join(" ");
        assert_eq!(run("1.33", &[]).failed, [format!("/bin {}", names(false))]);
        let arguments = run("1.34", &["v1beta1"]).failed;
        assert_eq!(arguments, [format!("/bin {}", names(true))]);
        let beta = run("1.34+v1beta1", &["v1beta1"]).failed;
        assert!(beta[0].starts_with("/bin--runtime-config="), "{beta:?}");
    }
}
