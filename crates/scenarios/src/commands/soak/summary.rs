//! Summary: what came of it, for a reader.

use super::fleet::NAMES;
use super::record::{Row, State, series};
use super::verdict::Check;

/// Some lines: what happened, each controller from beginning to end, and what is judged.
pub(super) fn render(rows: &[Row], checks: &[Check]) -> String {
    let last = rows.last().cloned().unwrap_or_default();
    let churn = last.churn;
    let mut text = format!(
        "{:.0} s: {} namespaces created, {} deleted, {} edits of tenants, {} kills, {} freezes; {} samples\n\n",
        last.at,
        churn.created,
        churn.deleted,
        churn.edits,
        last.kills,
        last.freezes,
        rows.len()
    );
    text += &format!(
        "{:<12} {:>6} {:>24} {:>20} {:>16} {:>8}\n",
        "CONTROLLER", "LIVES", "MEMORY (MIB)", "DESCRIPTORS", "THREADS", "WRITES"
    );
    for name in NAMES {
        text += &row(rows, name);
    }
    text += &format!("\n{}\n", ready(rows));
    if churn.unplaced > 0 {
        text += &format!("{} Pods were deleted before they had a node\n", churn.unplaced);
    }
    for check in checks {
        text += &format!("{}  {check}\n", if check.is_broken { "BROKEN" } else { "kept  " });
    }
    text
}

fn row(rows: &[Row], name: &str) -> String {
    let range = |figure: fn(&State) -> f64, digits: usize| {
        let values: Vec<f64> = series(rows, name, figure).into_iter().map(|(_, one)| one).collect();
        let most = values.iter().copied().fold(0.0, f64::max);
        let (first, last) = (values.first().unwrap_or(&0.0), values.last().unwrap_or(&0.0));
        format!("{first:.digits$} → {last:.digits$}, max {most:.digits$}")
    };
    let latest =
        |figure: fn(&State) -> f64| series(rows, name, figure).last().map_or(0.0, |one| one.1);
    format!(
        "{name:<12} {:>6} {:>24} {:>20} {:>16} {:>8}\n",
        latest(|state| state.life as f64),
        range(|state| state.memory, 1),
        range(|state| state.descriptors, 0),
        range(|state| state.threads, 0),
        latest(|state| state.writes)
    )
}

/// How long namespaces took.
fn ready(rows: &[Row]) -> String {
    let mut all: Vec<f64> = rows.iter().flat_map(|row| row.ready.iter().copied()).collect();
    all.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (all.len() as f64 * share).ceil() as usize;
        all.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    };
    format!(
        "a new namespace was ready after {:.2} s (half of them), {:.2} s (all but one in a hundred), {:.1} s (all, failovers among them)",
        at(0.5),
        at(0.99),
        at(1.0)
    )
}
