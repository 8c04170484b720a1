//! World: a cluster, and controllers that look after it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Event, Namespace};
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use local_cluster::manifest::{api_of, apply_object};
use local_cluster::process::Program;
use local_cluster::user::{ADMIN, CONTROLLER};
use local_cluster::{Builder, CAPSULE_DEFINITION, Cluster, Kubewarden, Port, Process};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::root;

pub use local_cluster::eventually;
pub use local_cluster::waiting::comes_true;

pub const LEDGER: &str = "landlord.dev/ledger";
/// The scheduling gate of held Pods.
pub const GATE: &str = "landlord.dev/provisioning";
pub const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

pub type Map = BTreeMap<String, String>;

pub struct World {
    // Ends before the cluster.
    controllers: Vec<Process>,
    /// The policy behind its webhook, where a test has both stages.
    pub policy: Option<Kubewarden>,
    /// What was reserved for its controllers.
    ports: Vec<Port>,
    pub cluster: Cluster,
    /// The program that its controllers run.
    pub landlord: PathBuf,
    pub source: &'static str,
    /// More arguments of the controllers that are started from then on.
    pub flags: Vec<&'static str>,
}

impl World {
    /// This cluster with landlord's and Capsule's kinds, without a controller. `source` is the
    /// settings' `tenantSource`, and `landlord` the program.
    pub async fn on(builder: Builder, source: &'static str, landlord: &Path) -> Self {
        let cluster = builder.start().await.expect("a cluster");
        let file = |name: &str| {
            fs::read_to_string(root().join("deploy").join(name)).expect("a file of the repository")
        };
        for yaml in
            [CAPSULE_DEFINITION, &file("crds.yaml"), &file("rbac.yaml"), &file("flow-schema.yaml")]
        {
            cluster.apply(yaml).await.expect("a manifest that the API server takes");
        }
        let landlord = landlord.to_owned();
        let world = Self {
            controllers: Vec::new(),
            policy: None,
            ports: Vec::new(),
            cluster,
            landlord,
            source,
            flags: Vec::new(),
        };
        world.set_settings(&json!({"tenantSource": source}));
        world
    }

    pub fn set_settings(&self, settings: &Value) {
        // In one step: who reads a half-written file goes by other settings for a while.
        let unfinished = self.cluster.file("settings.unfinished");
        fs::write(&unfinished, settings.to_string()).expect("a file");
        fs::rename(unfinished, self.cluster.file("settings.yaml")).expect("a file");
    }

    /// Starts one more controller and waits until it says where it listens.
    pub async fn add_controller(&mut self, identity: &str) -> usize {
        let settings = format!("--settings={}", self.cluster.file("settings.yaml").display());
        self.add_controller_reading(&settings, identity).await
    }

    /// The same with this argument for the settings.
    pub async fn add_controller_reading(&mut self, settings: &str, identity: &str) -> usize {
        self.add_controller_with(&[settings], identity).await
    }

    /// The same with these arguments beside those that every controller of a test has.
    pub async fn add_controller_with(&mut self, arguments: &[&str], identity: &str) -> usize {
        let program = Program::new(identity, &self.landlord, self.cluster.log(identity)).args([
            "controller".to_owned(),
            format!("--kubeconfig={}", self.cluster.kubeconfig_of(CONTROLLER).display()),
            "--listen=127.0.0.1:0".to_owned(),
            format!("--identity={identity}"),
        ]);
        let program = program.args(self.flags.iter().copied()).args(arguments.iter().copied());
        // The last of its addresses that it prints.
        let has_dashboard =
            self.flags.iter().chain(arguments).any(|argument| argument.starts_with("--web="));
        let address = if has_dashboard { "dashboard on " } else { "listening on " };
        self.controllers.push(program.start().expect("the controller starts"));
        let controller = self.controllers.last_mut().expect("the controller");
        let log = self.cluster.log(identity);
        eventually("the controller's address", async || {
            assert!(controller.runs(), "{}", controller.last_words());
            fs::read_to_string(&log).unwrap_or_default().contains(address)
        })
        .await;
        self.controllers.len() - 1
    }

    /// A port for a controller, and for the one that comes after it on the same address.
    pub fn reserve_port(&mut self) -> u16 {
        self.ports.push(Port::reserve().expect("a port"));
        self.ports.last().expect("a port").number()
    }

    pub fn controller(&mut self, index: usize) -> &mut Process {
        &mut self.controllers[index]
    }

    /// Sends a signal to a controller: SIGSTOP freezes it.
    pub fn signal(&self, index: usize, signal: Signal) {
        self.controllers[index].signal(signal).expect("a signal");
    }

    /// Sends a signal that ends a controller, and waits until it has ended.
    pub async fn end_controller(&mut self, index: usize, signal: Signal) {
        let controller = &mut self.controllers[index];
        controller.signal(signal).expect("a signal");
        eventually("the controller's end", async || !controller.runs()).await;
    }

    pub fn log(&self, identity: &str) -> String {
        fs::read_to_string(self.cluster.log(identity)).unwrap_or_default()
    }

    /// A page of a controller: its status code and text.
    pub async fn page(&self, identity: &str, path: &str) -> String {
        let log = self.log(identity);
        let address =
            log.lines().find_map(|line| line.strip_prefix("listening on ")).expect("its address");
        let mut config = kube::Config::new(address.parse().expect("a URL"));
        // A 503 is an answer here.
        config.default_retry = false;
        let client = Client::try_from(config).expect("a client");
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        client.request_text(request).await.unwrap_or_else(|error| error.to_string())
    }

    pub fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.cluster.client(ADMIN).expect("a client"))
    }

    pub fn tenant_label(&self) -> &'static str {
        if self.source == "capsule" { "capsule.clastix.io/tenant" } else { "landlord.dev/tenant" }
    }

    fn tenant(&self, name: &str, spec: Value) -> Value {
        let api_version = if self.source == "capsule" {
            "capsule.clastix.io/v1beta2"
        } else {
            "landlord.dev/v1alpha1"
        };
        json!({"apiVersion": api_version, "kind": "Tenant", "metadata": {"name": name}, "spec": spec})
    }

    /// Creates a tenant, or replaces its spec.
    pub async fn set_tenant(&self, name: &str, spec: Value) {
        let object = serde_json::from_value(self.tenant(name, spec)).expect("an object");
        apply_object(&self.cluster.client(ADMIN).expect("a client"), &object)
            .await
            .expect("a tenant that the API server takes");
    }

    pub async fn delete_tenant(&self, name: &str) {
        let object = serde_json::from_value(self.tenant(name, json!({}))).expect("an object");
        let api = api_of(&self.cluster.client(ADMIN).expect("a client"), &object)
            .await
            .expect("the kind");
        api.delete(name, &DeleteParams::default()).await.expect("deleted");
    }

    /// Creates a namespace with these labels beside its tenant's.
    pub async fn create(&self, name: &str, tenant: &str, mut labels: Value) {
        labels[self.tenant_label()] = json!(tenant);
        self.create_bare(name, labels).await;
    }

    pub async fn create_bare(&self, name: &str, labels: Value) {
        let body = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))
            .expect("a namespace");
        self.namespaces().create(&PostParams::default(), &body).await.expect("created");
    }

    pub async fn patch(&self, name: &str, metadata: Value) {
        self.patch_as("tests", name, metadata).await;
    }

    /// The same by this field manager.
    pub async fn patch_as(&self, manager: &str, name: &str, metadata: Value) {
        let patch = Patch::Merge(json!({"metadata": metadata}));
        self.namespaces()
            .patch(
                name,
                &PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() },
                &patch,
            )
            .await
            .expect("patched");
    }

    /// Changes metadata through the subresource `status`.
    pub async fn patch_status(&self, name: &str, metadata: Value) {
        let patch = Patch::Merge(json!({"metadata": metadata}));
        self.namespaces()
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .expect("patched");
    }

    /// The status of one of landlord's own tenants.
    pub async fn status(&self, tenant: &str) -> Value {
        let object = serde_json::from_value(self.tenant(tenant, json!({}))).expect("an object");
        let api = api_of(&self.cluster.client(ADMIN).expect("a client"), &object)
            .await
            .expect("the kind");
        api.get(tenant).await.expect("the tenant").data["status"].clone()
    }

    /// One condition of that status.
    pub async fn condition(&self, tenant: &str, kind: &str) -> Value {
        let status = self.status(tenant).await;
        let mut conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.find(|one| one["type"] == kind).cloned().unwrap_or_default()
    }

    /// Events about an object: reasons and notes.
    pub async fn events(&self, kind: &str, name: &str) -> Vec<(String, String)> {
        self.events_about(kind, |one| one == name).await
    }

    /// Events about all objects of a kind.
    pub async fn events_of(&self, kind: &str) -> Vec<(String, String)> {
        self.events_about(kind, |_| true).await
    }

    async fn events_about(
        &self,
        kind: &str,
        is_about: impl Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let api: Api<Event> =
            Api::namespaced(self.cluster.client(ADMIN).expect("a client"), "default");
        let events = api.list(&ListParams::default()).await.expect("events").into_iter();
        let about = |event: &Event| {
            let object = &event.involved_object;
            object.kind.as_deref() == Some(kind) && object.name.as_deref().is_some_and(&is_about)
        };
        events
            .filter(about)
            .map(|event| (event.reason.unwrap_or_default(), event.message.unwrap_or_default()))
            .collect()
    }

    /// The ledger of a namespace.
    pub async fn ledger(&self, name: &str) -> String {
        let found = self.namespaces().get(name).await.expect("the namespace").metadata;
        found.annotations.unwrap_or_default().get(LEDGER).cloned().unwrap_or_default()
    }

    /// Labels, and annotations without the record: ledger and stamp.
    pub async fn metadata(&self, name: &str) -> (Map, Map) {
        let found = self.namespaces().get(name).await.expect("the namespace").metadata;
        let mut annotations = found.annotations.unwrap_or_default();
        annotations.remove(LEDGER);
        annotations.remove("landlord.dev/creator");
        (found.labels.unwrap_or_default(), annotations)
    }

    /// Waits until a namespace carries exactly these labels (beside its name's and its tenant's)
    /// and annotations.
    pub async fn comes_to<const L: usize, const A: usize>(
        &self,
        name: &str,
        tenant: &str,
        labels: [(&str, &str); L],
        annotations: [(&str, &str); A],
    ) {
        let mut labels = map(labels);
        labels.extend(map([("kubernetes.io/metadata.name", name), (self.tenant_label(), tenant)]));
        let wanted = (labels, map(annotations));
        comes_true(async || self.metadata(name).await == wanted).await;
        assert_eq!(
            self.metadata(name).await,
            wanted,
            "{name}; the controller says:\n{}",
            self.log("one")
        );
    }
}

pub fn map<const N: usize>(pairs: [(&str, &str); N]) -> Map {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}
