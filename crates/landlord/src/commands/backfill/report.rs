//! What a backfill did, as text, and in its machine form, `landlord.dev/backfill/v1`. Stable:
//! fields are added, never changed.
//!
//! ```text
//! {"apiVersion": "landlord.dev/backfill/v1", "dryRun", "end": "complete" | "interrupted" | "stopped", "stopped": null or why,
//!  "namespaces", "drifted", "written", "left": neither written nor failed, "seconds", "notCompliant": [{"name", "reason", "message"}], "warnings": [the same]}
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::End;
use crate::commands::progress::rate_text;
use assessment::Fault;

/// The report on namespaces, by their names.
pub(super) type Troubles = BTreeMap<String, Fault>;

const API_VERSION: &str = "landlord.dev/backfill/v1";

/// See the module.
pub(super) struct Report<'a> {
    pub(super) selected: usize,
    pub(super) drifted: usize,
    pub(super) written: u64,
    /// Neither written nor failed, because the run ended before.
    pub(super) left: usize,
    pub(super) took: Duration,
    /// Compliant, and hooks have something to say of them.
    pub(super) warned: &'a Troubles,
    pub(super) failed: &'a Troubles,
    pub(super) end: End,
    pub(super) dry: bool,
}

impl Report<'_> {
    pub(super) fn render(&self) -> String {
        let Self { selected, drifted, written, left, took, warned, failed, end, dry } = self;
        let line = |(name, Fault { reason, message }): (&String, &Fault)| {
            format!("{name}: {reason}: {message}\n")
        };
        let mut text: String = warned.iter().chain(*failed).map(line).collect();
        let seconds = took.as_secs_f64();
        let word = if *dry { "would be written" } else { "written" };
        text += &format!(
            "{selected} namespaces: {written} of {drifted} {word} in {seconds:.1} s ({}), {}{} not compliant\n",
            rate_text(*written as f64 / seconds.max(0.001)),
            match (*left, word) {
                (0, _) => String::new(),
                (left, "written") => format!("{left} not written yet, "),
                (left, _) => format!("{left} not tried yet, "),
            },
            failed.len()
        );
        if *end == End::Interrupted {
            text += "interrupted; nothing is half-written. Run the same command again to go on\n";
        }
        text
    }

    pub(super) fn document(&self) -> Value {
        let one = |(name, Fault { reason, message }): (&String, &Fault)| json!({"name": name, "reason": reason.word(), "message": message});
        let list = |troubles: &Troubles| troubles.iter().map(one).collect::<Vec<_>>();
        let (end, stopped) = match self.end {
            End::Complete => ("complete", None),
            End::Interrupted => ("interrupted", None),
            End::Stopped(why) => ("stopped", Some(why)),
        };
        json!({
            "apiVersion": API_VERSION, "dryRun": self.dry, "end": end, "stopped": stopped,
            "namespaces": self.selected, "drifted": self.drifted, "written": self.written, "left": self.left,
            "seconds": self.took.as_secs_f64(),
            "notCompliant": list(self.failed), "warnings": list(self.warned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::screen::at_both_widths;
    use assessment::Reason;

    fn troubles(name: &str, reason: Reason, message: &str) -> Troubles {
        [(name.to_owned(), Fault { reason, message: message.to_owned() })].into()
    }

    #[test]
    fn a_namespace_that_fails_a_line() {
        let warned = troubles("solar-web", Reason::HookWarning, "say who owns it");
        let failed = troubles(
            "lunar-web",
            Reason::Conflicted,
            "label \"a\" is \"b\", tenant \"lunar\" wants \"c\": remove it or change the tenant",
        );
        let report = |end, dry| Report {
            selected: 120,
            drifted: 10,
            written: 8,
            left: if end == End::Interrupted { 1 } else { 0 },
            took: Duration::from_millis(1600),
            warned: &warned,
            failed: &failed,
            end,
            dry,
        };
        let shown = [
            report(End::Complete, false),
            report(End::Complete, true),
            report(End::Interrupted, false),
        ];
        insta::assert_snapshot!(shown.map(|report| at_both_widths(|_| report.render())).join("\n"));
    }
}
