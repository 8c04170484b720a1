//! Server: an API server of a few fixed answers, which keeps what it was asked with all headers.

use std::fs;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::landlord::{Run, run};

/// An API server of a few fixed answers, and the requests that it got, with their headers.
#[derive(Clone)]
pub(super) struct Server {
    version: Option<(&'static str, &'static str)>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn of_version(major: &'static str, minor: &'static str) -> Self {
        Self { version: Some((major, minor)), requests: Arc::default() }
    }

    /// It answers no request.
    pub(super) fn silent() -> Self {
        Self { version: None, requests: Arc::default() }
    }

    /// Runs a command against it.
    pub(super) async fn run(&self, words: &str) -> Run {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let folder = kubeconfig(&listener);
        let words = format!("{words} --kubeconfig={}/kubeconfig", folder.path().display());
        let router = Router::new().fallback(answer).with_state(self.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let run = tokio::task::spawn_blocking(move || run(&words)).await.expect("the command");
        server.abort();
        run
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("requests").clone()
    }
}

fn kubeconfig(listener: &TcpListener) -> TempDir {
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": url}}], "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]});
    fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).expect("a file");
    folder
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let seen = format!("{method} {path} {:?}", request.headers());
    server.requests.lock().expect("requests").push(seen);
    let Some((major, minor)) = server.version else {
        std::future::pending::<()>().await;
        unreachable!("it answers nothing")
    };
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [
        {"name": "kube-apiserver", "command": ["kube-apiserver", "--enable-admission-plugins=PodNodeSelector"]}]}});
    let controller = json!({"metadata": {"name": "landlord-controller"}, "spec": {"selector": {}, "template": {"spec":
        {"containers": [{"name": "controller", "image": "ghcr.io/landlord-dev/landlord:v0.1.0"}]}}}});
    // The kinds of the guard, since which minor version they are served, and their lists.
    let kinds = [("mutating", "Mutating", 36), ("validating", "Validating", 30)];
    let served = kinds
        .into_iter()
        .filter(|(.., since)| minor.parse().is_ok_and(|minor: u32| minor >= *since));
    let resources: Vec<Value> = served
        .flat_map(|(plural, kind, _)| {
            [("policies", "Policy"), ("policybindings", "PolicyBinding")].map(|(names, suffix)| {
                json!({"name": format!("{plural}admission{names}"), "singularName": "", "namespaced": false,
                    "kind": format!("{kind}Admission{suffix}"), "verbs": ["list"]})
            })
        })
        .collect();
    let found = match (method, path.as_str()) {
        (Method::GET, "/apis/admissionregistration.k8s.io/v1") => {
            json!({"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": "admissionregistration.k8s.io/v1", "resources": resources})
        }
        (Method::GET, path) if path.starts_with("/apis/admissionregistration.k8s.io/v1/") => {
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "List", "metadata": {}, "items": []})
        }
        (Method::GET, "/version") => {
            json!({"major": major, "minor": minor, "gitVersion": format!("v{major}.{minor}.0"),
            "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""})
        }
        (Method::GET, "/apis/apps/v1/namespaces/landlord/deployments") => {
            json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "metadata": {}, "items": [controller]})
        }
        (Method::GET, "/api/v1/namespaces/kube-system/pods") => {
            json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [pod]})
        }
        (Method::GET, "/api/v1/namespaces") => {
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {}, "items": []})
        }
        (Method::POST, "/api/v1/namespaces/default/pods") => pod,
        _ => {
            let status = json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
                "message": "the server could not find the requested resource", "reason": "NotFound", "code": 404});
            return (StatusCode::NOT_FOUND, Json(status)).into_response();
        }
    };
    Json(found).into_response()
}
