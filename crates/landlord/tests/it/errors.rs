//! Errors say what to do. What needs a cluster to go wrong is in `cluster::remedies`.

use std::fs;

use rstest::rstest;

use serde_json::Value;

use crate::landlord::{root, run, run_in};

const CONFIG: &str = "{apiVersion: v1, kind: Config, contexts: [{name: dev, context: {cluster: dev, user: dev}}, {name: prod, context: {cluster: dev, user: dev}}],
    clusters: [{name: dev, cluster: {server: 'https://127.0.0.1:9'}}], users: [{name: dev, user: {}}]CURRENT}";

#[rstest]
#[case::no_kubeconfig("", "status", &["error: no cluster", "fix: give a kubeconfig by --kubeconfig or KUBECONFIG"])]
#[case::not_there("", "status --kubeconfig /nowhere", &["/nowhere", "No such file", "fix: give a kubeconfig"])]
#[case::no_yaml("a: [", "status --kubeconfig FILE", &["kubeconfig", "failed to parse"])]
#[case::wrong_context(CONFIG, "status --kubeconfig FILE --context prd", &["there is no context \"prd\": did you mean \"prod\"?"])]
#[case::no_context(CONFIG, "status --kubeconfig FILE", &["fix: choose a context by --context", "kubectl config use-context"])]
#[case::nobody_answers(CONFIG, "plan --kubeconfig FILE --context dev", &["fix: is the API server up", "kubectl cluster-info"])]
fn the_way_to_a_cluster(#[case] config: &str, #[case] words: &str, #[case] parts: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    fs::write(&file, config.replace("CURRENT", "")).expect("a file");
    let run =
        run_in([("HOME", "/nonexistent")], &words.replace("FILE", &file.display().to_string()));
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    parts.iter().for_each(|part| assert!(run.err.contains(part), "no {part:?} in {}", run.err));
}

#[rstest]
#[case::a_command("paln", "a similar subcommand exists: 'plan'")]
#[case::a_flag("plan --filname x", "a similar argument exists: '--filename'")]
#[case::a_value("plan -o jsn", "a similar value exists: 'json'")]
#[case::a_tenant(
    "plan -f examples/getting-started --tenant sola",
    "no tenant \"sola\", and no namespace claims it: did you mean \"solar\"?"
)]
#[case::a_namespace(
    "explain solar-wbe -f examples/getting-started",
    "no namespace \"solar-wbe\" here, or the settings exclude it: did you mean \"solar-web\"?"
)]
#[case::a_check("doctor --skip node-label", "a similar value exists: 'node-labels'")]
#[case::a_word_too_few("render", "Commands:")]
#[case::a_file("plan -f nowhere.yaml", "nowhere.yaml: No such file")]
#[case::everything("release --yes", "--all")]
fn typos(#[case] words: &str, #[case] part: &str) {
    let run = run(words);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "2 is for what there is to look at");
    assert!(run.err.contains(part), "no {part:?} in {}", run.err);
}

#[test]
fn help_and_version_are_no_errors() {
    for words in ["", "--help", "help plan", "plan -h", "--version"] {
        let run = run(words);
        assert!(
            run.code == Some(0) && !run.out.is_empty() && run.err.is_empty(),
            "{words:?}: {}",
            run.err
        );
    }
}

/// The whole document, also the part that only the controller follows, and by the same words as the
/// policy (the root's tests `fixtures`).
#[rstest]
#[case::of_files(
    "-f examples/getting-started",
    &["plan", "explain solar-web", "audit"]
)]
#[case::of_a_cluster(
    "--kubeconfig CONFIG --context dev",
    &["plan", "explain web", "audit", "status", "doctor", "backfill", "adopt web", "move web --to sun", "release --all", "strategy"]
)]
#[case::of_nothing("", &["render guard"])]
fn a_wrong_strategy_is_refused_by_every_command(#[case] source: &str, #[case] commands: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, settings) = (folder.path().join("config"), folder.path().join("settings.json"));
    fs::write(&config, CONFIG.replace("CURRENT", "")).expect("a file");
    let mistakes =
        fs::read_to_string(root().join("e2e-tests/settings-mistakes.json")).expect("the mistakes");
    let mistakes: Vec<Value> = serde_json::from_str(&mistakes).expect("JSON");
    let source = source.replace("CONFIG", &config.display().to_string());
    let mut tried = 0;
    for mistake in mistakes.iter().filter(|mistake| mistake["settings"]["strategy"] != Value::Null)
    {
        fs::write(&settings, mistake["settings"].to_string()).expect("a file");
        for command in commands {
            let run = run(&format!("{command} {source} --settings {}", settings.display()));
            assert_eq!(
                (run.code, run.out.as_str()),
                (Some(1), ""),
                "{command}: {}",
                mistake["name"]
            );
            let parts = mistake["message"]
                .as_array()
                .expect("parts")
                .iter()
                .map(|part| part.as_str().expect("text"));
            parts.for_each(|part| {
                assert!(
                    run.err.contains(part),
                    "{command}, {}: no {part:?} in {}",
                    mistake["name"],
                    run.err
                )
            });
            tried += 1;
        }
    }
    assert!(tried >= 19 * commands.len(), "{tried} of them");
}
