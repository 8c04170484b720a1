//! Commands about one namespace: they read that one and its tenant, whatever the size of the
//! cluster. The API server in memory counts what they ask for.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use fake_apiserver::InMemory;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::landlord::{Run, run};

/// Requests by verb and plural.
pub(crate) type Requests = BTreeMap<(&'static str, String), usize>;

/// A server with many namespaces and tenants, and a folder with a way to it.
pub(crate) struct Crowd {
    pub(crate) server: InMemory,
    folder: TempDir,
}

impl Crowd {
    pub(crate) async fn start() -> Self {
        let server = InMemory::default();
        for number in 0..20 {
            put(&server, tenant(&format!("tenant-{number}"), &[]));
        }
        put(&server, tenant("web", &["web-"]));
        for number in 0..200 {
            put(
                &server,
                namespace(&format!("other-{number}"), json!({"landlord.dev/tenant": "tenant-3"})),
            );
        }
        put(&server, namespace("labelled", json!({"landlord.dev/tenant": "tenant-7"})));
        put(&server, namespace("web-of-old-shop", json!({})));
        put(&server, namespace("nobodys-own", json!({})));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let folder = write_kubeconfig(listener.local_addr().expect("an address"));
        tokio::spawn(server.clone().serve(listener));
        Self { server, folder }
    }

    /// Flags by which a command finds the server, and these settings.
    pub(crate) fn write_settings(&self, identify: &Value) -> [String; 2] {
        write_settings(&self.folder, &json!({"identify": identify}))
    }

    /// Runs a command; what it said, and what it asked for.
    pub(crate) async fn run(&self, words: &str, identify: Value) -> (Run, Requests) {
        let words = format!("{words} {}", self.write_settings(&identify).join(" "));
        self.server.faults().forget_requests();
        let run = tokio::task::spawn_blocking(move || run(&words)).await.expect("the command");
        // How a kind is spelled is no question about an object.
        let asked = self.server.faults().all_requests().clone();
        (run, asked.into_iter().filter(|((verb, _), _)| *verb != "discover").collect())
    }
}

/// A folder with the way to the server at this address.
pub(crate) fn write_kubeconfig(address: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": format!("http://{address}")}}], "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).expect("a file");
    folder
}

/// Flags by which a command finds that server, and these settings.
pub(crate) fn write_settings(folder: &TempDir, settings: &Value) -> [String; 2] {
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("settings.yaml"), settings.to_string()).expect("a file");
    [("kubeconfig", "kubeconfig"), ("settings", "settings.yaml")]
        .map(|(flag, name)| format!("--{flag}={}", file(name)))
}

pub(crate) fn put(server: &InMemory, object: Value) {
    server.put(object).expect("an object");
}

fn tenant(name: &str, prefixes: &[&str]) -> Value {
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name},
           "spec": {"labels": {"billing": "{{tenant.name}}"}, "namespaces": {"prefixes": prefixes}}})
}

pub(crate) fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn requests<const N: usize>(counts: [(&'static str, &str, usize); N]) -> Requests {
    counts.map(|(verb, plural, count)| ((verb, plural.to_owned()), count)).into()
}

#[rstest]
#[case::explain("explain labelled", requests([("get", "namespaces", 1), ("get", "tenants", 1)]))]
#[case::dry("adopt labelled --dry-run", requests([("get", "namespaces", 1), ("get", "tenants", 1)]))]
#[case::adopt("adopt labelled", requests([("get", "namespaces", 1), ("get", "tenants", 1), ("patch", "namespaces", 1)]))]
#[case::moved("move labelled --to tenant-8", requests([("get", "namespaces", 1), ("get", "tenants", 2), ("patch", "namespaces", 1)]))]
#[tokio::test(flavor = "multi_thread")]
async fn one_namespace_is_read_and_what_it_names(#[case] words: &str, #[case] expected: Requests) {
    let crowd = Crowd::start().await;
    let (run, asked) = crowd.run(words, json!([{"label": "landlord.dev/tenant"}])).await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    assert_eq!(asked, expected);
}

/// A prefix may mean several tenants; each is asked for by name.
#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_is_tried_tenant_by_tenant() {
    let crowd = Crowd::start().await;
    let prefixes = json!(
        [3, 2, 1].map(|segments| json!({"namePrefix": {"separator": "-", "segments": segments}}))
    );
    let (run, asked) = crowd.run("explain web-of-old-shop", prefixes).await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    assert!(run.out.contains("web"), "{}", run.out);
    assert_eq!(asked, requests([("get", "namespaces", 1), ("get", "tenants", 3)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_nobody_claims_needs_no_tenant() {
    let crowd = Crowd::start().await;
    let (run, asked) =
        crowd.run("explain nobodys-own", json!([{"label": "landlord.dev/tenant"}])).await;
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert_eq!(asked, requests([("get", "namespaces", 1)]));
}

/// Only then names are listed, one page, to say which one was meant.
#[rstest]
#[case::namespace(
    "explain labeled",
    "there is no namespace \"labeled\": did you mean \"labelled\"?"
)]
#[case::target(
    "move labelled --to tenant",
    "there is no tenant \"tenant\": did you mean \"tenant-0\"?"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_there_gets_a_suggestion(#[case] words: &str, #[case] says: &str) {
    let crowd = Crowd::start().await;
    let (run, asked) = crowd.run(words, json!([{"label": "landlord.dev/tenant"}])).await;
    assert_eq!(run.code, Some(1), "{}", run.out);
    assert!(run.err.contains(says), "{}", run.err);
    let lists: usize =
        asked.iter().filter(|((verb, _), _)| *verb == "list").map(|(_, count)| count).sum();
    assert_eq!(lists, 1, "{asked:?}");
    assert!(asked.keys().all(|(verb, _)| *verb != "patch"), "{asked:?}");
}
