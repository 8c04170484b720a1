//! What the keeper asks for and says, against answers that are written down; the guard itself is tried
//! on real API servers.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Mutex;

use http::{Request, Response};
use kube::client::Body;
use rstest::rstest;

use super::*;
use crate::metrics::Metrics;
use crate::readiness::{NAMESPACES, SETTINGS, TENANTS};
use crate::supervisor::Supervisor;

type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

/// The answer to a path: code and body.
type Answer = fn(&str) -> (u16, Value);

fn failure(code: u16) -> (u16, Value) {
    (
        code,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "not for you"}),
    )
}

/// An API server that answers so, and the paths that it was asked for.
fn answering(answer: impl Fn(&str) -> (u16, Value) + Clone + Send + 'static) -> (Client, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        *seen.lock().expect("counts").entry(path.clone()).or_default() += 1;
        let (code, body) = answer(&path);
        let answer =
            Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
        async { Ok::<_, Infallible>(answer.expect("an answer")) }
    });
    (Client::new(service, "default"), asked)
}

/// The paths that a keeper asks for within ten minutes, how often, and why it is not ready.
async fn keep(
    answer: impl Fn(&str) -> (u16, Value) + Clone + Send + 'static,
) -> (BTreeMap<String, usize>, Vec<String>, String) {
    let (client, asked) = answering(answer);
    let settings = Settings::from_value(&json!({})).expect("settings");
    let (_sender, settings) = channel::channel(Some(Arc::new(settings)));
    let readiness = Arc::new(Readiness::default());
    for part in [NAMESPACES, TENANTS, SETTINGS] {
        readiness.reach(part);
    }
    let outcomes = Arc::new(Outcomes::new(Arc::new(Metrics::default()), None));
    let keeper = Keeper {
        client,
        outcomes: Arc::clone(&outcomes),
        signals: Arc::default(),
        leadership: Leadership::forever(),
        readiness: Arc::clone(&readiness),
        settings,
        policy: "landlord".to_owned(),
        orders: Orders { on_unready: None, place: false },
    };
    let mut supervisor = Supervisor::default();
    supervisor.spawn("guard", Duration::from_secs(600), |pulse| keeper.run(pulse));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = asked.lock().expect("counts").clone();
    (asked, readiness.missing(), outcomes.metrics().render())
}

/// Where the API server has no admission policies, or does not let the controller read them, it
/// is asked ever more rarely, before the first list as well, and the replica is not ready.
#[rstest]
#[case(403, 1)]
#[case(404, 2)]
#[case(500, 1)]
#[tokio::test(start_paused = true)]
async fn a_guard_that_cannot_be_read_is_asked_for_ever_more_rarely(
    #[case] code: u16,
    #[case] paths: usize,
) {
    let (asked, missing, _) = keep(move |_| failure(code)).await;
    assert_eq!(asked.len(), paths, "{asked:?}");
    assert!(asked.values().all(|times| (2..20).contains(times)), "{asked:?}");
    assert!(missing.iter().any(|why| why.starts_with("guard: ")), "{missing:?}");
}

fn kinds(kinds: &[&str]) -> (u16, Value) {
    let resource = |kind: &&str| json!({"name": kind.to_lowercase(), "singularName": "", "namespaced": false, "kind": kind, "verbs": ["list"]});
    let resources: Vec<Value> = kinds.iter().map(resource).collect();
    (
        200,
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "x", "resources": resources}),
    )
}

/// Only kinds that are served are asked for, and no version but theirs.
#[rstest]
#[case::validating(|path: &str| match path {
    "/apis/admissionregistration.k8s.io/v1" => kinds(&["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
    "/apis/admissionregistration.k8s.io/v1beta1" => kinds(&["ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"]),
    path if path.ends_with("/mutatingwebhookconfigurations") => (200, json!({"metadata": {}, "items": []})),
    _ => failure(500),
}, "validating", &["v1/validatingadmissionpolicies", "v1/validatingadmissionpolicybindings", "v1/mutatingwebhookconfigurations"])]
#[case::beta(|path: &str| match path {
    "/apis/admissionregistration.k8s.io/v1" => kinds(&["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
    "/apis/admissionregistration.k8s.io/v1beta1" => kinds(&["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]),
    _ => failure(500),
}, "mutating-v1beta1", &["v1/validatingadmissionpolicies", "v1/validatingadmissionpolicybindings",
                         "v1beta1/mutatingadmissionpolicies", "v1beta1/mutatingadmissionpolicybindings"])]
#[tokio::test(start_paused = true)]
async fn only_what_is_served_is_watched(
    #[case] answer: Answer,
    #[case] form: &str,
    #[case] expected: &[&str],
) {
    let (asked, _, metrics) = keep(answer).await;
    let group = "/apis/admissionregistration.k8s.io/";
    let listed = asked.keys().filter_map(|path| path.strip_prefix(group));
    let listed: BTreeSet<&str> = listed.filter(|path| path.contains('/')).collect();
    assert_eq!(listed, expected.iter().copied().collect());
    assert!(asked.values().all(|times| (2..80).contains(times)), "{asked:?}");
    assert!(metrics.contains(&format!("landlord_guard_form{{form=\"{form}\"}} 1")), "{metrics}");
}
