//! The reference as Markdown: for each command what it is for, its flags with their twins in the
//! environment, examples, exit codes.

use clap::{Arg, Command};

use crate::help;

const OPENING: &str = "\
# Command line

<!-- Printed by `landlord reference markdown`; a test keeps it in step. -->

`landlord` and `kubectl landlord` (the plugin, `make install`) are the same program. Flags are kubectl's where kubectl has them. Data goes to standard
output; progress, notes and errors go to standard error.

On a terminal, tables fit its width: columns that say the least are left out, sentences are folded. Elsewhere a row is a line, nothing is left out, and
`COLUMNS` sets a width. Colours are for terminals; `NO_COLOR`, `CLICOLOR_FORCE` and `--color` decide otherwise. `-o json` and `-o yaml` are the same
document; its `apiVersion` is versioned, fields are added and never changed. With `--watch` they follow each other, YAML with `---` between two.

Commands that write take `--dry-run`: `--dry-run=client`, or the flag alone, says what would be done, `--dry-run=server` lets the API server judge it and
store nothing.

Every flag that says how a command works can be set in the environment; the flag wins. `KUBECONFIG` may be a list of files, as for kubectl.

## Exit codes

| code | meaning |
| --- | --- |
";

/// The whole document.
pub(super) fn reference(command: &Command) -> String {
    let exits: String =
        help::EXITS.iter().map(|(code, meaning)| format!("| {code} | {meaning} |\n")).collect();
    let shown = command.get_subcommands().filter(|one| is_shown(one));
    let sections: String = shown.map(|one| section(one, "landlord", 2)).collect();
    format!("{OPENING}{exits}{sections}")
}

fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn section(command: &Command, parent: &str, level: usize) -> String {
    let name = format!("{parent} {}", command.get_name());
    let about = command
        .get_long_about()
        .or_else(|| command.get_about())
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut usage = command.clone();
    let usage = usage.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let mut text = format!("\n{} {name}\n\n{about}\n\n```text\n{usage}\n```\n", "#".repeat(level));
    text += &flags(command);
    if let Some(notes) = command.get_after_long_help() {
        text += &format!("\n```text\n{}\n```\n", notes.to_string().trim_end());
    }
    text + &command
        .get_subcommands()
        .filter(|one| is_shown(one))
        .map(|one| section(one, &name, level + 1))
        .collect::<String>()
}

fn flags(command: &Command) -> String {
    let shown =
        |arg: &&Arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str());
    let rows: String = command.get_arguments().filter(shown).map(row).collect();
    if rows.is_empty() {
        rows
    } else {
        format!("\n| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n{rows}")
    }
}

fn row(arg: &Arg) -> String {
    let code = |text: String| if text.is_empty() { text } else { format!("`{text}`") };
    let environment =
        arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let takes_values = arg.get_action().takes_values();
    let default = if takes_values { defaults.join(",") } else { String::new() };
    format!(
        "| {} | {} | {} | {} |\n",
        code(describe_argument(arg)),
        code(environment),
        code(default),
        meaning(arg)
    )
}

/// `-o, --output <FORM>`; a value that may be left out stands behind `=`.
fn describe_argument(arg: &Arg) -> String {
    let short = arg.get_short().map(|letter| format!("-{letter}, ")).unwrap_or_default();
    let names: Vec<String> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")).collect();
    let value = if arg.get_action().takes_values() { names.join(" ") } else { String::new() };
    match arg.get_long() {
        Some(long) if value.is_empty() => format!("{short}--{long}"),
        Some(long) if arg.get_num_args().is_some_and(|count| count.min_values() == 0) => {
            format!("{short}--{long}[={value}]")
        }
        Some(long) => format!("{short}--{long} {value}"),
        None => value,
    }
}

fn meaning(arg: &Arg) -> String {
    let help = arg
        .get_help()
        .map(|help| help.to_string().replace('|', "\\|").replace('<', "&lt;"))
        .unwrap_or_default();
    let possible: Vec<String> = if arg.get_action().takes_values()
        && !arg.is_hide_possible_values_set()
    {
        arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect()
    } else {
        Vec::new()
    };
    if possible.is_empty() { help } else { format!("{help}: {}", possible.join(", ")) }
}
