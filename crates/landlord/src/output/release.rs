//! How landlord left a cluster, as text, and in its machine form, `landlord.dev/release/v1`.
//! Stable: fields are added, never changed.
//!
//! ```text
//! {"apiVersion": "landlord.dev/release/v1", "dryRun", "namespaces": how many are clean, "pods": how many were released,
//!  "done": [words], "remains": [words], "failed": [{"name", "message"}]}
//! ```

use serde_json::{Value, json};

use diagnostics::uninstall::Report;

const API_VERSION: &str = "landlord.dev/release/v1";

/// For readers.
pub(crate) fn render_report(report: &Report) -> String {
    let Report { dry, done, namespaces, pods, failed, remains } = report;
    let line = |words: &String| format!("{words}\n");
    let mut text: String = done.iter().map(line).collect();
    text += &format!("{pods} held Pods are released\n{namespaces} namespaces are clean\n");
    text.extend(failed.iter().map(|(name, why)| format!("{name} is not clean: {why}\n")));
    text += "\nwhat remains\n";
    text.extend(remains.iter().map(|words| format!("  {words}\n")));
    if *dry {
        format!("dry run: nothing was changed; what follows would be\n\n{text}")
    } else {
        text
    }
}

/// For programs.
pub(crate) fn document(report: &Report) -> Value {
    let Report { dry, done, namespaces, pods, failed, remains } = report;
    let failed: Vec<Value> =
        failed.iter().map(|(name, message)| json!({"name": name, "message": message})).collect();
    json!({"apiVersion": API_VERSION, "dryRun": dry, "namespaces": namespaces, "pods": pods, "done": done, "remains": remains, "failed": failed})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::at_both_widths;

    #[test]
    fn what_is_left_is_told() {
        let policy = "ClusterAdmissionPolicy \"landlord\"";
        let mut report = Report {
            dry: true,
            done: vec![format!("{policy} is as it was without a strategy")],
            namespaces: 2,
            pods: 1,
            failed: [(
                "solar-web".to_owned(),
                "Forbidden: namespaces \"solar-web\" is forbidden".to_owned(),
            )]
            .into(),
            remains: vec![format!(
                "{policy} writes into new namespaces: run again with --with-policy, or delete it"
            )],
        };
        let dry = at_both_widths(|_| render_report(&report));
        report.dry = false;
        insta::assert_snapshot!(format!("{dry}\n{}", at_both_widths(|_| render_report(&report))));
    }
}
