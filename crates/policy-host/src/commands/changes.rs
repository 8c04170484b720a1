//! Changes: a verdict for a reader, as the lines of the object that differ.

use std::fmt::Write;

use policy_host::Verdict;
use serde_json::Value;
use similar::TextDiff;

/// The verdict in words, and a unified diff of the object's labels and annotations.
pub(crate) fn describe(request: &Value, verdict: &Verdict) -> String {
    let mut text = match (verdict.allowed, verdict.code()) {
        (false, Some(code)) => format!("denied ({code}): {}\n", verdict.message()),
        (false, None) => format!("denied: {}\n", verdict.message()),
        (true, _) if verdict.patch.0.is_empty() => "allowed, unchanged\n".to_owned(),
        (true, _) => "allowed, changed:\n".to_owned(),
    };
    for warning in verdict.warnings.iter().flatten() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "warning: {warning}");
    }
    text + &diff(request, verdict)
}

fn diff(request: &Value, verdict: &Verdict) -> String {
    let before = request.get("object").cloned().unwrap_or_default();
    let mut after = before.clone();
    if json_patch::patch(&mut after, &verdict.patch).is_err() {
        return "the patch does not fit the object\n".to_owned();
    }
    let (before, after) = (lines(&before), lines(&after));
    let diff = TextDiff::from_lines(&before, &after);
    diff.iter_all_changes()
        .map(|change| format!("  {}{}", change.tag(), change.value()))
        .filter(|_| before != after)
        .collect()
}

/// Labels and annotations, a line each.
fn lines(object: &Value) -> String {
    let field = |name: &str| {
        let entries = object.pointer(&format!("/metadata/{name}")).and_then(Value::as_object);
        let mut lines: Vec<String> =
            entries.into_iter().flatten().map(|(key, value)| line(key, value)).collect();
        lines.sort();
        if lines.is_empty() { String::new() } else { format!("  {name}:\n{}", lines.concat()) }
    };
    format!("{}{}", field("labels"), field("annotations"))
}

fn line(key: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) => format!("    {key}: {text}\n"),
        None => format!("    {key}: {value}\n"),
    }
}
