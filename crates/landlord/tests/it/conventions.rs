//! What users bring from kubectl, flux and cilium: `version`, impersonation, a time for requests, a
//! log of them, JSONPath, waiting, a check before the installation.

use std::fs;
use std::process::Command;
use std::time::Duration;

use local_cluster::process::Program;
use local_cluster::waiting::PATIENCE;
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};

use self::server::Server;
use crate::landlord::{binary, run, run_command, run_in, run_on};
use crate::single::{Crowd, namespace, put};

mod server;

/// How often something is asked that is waited for.
const LOOK: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_client_and_server() {
    let server = Server::of_version("1", "36");
    let run = server.run("version -o json").await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    let found: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(found["apiVersion"], "landlord.dev/version/v1");
    assert_eq!(found["client"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(found["client"].as_object().expect("a client").contains_key("commit"), "{found}");
    assert_eq!(found["server"]["kubernetes"], "v1.36.0");
    assert_eq!(found["server"]["controllers"], json!(["ghcr.io/landlord-dev/landlord:v0.1.0"]));

    let table = server.run("version").await.out;
    assert!(table.contains("Kubernetes: v1.36.0\ncontroller: ghcr.io/landlord-dev"), "{table}");
}

/// As of kubectl: its own version is known without a cluster.
#[test]
fn the_own_version_needs_no_cluster() {
    let own = run("version --client -o jsonpath={.client.version}");
    assert_eq!((own.code, own.out.as_str()), (Some(0), env!("CARGO_PKG_VERSION")));
    let run = run_in([("HOME", "/nonexistent")], "version");
    assert_eq!(run.code, Some(1));
    assert!(run.out.starts_with("landlord:   0.") && run.out.lines().count() == 1, "{}", run.out);
    assert!(run.err.starts_with("error: no cluster: "), "{}", run.err);
    assert_eq!(run.err.matches("No such file").count(), 1, "said once: {}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_made_as_another_user() {
    let server = Server::of_version("1", "36");
    let run = server.run("version --as jane --as-group dev --as-group ops").await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    for header in [
        r#""impersonate-user": "jane""#,
        r#""impersonate-group": "dev""#,
        r#""impersonate-group": "ops""#,
    ] {
        assert!(requests.iter().all(|seen| seen.contains(header)), "{header}: {requests:?}");
    }
    let plain = Server::of_version("1", "36");
    plain.run("version").await;
    assert!(!plain.requests().concat().contains("impersonate"), "{:?}", plain.requests());
    let groups_only = plain.run("version --as-group dev").await;
    assert_eq!(groups_only.code, Some(1));
    assert!(groups_only.err.contains("--as <USER>"), "{}", groups_only.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_given_up_after_its_time() {
    let run = Server::silent().run("version --request-timeout 100ms").await;
    assert_eq!(run.code, Some(1));
    let says =
        "error: Kubernetes' version: the API server did not answer GET /version within 100 ms\n";
    assert!(run.err.starts_with(says), "{}", run.err);
    assert!(run.err.contains("fix: is the API server up"), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_logged_if_asked_for() {
    let server = Server::of_version("1", "36");
    assert_eq!(server.run("version").await.err, "");
    for flag in ["-v", "--log-level=debug"] {
        let run = server.run(&format!("version {flag}")).await;
        let line = run.err.lines().find(|line| line.contains("status=200"));
        let line = line.unwrap_or_else(|| panic!("{flag}: {}", run.err));
        assert!(line.contains("GET") && line.contains("/version"), "{line}");
        assert!(!run.out.contains("GET"), "it is on standard error: {}", run.out);
    }
    let wrong = server.run("version --log-level=cluster=loud").await;
    assert!(wrong.code == Some(1) && wrong.err.contains("is no level"), "{}", wrong.err);
}

#[rstest]
#[case::fit("36", 0, "the API server is Kubernetes 1.36\n")]
#[case::older(
    "35",
    0,
    "Kubernetes 1.35 and serves no MutatingAdmissionPolicies; the guard can have its form validating: "
)]
#[case::too_old(
    "29",
    2,
    "wrong version: the API server is Kubernetes 1.29 and serves no ValidatingAdmissionPolicies"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_checked_before_the_installation(
    #[case] minor: &'static str,
    #[case] code: i32,
    #[case] says: &str,
) {
    let run = Server::of_version("1", minor).run("doctor --preflight").await;
    assert_eq!((run.code, run.err.as_str()), (Some(code), ""), "{}", run.out);
    assert!(run.out.contains(says), "{}", run.out);
    assert!(run.out.contains("has it among --enable-admission-plugins"), "{}", run.out);
}

/// Whatever the API server answers: what kube makes of it stays inside.
#[rstest]
#[case::doctor("doctor --settings=FILE")]
#[tokio::test(flavor = "multi_thread")]
async fn no_message_is_for_programmers(#[case] words: &str) {
    let settings = tempfile::NamedTempFile::new().expect("a file");
    fs::write(settings.path(), "tenantSource: {inline: []}").expect("a file");
    let words = words.replace("FILE", &settings.path().display().to_string());
    let run = Server::of_version("1", "36").run(&words).await;
    let said = run.out + &run.err;
    assert!(said.contains("the server could not find the requested resource"), "{said}");
    for word in ["ApiError", "ServiceError", "Status {", "Some(", "ListMeta"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
}

#[test]
fn parts_of_a_report() {
    let names = run("plan -f examples/getting-started -o jsonpath={.namespaces[*].name}");
    assert_eq!((names.code, names.err.as_str()), (Some(0), ""));
    assert_eq!(names.out, "lunar-lab scratch solar-batch solar-web");
    let audited = run("audit -f examples/getting-started -o jsonpath={.apiVersion}");
    assert_eq!(audited.out, "landlord.dev/audit/v1");
    let explained =
        run("explain solar-web -f examples/getting-started -o jsonpath={.namespaces[0].tenant}");
    assert_eq!(explained.out, "solar");
    let wrong = run("plan -f examples/getting-started -o jsonpath={.a");
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(1), ""));
    assert!(wrong.err.contains("-o jsonpath: ") && wrong.err.contains("brace"), "{}", wrong.err);
}

#[test]
fn a_wide_table_has_all_columns() {
    let narrow = [("COLUMNS", "50")];
    let words = "plan -f examples/getting-started -o";
    assert!(!run_in(narrow, &format!("{words} table")).out.contains("RULE"));
    let wide = run_in(narrow, &format!("{words} wide")).out;
    assert!(wide.contains("RULE") && wide.contains("label:landlord.dev/tenant"), "{wide}");
}

#[rstest]
#[case::a_pod("plan -f -", "no namespaces found in -")]
#[case::labels(
    "plan -f examples/getting-started -l nosuch=1",
    "no namespaces found with labels \"nosuch=1\""
)]
#[case::audit(
    "audit -f examples/getting-started -l nosuch=1",
    "no namespaces found with labels \"nosuch=1\""
)]
#[case::both(
    "plan -f examples/getting-started -l env=prod --tenant lunar",
    "no namespaces found with labels \"env=prod\" of tenant \"lunar\""
)]
fn a_selection_of_nothing_is_an_error(#[case] words: &str, #[case] says: &str) {
    let run = run_on(words, "{apiVersion: v1, kind: Pod, metadata: {name: a}}");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains(&format!("error: {says}\n")), "{}", run.err);
}

#[test]
fn labels_are_selected_by_sets() {
    let select = |labels: &str| {
        let words = [
            "plan",
            "-f",
            "examples/getting-started",
            "-o",
            "jsonpath={.namespaces[*].name}",
            "-l",
            labels,
        ];
        let mut command = Command::new(binary());
        let run =
            run_command(command.args(words).current_dir(crate::landlord::root()).env_clear(), "");
        assert_eq!(run.code, Some(0), "{}", run.err);
        run.out
    };
    assert_eq!(select("env in (prod, test)"), "solar-web");
    assert_eq!(
        select("env notin (prod),landlord.dev/tenant in (solar,lunar)"),
        "lunar-lab solar-batch"
    );
    assert_eq!(select("!landlord.dev/tenant"), "scratch");
}

/// What is wrong is on standard error where standard output has only names.
#[test]
fn names_alone_do_not_say_what_failed() {
    let unknown = "{apiVersion: v1, kind: Namespace, metadata: {name: a, labels: {landlord.dev/tenant: solar}}}";
    let run = run_on("plan -f - -o name", unknown);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("a: ") && run.err.contains("solar"), "{}", run.err);
}

#[rstest]
#[case::place("a: b\nc: [\n", "FILE:2:4 is neither YAML nor JSON: unclosed bracket '['")]
#[case::two_objects(
    "apiVersion: v1\nkind: Namespace\napiVersion: v1\n",
    "FILE:3:1 is neither YAML nor JSON: duplicate mapping key `apiVersion`"
)]
fn a_broken_file_is_named_with_line_and_column(#[case] text: &str, #[case] says: &str) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), text).expect("a file");
    let name = file.path().display().to_string();
    let run = run(&format!("plan -f {name}"));
    assert_eq!(run.code, Some(1));
    assert!(run.err.starts_with(&format!("error: {}", says.replace("FILE", &name))), "{}", run.err);
    for word in ["DuplicateKeyPolicy", "<input>", "error: line"] {
        assert!(!run.err.contains(word), "{word}: {}", run.err);
    }
    let is_asked = run.err.contains("is a `---` missing between two objects?");
    assert_eq!(is_asked, text.contains("Namespace"), "{}", run.err);
}

#[rstest]
#[case::two_files("plan -f a.yaml b.yaml", "write `-f a.yaml -f b.yaml`")]
#[case::namespace("status --namespace web", "namespaces of the whole cluster")]
fn kubectl_users_get_a_tip(#[case] words: &str, #[case] tip: &str) {
    let run = run(words);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains(tip) && !run.err.contains("--lease-namespace' exists"), "{}", run.err);
    assert_eq!(run.err.matches("tip:").count(), 1, "{}", run.err);
}

/// Until the last namespace is compliant; or until the time is over.
#[tokio::test(flavor = "multi_thread")]
async fn status_waits_for_compliance() {
    let crowd = Crowd::start().await;
    for number in 0..200 {
        crowd.server.remove("Namespace", &format!("other-{number}"));
    }
    let identify = json!([{"label": "landlord.dev/tenant"}]);
    let words = "status --wait --interval=1 -o json";
    let (late, _) = crowd.run(&format!("{words} --timeout=0"), identify.clone()).await;
    assert_eq!(late.code, Some(2), "{}", late.err);
    assert!(late.err.contains("still not compliant at the end of --timeout: 1\n"), "{}", late.err);

    crowd.server.faults().forget_requests();
    let server = crowd.server.clone();
    let freeing = tokio::spawn(async move {
        // The list of a first look is behind it.
        while server.faults().requests("list", "namespaces") == 0 {
            tokio::time::sleep(LOOK).await;
        }
        put(&server, namespace("labelled", json!({})));
    });
    let (waited, _) = crowd.run(&format!("{words} --timeout=5m"), identify).await;
    freeing.await.expect("the namespace is free");
    assert_eq!(waited.code, Some(0), "{}", waited.err);
    assert!(waited.out.contains("\"landlord.dev/status/v1\""), "{}", waited.out);
}

/// What was not tried is neither written nor compliant, and said.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backfill_says_what_is_left() {
    let crowd = Crowd::start().await;
    let flags = crowd.write_settings(&json!([{"label": "landlord.dev/tenant"}]));
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let words = ["backfill".to_owned(), "--max-writes-per-second=1".to_owned()];
    let program = Program::new("backfill", binary(), &log).args(words.into_iter().chain(flags));
    let mut process = program.start().expect("it starts");
    // The second is sent once the first is counted.
    let written = async {
        while crowd.server.faults().patches().len() < 2 {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.expect("namespaces are written");
    process.signal(Signal::SIGINT).expect("a signal");
    let ended = tokio::task::spawn_blocking(move || process.wait(PATIENCE));
    let status = ended.await.expect("a status").expect("a status").expect("it ends");
    let said = fs::read_to_string(&log).expect("its words");
    assert_eq!(status.code(), Some(130), "{said}");
    let summary =
        said.lines().find(|line| line.starts_with("203 namespaces: ")).expect("a summary");
    let number = |before: &str| -> usize {
        let words: Vec<&str> = summary.split_whitespace().collect();
        let at = words.windows(2).position(|pair| pair[1] == before).expect("a number");
        words[at].parse().expect("a number")
    };
    let (written, drifted, left) = (number("of"), 201, number("not"));
    assert!(
        summary.contains(" of 201 written") && summary.contains("not written yet"),
        "{summary}"
    );
    assert!(written > 0 && written + left == drifted, "{summary}");
}
