//! What became of the Pods, as a table.

use comfy_table::{ContentArrangement, Table, TableStyle};

use super::run::Outcome;

/// A line a namespace, and below it why some were refused.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NAMESPACE", "CREATED BY", "TENANT", "NODE SELECTOR", "POD LANDED ON", "VERDICT"]);
    for one in outcomes {
        let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let row =
            [one.namespace.clone(), one.user.clone(), one.tenant.clone(), cell(&one.selector), cell(&one.node), one.verdict().to_owned()];
        table.add_row(row);
    }
    let lines: String = table.lines().map(|line| format!("{}\n", line.trim())).collect();
    let refusals = outcomes.iter().filter_map(|one| one.refusal.as_ref().map(|words| format!("\n{}: {words}\n", one.namespace)));
    lines + &refusals.collect::<String>()
}
