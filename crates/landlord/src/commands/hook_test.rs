//! `test`: runs hook tests, so that teams check their hooks before anybody applies them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::help::{self, Example, Exit};
use crate::hook_tests::{Outcome, run_file};
use crate::output::form::FormFlags;

const EXAMPLES: [Example; 2] = [
    ("One file", "landlord test hooks.test.yaml"),
    ("In CI, for a program", "landlord test tests/*.yaml -o json > results.json"),
];
const EXITS: [Exit; 2] =
    [(0, "all cases are as expected"), (1, "some are not, or a file cannot be read")];

/// Test hooks: what settings and tenants make of namespaces
///
/// Judged is what happens at admission and at reconcile. A test file names settings and tenants,
/// and cases:
///
///   settings: settings.yaml            # or the document itself
///   tenants: [tenants.yaml]            # or the objects themselves
///   cases:
///   - name: production needs a cost centre
///     namespace: {name: web, labels: {landlord.dev/tenant: solar, env: prod}}
///     expect: {denied: ["four digits"]}
///
/// A case is judged at `create` by the policy itself and at `reconcile` by what the controller
/// would do; `stage: update` with `oldNamespace` judges an edit, and `request: {userInfo: …}` says
/// who asks. `expect` takes `labels`, `annotations`, `nodeSelector`, `absent`, `denied` and
/// `warnings`; `denied` is `true`, words of the message, or a list of them.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct HookTest {
    /// Files of tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    form: FormFlags,
}

impl HookTest {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut results = Vec::new();
        for file in &self.files {
            results.push((file.display().to_string(), run_file(file)?));
        }
        let failed = results
            .iter()
            .flat_map(|(_, outcomes)| outcomes)
            .filter(|outcome| !outcome.differences.is_empty())
            .count();
        self.form.print(|| render_results(&results, failed), || document(&results))?;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn render_results(results: &[(String, Vec<Outcome>)], failed: usize) -> String {
    let mut text = String::new();
    for (file, outcomes) in results {
        text += &format!("{file}\n");
        for Outcome { case, stage, differences } in outcomes {
            let mark = if differences.is_empty() { "✓" } else { "✗" };
            text += &format!("  {mark} {case} ({})\n", stage.word());
            text.extend(differences.iter().map(|difference| format!("      {difference}\n")));
        }
    }
    let all: usize = results.iter().map(|(_, outcomes)| outcomes.len()).sum();
    text + &format!("{} passed, {failed} failed\n", all - failed)
}

fn document(results: &[(String, Vec<Outcome>)]) -> serde_json::Value {
    let one = |file: &String, Outcome { case, stage, differences }: &Outcome| json!({"file": file, "case": case, "stage": stage.word(), "passed": differences.is_empty(), "differences": differences});
    let all = results
        .iter()
        .flat_map(|(file, outcomes)| outcomes.iter().map(move |outcome| one(file, outcome)));
    json!({"apiVersion": "landlord.dev/test/v1", "results": all.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook_tests::StageName;
    use crate::output::screen::at_both_widths;

    #[test]
    fn a_case_a_line() {
        let outcome = |case: &str, stage, differences: &[&str]| Outcome {
            case: case.to_owned(),
            stage,
            differences: differences.iter().map(ToString::to_string).collect(),
        };
        let outcomes = vec![
            outcome("production needs a cost centre", StageName::Create, &[]),
            outcome(
                "production needs a cost centre",
                StageName::Reconcile,
                &["denied: expected a message with \"four digits\", and it is not denied"],
            ),
        ];
        let results = [("tests/hooks.test.yaml".to_owned(), outcomes)];
        insta::assert_snapshot!(at_both_widths(|_| render_results(&results, 1)));
    }
}
