//! `policy-host serve` as the API server meets it, without one: HTTPS, AdmissionReview in and out,
//! an end in order.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use kube::{Client, Config};
use local_cluster::Authority;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::guests::{ACCEPT, guest_text};

/// Never answers, neither about requests nor about settings.
const LOOP: &str = "(loop (br 0)) (i32.const 1)";
/// Takes any settings; never answers to `validate`, which it knows by the length of the word.
const LAZY: &str = "(if (i32.eq (local.get 0) (i32.const 8)) (then (loop (br 0)))) (call $response (i32.const 1088) (i32.const 14)) (i32.const 1)";
/// A cluster that is not there; policies that ask nothing do not notice.
const NOWHERE: &str = "{apiVersion: v1, kind: Config, current-context: a, clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}],
  contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}]}";

struct Served {
    child: Child,
    url: String,
    authority: Authority,
    _folder: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(folder: &Path, authority: &Authority, policies: &Value) -> Command {
    let identity = authority.server().expect("a certificate");
    let files = [
        ("policies.yml", policies.to_string()),
        ("tls.crt", identity.certificate),
        ("tls.key", identity.key),
        ("kubeconfig", NOWHERE.to_owned()),
        ("loop.wat", guest_text(LOOP)),
        ("lazy.wat", guest_text(LAZY)),
    ];
    files.iter().for_each(|(name, content)| fs::write(folder.join(name), content).expect("a file"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
    command.current_dir(folder).args([
        "serve",
        "--policies",
        "policies.yml",
        "--address",
        "127.0.0.1:0",
    ]);
    command.args([
        "--cert-file",
        "tls.crt",
        "--key-file",
        "tls.key",
        "--kubeconfig",
        "kubeconfig",
        "--workers",
        "1",
    ]);
    command
}

fn serve(policies: &Value) -> Served {
    let (folder, authority) =
        (TempDir::new().expect("a folder"), Authority::new().expect("an authority"));
    let mut child = command(folder.path(), &authority, policies)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines =
        BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let url = lines
        .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
        .expect("its address");
    Served { child, url, authority, _folder: folder }
}

impl Served {
    fn client(&self) -> Client {
        let mut config = Config::new(self.url.parse().expect("a URL"));
        config.root_cert = Some(vec![self.authority.der()]);
        Client::try_from(config).expect("a client")
    }

    async fn post(&self, path: &str, body: &Value) -> Result<String, kube::Error> {
        let request = http::Request::post(path)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes());
        self.client().request_text(request.expect("a request")).await
    }
}

fn accept() -> Value {
    json!({"accept": {"module": format!("file://{}", ACCEPT.display())}})
}

fn review() -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "17", "operation": "CREATE", "object": {}}})
}

#[tokio::test]
async fn a_review_is_answered_and_counted() {
    let served = serve(&accept());
    let answer: Value =
        serde_json::from_str(&served.post("/validate/accept", &review()).await.expect("an answer"))
            .expect("JSON");
    assert_eq!(
        (&answer["apiVersion"], &answer["kind"]),
        (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
    );
    assert_eq!(
        (&answer["response"]["uid"], &answer["response"]["allowed"]),
        (&json!("17"), &json!(true))
    );
    let get = http::Request::get("/metrics").body(Vec::new()).expect("a request");
    let metrics = served.client().request_text(get).await.expect("metrics");
    let line = r#"kubewarden_policy_evaluations_total{policy_name="accept",accepted="true",mutated="false"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[rstest]
#[case("/validate/nobody", review(), "no policy \"nobody\" is served here")]
#[case("/validate/accept", json!([]), "not an AdmissionReview")]
#[case("/validate/accept", json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"}), "admissionReviewVersions: [v1]")]
#[case("/validate/accept", json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}), "has no request")]
#[tokio::test]
async fn what_is_no_review_is_refused(
    #[case] path: &str,
    #[case] body: Value,
    #[case] words: &str,
) {
    let error = serve(&accept()).post(path, &body).await.expect_err("refused").to_string();
    assert!(error.contains(words), "{error}");
}

#[rstest]
#[case(json!({"a": {"module": "https://example.com/x.wasm"}}), "cannot be fetched here")]
#[case(json!({"a": {"module": "registry://127.0.0.1:1/x:v1"}}), "cannot be reached")]
#[case(json!({"a": {"module": "nowhere.wasm"}}), "cannot be read")]
#[case(json!({"a": {"module": "policies.yml"}}), "not a WebAssembly module")]
#[case(json!({"a": {"modul": "x"}}), "modul")]
fn a_policy_that_cannot_be_served_ends_the_start(#[case] policies: Value, #[case] words: &str) {
    let (folder, authority) =
        (TempDir::new().expect("a folder"), Authority::new().expect("an authority"));
    let output = command(folder.path(), &authority, &policies).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(words), "{error}");
}

/// One worker: the second request waits until the first has met its deadline, and then meets its
/// own.
#[tokio::test]
async fn overlong_evaluations_are_ended_and_workers_are_limited() {
    let served = serve(&json!({"lazy": {"module": "lazy.wat"}}));
    let (began, review) = (Instant::now(), review());
    let (first, second) = tokio::join!(
        served.post("/validate/lazy", &review),
        served.post("/validate/lazy", &review)
    );
    for answer in [first, second] {
        let answer: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        let words = answer["response"]["status"]["message"].as_str().expect("words");
        assert!(words.contains("took longer than 2 s"), "{words}");
    }
    // Side by side they would have taken one deadline; its clock ticks, so that two are not met to
    // the millisecond.
    assert!(began.elapsed() > policy_host::module::DEADLINE.mul_f64(1.5), "one after the other");
}

#[test]
fn a_policy_that_does_not_judge_its_settings_in_time_is_not_served() {
    let (folder, authority) =
        (TempDir::new().expect("a folder"), Authority::new().expect("an authority"));
    let output = command(folder.path(), &authority, &json!({"loop": {"module": "loop.wat"}}))
        .output()
        .expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("could not be asked about its settings")
            && error.contains("longer than 2 s"),
        "{error}"
    );
}

#[tokio::test]
async fn sigterm_ends_it_in_order() {
    let mut served = serve(&accept());
    served.post("/validate/accept", &review()).await.expect("an answer");
    kill(Pid::from_raw(i32::try_from(served.child.id()).expect("a process id")), Signal::SIGTERM)
        .expect("a signal");
    assert!(served.child.wait().expect("an end").success());
}
