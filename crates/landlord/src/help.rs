//! Help: what every command says of itself below its flags – examples, and what its exit codes
//! mean.

use std::path::Path;
use std::sync::OnceLock;

use clap::builder::{StyledStr, Styles};

/// What a command line does, and the command line.
pub(crate) type Example = (&'static str, &'static str);
/// An exit code, and what it says.
pub(crate) type Exit = (u8, &'static str);

/// The commands of the overview by what they are for. One that is named nowhere is listed under the
/// last.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Look", &["plan", "explain", "status", "audit", "doctor"]),
    ("Change", &["backfill", "adopt", "move", "strategy", "release"]),
    ("Run", &["controller"]),
    ("Move in", &["convert", "detach"]),
    ("GitOps", &["render", "schema", "test"]),
    ("Shell", &["completions", "version", "help"]),
];

/// What the overview ends with.
const FIRST_STEPS: [Example; 4] = [
    (
        "What would change, from files and without a cluster",
        "landlord plan -f tenants.yaml -f namespaces/",
    ),
    ("What would change in the cluster, key by key", "landlord plan -o diff"),
    ("Change it, a few namespaces first", "landlord backfill --canary 5%"),
    ("Whether Pods are kept in their tenant's pool, and what is missing", "landlord doctor"),
];

/// Exit codes that all commands share.
pub(crate) const EXITS: [Exit; 4] = [
    (0, "done, and all is well"),
    (
        1,
        "an error: it says what, where, and what to do; also a command line that cannot be understood",
    ),
    (2, "done, and there is something to look at: changes, Pods outside, checks that fail"),
    (130, "ended by Ctrl-C or SIGTERM before it was done"),
];

/// How this program was called: kubectl calls its plugins `kubectl-NAME`.
pub(crate) fn program() -> &'static str {
    static PROGRAM: OnceLock<&str> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let called = std::env::args_os().next().unwrap_or_default();
        let is_plugin =
            Path::new(&called).file_stem().is_some_and(|name| name == "kubectl-landlord");
        if is_plugin { "kubectl landlord" } else { "landlord" }
    })
}

/// Below the flags of `-h`.
pub(crate) fn examples(examples: &[Example]) -> StyledStr {
    StyledStr::from(heading("Examples") + &listed(examples))
}

/// Below the flags of `--help`.
pub(crate) fn notes(examples: &[Example], exits: &[Exit]) -> StyledStr {
    let exit = |(code, meaning): &Exit| format!("  {code:<5}{meaning}\n");
    let exits: String = exits.iter().map(exit).collect();
    StyledStr::from(format!(
        "{}{}\n{}{exits}",
        heading("Examples"),
        listed(examples),
        heading("Exit codes")
    ))
}

fn listed(examples: &[Example]) -> String {
    let literal = Styles::styled().get_literal().to_owned();
    let line =
        |(what, words): &Example| format!("  # {what}\n  {literal}{}{literal:#}\n", called(words));
    examples.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A command line as it is typed where this program has another name.
fn called(words: &str) -> String {
    let words = words
        .strip_prefix("landlord ")
        .map_or(words.to_owned(), |rest| format!("{} {rest}", program()));
    words.replace("| landlord ", &format!("| {} ", program()))
}

fn heading(title: &str) -> String {
    let header = Styles::styled().get_header().to_owned();
    format!("{header}{title}:{header:#}\n")
}

/// The whole command line: its name as it was called, and an overview that groups the commands.
pub(crate) fn dress(command: clap::Command) -> clap::Command {
    let overview = overview(&command);
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{overview}{}{{options}}\n\n{}{}\n{}",
        heading("Options"),
        heading("First steps"),
        listed(&FIRST_STEPS),
        closing()
    );
    command.help_template(StyledStr::from(template)).bin_name(program()).max_term_width(120)
}

fn overview(command: &clap::Command) -> String {
    let shown: Vec<&clap::Command> =
        command.get_subcommands().filter(|one| !one.is_hide_set()).collect();
    let named: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let last = GROUPS.len().saturating_sub(1);
    let literal = Styles::styled().get_literal().to_owned();
    let mut text = String::new();
    for (number, (title, names)) in GROUPS.iter().enumerate() {
        let listed =
            names.iter().filter_map(|name| shown.iter().find(|one| one.get_name() == *name));
        let others = shown.iter().filter(|one| number == last && !named.contains(&one.get_name()));
        let line = |one: &&clap::Command| {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            format!("  {literal}{:<12}{literal:#} {about}\n", one.get_name())
        };
        text +=
            &format!("{}{}\n", heading(title), listed.chain(others).map(line).collect::<String>());
    }
    text
}

fn closing() -> String {
    let codes = EXITS.map(|(code, _)| code.to_string()).join(", ");
    format!(
        "`{0} COMMAND -h` shows a command's flags, `--help` says more, and what the\nexit codes ({codes}) mean. Flags can be set in the environment.",
        program()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;
    use rstest::rstest;

    /// A command that is added and named nowhere is found all the same.
    #[test]
    fn every_command_is_in_the_overview() {
        let command = Command::new("landlord").subcommands(
            ["plan", "render", "brandnew"].map(|name| Command::new(name).about("does things")),
        );
        let overview = StyledStr::from(overview(&command)).to_string();
        let places = ["Look:", "plan", "GitOps:", "render", "Shell:", "brandnew"]
            .map(|part| overview.find(part).expect(part));
        assert!(places.is_sorted(), "{overview}");
    }

    /// Every example of the overview, of `-h` and of `--help`, which is what docs/command-line.md
    /// prints.
    #[test]
    fn every_example_can_be_typed() {
        let overview = FIRST_STEPS.iter().map(|(_, words)| (*words).to_owned());
        let all: Vec<String> = overview.chain(examples_of(&crate::command_line())).collect();
        assert!(all.len() > 100, "{}: examples are not read", all.len());
        for example in all {
            let lines = landlords(&example);
            assert!(!lines.is_empty(), "{example}: no landlord in it");
            for words in lines {
                let parsed = crate::command_line().try_get_matches_from(&words);
                assert!(
                    parsed.is_ok(),
                    "{example}: {}",
                    parsed.err().map(|error| error.to_string()).unwrap_or_default()
                );
            }
        }
    }

    fn examples_of(command: &Command) -> Vec<String> {
        let notes = [command.get_after_help(), command.get_after_long_help()]
            .into_iter()
            .flatten()
            .map(ToString::to_string);
        let listed = notes.flat_map(|notes| {
            let lines: Vec<&str> = notes.lines().collect();
            let behind = lines
                .windows(2)
                .filter(|pair| pair[0].starts_with("  # "))
                .map(|pair| pair[1].trim().to_owned());
            behind.collect::<Vec<_>>()
        });
        listed.chain(command.get_subcommands().flat_map(examples_of)).collect()
    }

    /// The words of each call of this program in a line for a shell.
    fn landlords(line: &str) -> Vec<Vec<String>> {
        let line = line.replace("<(", " | ").replace(')', " ");
        let words = shlex::split(&line).unwrap_or_else(|| panic!("{line}: a quote is open"));
        let calls = words.split(|word| ["|", "||", "&&", ";"].contains(&word.as_str()));
        let typed =
            |call: &[String]| call.iter().take_while(|word| *word != ">").cloned().collect();
        calls
            .filter(|call| call.first().is_some_and(|word| word == "landlord"))
            .map(typed)
            .collect()
    }

    #[rstest]
    #[case::alone("landlord plan", &["landlord plan"])]
    #[case::piped("kubectl get ns | landlord plan -f - | less", &["landlord plan -f -"])]
    #[case::into_a_file("landlord plan > plan.md", &["landlord plan"])]
    #[case::quoted("landlord plan -l 'a|b' | jq '.a | .b'", &["landlord plan -l a|b"])]
    #[case::in_a_shell("source <(landlord completions bash)", &["landlord completions bash"])]
    fn calls_are_found(#[case] line: &str, #[case] calls: &[&str]) {
        assert_eq!(landlords(line).iter().map(|words| words.join(" ")).collect::<Vec<_>>(), calls);
    }

    #[test]
    fn hidden_commands_are_not() {
        let command = Command::new("landlord").subcommand(Command::new("secret").hide(true));
        assert!(!overview(&command).contains("secret"));
    }
}
