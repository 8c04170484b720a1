//! Webhook: an admission webhook of another product, which answers as a test wants.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::world::World;

/// Says what becomes of an update of the namespace of this name: `Some` denies it with a status.
type Judge = Arc<dyn Fn(&str) -> Option<(u16, String)> + Send + Sync>;

/// See the module. It ends with this handle, and then denies by `failurePolicy: Ignore` nothing.
pub(super) struct Webhook {
    server: JoinHandle<()>,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

#[derive(Clone)]
struct Bench {
    judge: Judge,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Webhook {
    /// Starts it, and has the API server ask it about every update of a namespace.
    pub(super) async fn start(
        world: &World,
        judge: impl Fn(&str) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let identity = world.cluster.authority().server().expect("a certificate");
        let tls = RustlsConfig::from_pem(identity.certificate.into(), identity.key.into())
            .await
            .expect("TLS");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::default();
        let bench = Bench { judge: Arc::new(judge), asked: Arc::clone(&asked) };
        let router = Router::new().route("/", post(answer)).with_state(bench);
        let server = from_tcp_rustls(listener, tls).expect("a server");
        let server = tokio::spawn(async move {
            let _ = server.serve(router.into_make_service()).await;
        });
        let bundle = STANDARD.encode(world.cluster.authority().pem());
        let webhook = json!({"name": "other.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
            "clientConfig": {"url": format!("https://{address}/"), "caBundle": bundle},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces"], "operations": ["UPDATE"]}]});
        let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "other-product"}, "webhooks": [webhook]});
        world.cluster.apply(&configuration.to_string()).await.expect("a webhook");
        Self { server, asked }
    }

    /// How often it was asked about this namespace.
    pub(super) fn asked(&self, namespace: &str) -> usize {
        self.asked.lock().expect("counts").get(namespace).copied().unwrap_or(0)
    }
}

async fn answer(State(bench): State<Bench>, Json(review): Json<Value>) -> Json<Value> {
    let request = &review["request"];
    let name = request["name"].as_str().unwrap_or_default();
    *bench.asked.lock().expect("counts").entry(name.to_owned()).or_default() += 1;
    let mut response = json!({"uid": request["uid"], "allowed": true});
    if let Some((code, message)) = (bench.judge)(name) {
        response["allowed"] = json!(false);
        response["status"] = json!({"code": code, "message": message});
    }
    Json(
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}),
    )
}
