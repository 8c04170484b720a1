//! `landlord completions`, as a real bash uses them; other shells' code is looked at only.

use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use crate::landlord::{Run, binary, root, run, run_command};

/// What bash offers after these words; the last one is being typed.
pub(crate) fn offered(words: &str, kubeconfig: Option<&Path>) -> Vec<String> {
    offered_at(Path::new("/nonexistent"), words, kubeconfig)
}

/// The words are quoted as they are typed: bash has replaced nothing in them when it completes.
fn offered_at(home: &Path, words: &str, kubeconfig: Option<&Path>) -> Vec<String> {
    let words = words
        .split_whitespace()
        .map(|word| format!("'{}'", word.replace('=', "' '=' '")))
        .collect::<Vec<_>>()
        .join(" ");
    let script = format!(
        "source <(landlord completions bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9
         _clap_complete_landlord landlord \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let folder = binary().parent().expect("a folder").display().to_string();
    let mut command = Command::new("bash");
    command
        .args(["--norc", "-c", &script])
        .current_dir(root())
        .env_clear()
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .env("HOME", home);
    kubeconfig.map(|path| command.env("KUBECONFIG", path));
    let Run { code, out, err } = run_command(&mut command, "");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out.lines().map(|line| line.trim().to_owned()).collect()
}

#[rstest]
#[case::commands("landlord st", &["status", "strategy"])]
#[case::flags("landlord plan --det", &["--detailed-exitcode"])]
#[case::values("landlord plan --output m", &["markdown"])]
#[case::below("landlord render cr", &["crds"])]
fn bash_completes(#[case] words: &str, #[case] expected: &[&str]) {
    assert_eq!(offered(words, None), expected);
}

/// Without a cluster there is nothing to offer, and no error on the screen.
#[test]
fn without_a_cluster_no_names_are_offered() {
    assert_eq!(offered("landlord explain so", Some(Path::new("/nowhere"))), [""]);
}

/// The line's own kubeconfig counts, as it would for the command.
#[rstest]
#[case::two_words("--kubeconfig FILE")]
#[case::one("--kubeconfig=FILE")]
#[case::at_home("--kubeconfig ~/config")]
fn contexts_are_those_of_the_line(#[case] flag: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    let context = |name: &str| format!("{{name: {name}, context: {{cluster: a, user: a}}}}");
    fs::write(
        &file,
        format!(
            "{{apiVersion: v1, kind: Config, contexts: [{}, {}]}}",
            context("prod"),
            context("dev")
        ),
    )
    .expect("a file");
    let words = format!(
        "landlord status {} --context p",
        flag.replace("FILE", &file.display().to_string())
    );
    assert_eq!(offered_at(folder.path(), &words, Some(Path::new("/nowhere"))), ["prod"]);
}

#[rstest]
#[case("bash", "complete -o nospace -o bashdefault -F _clap_complete_landlord landlord")]
#[case("zsh", "#compdef landlord")]
#[case("fish", "--command landlord")]
#[case("elvish", "edit:completion:arg-completer[landlord]")]
#[case("powershell", "Register-ArgumentCompleter -Native -CommandName landlord")]
fn every_shell_has_its_code(#[case] shell: &str, #[case] part: &str) {
    let run = run(&format!("completions {shell}"));
    assert!(run.code == Some(0) && run.out.contains(part), "{}{}", run.out, run.err);
}
