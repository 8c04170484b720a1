//! Stage: a cluster with the guard as it is rendered, and without a controller.

use http::{Method, Request};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{API_SERVER_ARGUMENTS, Builder, Cluster, Node, User};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::super::world::{LEDGER, NODE_SELECTOR, World, eventually};
use crate::landlord::run;

/// Owns the tenant solar.
pub(super) const OWNER: &str = "olivia";
/// Owns no tenant.
/// Who may create namespaces with excluded names.
pub(super) const OPERATOR: &str = "operator";
pub(super) const STRANGER: &str = "mallory";
pub(super) use super::super::world::GATE;

/// More than anybody should have. The controller is among them: it lets Pods go.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: careless}
rules:
- {apiGroups: [""], resources: ["*"], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: careless}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: careless}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: tenant-members}
- {kind: ServiceAccount, namespace: landlord, name: controller}
"#;

/// Namespaces that the guard is tried on; nobody has looked at them, and one is labelled.
const PROBE: &str = "probe";
const FREE_PROBE: &str = "probe-free";

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) settings: Value,
}

/// An answer of the API server that is a refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) message: String,
}

pub(super) fn builder() -> Builder {
    Cluster::builder()
        .user(User::member(OWNER, ["solar-admins"]))
        .user(User::member(STRANGER, ["strangers"]))
        .user(User::member(OPERATOR, ["strangers"]))
}

/// Settings with this tenant source.
pub(super) fn settings(source: &str) -> Value {
    json!({"tenantSource": source, "excludedNamespaces": ["kube-*", "landlord", "default"],
           "platformOperators": {"users": [OPERATOR]}})
}

impl Stage {
    /// Two nodes a pool, and the guard rendered with these flags.
    pub(super) async fn new(builder: Builder, source: &'static str, flags: &str) -> Self {
        let world = World::on(builder, source).await;
        for pool in ["solar", "lunar"] {
            let nodes =
                [1, 2].map(|number| Node::new(format!("{pool}-{number}")).label("pool", pool));
            world.cluster.add_nodes(nodes).await.expect("nodes");
        }
        for yaml in [MEMBERS_RIGHTS, RIGHTS] {
            world.cluster.apply(yaml).await.expect("rights");
        }
        let stage = Self { world, settings: settings(source) };
        stage
            .create(ADMIN, json!({"name": PROBE, "labels": {stage.label(): "nobody"}}))
            .await
            .expect("created");
        stage.create(ADMIN, json!({"name": FREE_PROBE})).await.expect("created");
        stage.install(flags).await;
        stage
    }

    /// Installs the guard, and waits until the API server goes by it.
    pub(super) async fn install(&self, flags: &str) {
        self.world
            .cluster
            .apply(&self.render(flags))
            .await
            .expect("a guard that the API server takes");
        let all = flags.contains("all") || self.settings["guard"]["scope"] == "all";
        let refuses = flags.contains("deny") || flags.contains("without-mutating-policies");
        let stopped = async |name| match self.try_pod(STRANGER, name, json!({})).await {
            Ok(pod) => is_held(&pod) && !refuses,
            Err(refusal) => refusal.message.contains("not ready") && refuses,
        };
        eventually("the guard in force", async || {
            stopped(PROBE).await && stopped(FREE_PROBE).await == all
        })
        .await;
        eventually("binding in force", async || {
            self.try_to_bind(STRANGER, PROBE).await.is_err_and(|one| one.code == 403)
        })
        .await;
    }

    fn render(&self, flags: &str) -> String {
        let file = NamedTempFile::with_suffix(".yaml").expect("a file");
        std::fs::write(file.path(), self.settings.to_string()).expect("written");
        // Where the API server serves nothing newer.
        let arguments = std::env::var(API_SERVER_ARGUMENTS).unwrap_or_default();
        let beta = arguments.contains("v1beta1") && !flags.contains("without-mutating-policies");
        let version = if beta { "--mutating-policies=v1beta1" } else { "" };
        let run =
            run(&format!("render guard --settings={} {flags} {version}", file.path().display()));
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
        run.out
    }

    pub(super) fn client(&self, user: &str) -> Client {
        self.world.cluster.client(user).expect("a client")
    }

    pub(super) fn label(&self) -> &'static str {
        self.world.tenant_label()
    }

    pub(super) async fn create(&self, user: &str, metadata: Value) -> Result<Namespace, Refusal> {
        let body = serde_json::from_value(json!({"metadata": metadata})).expect("a namespace");
        refusal(Api::all(self.client(user)).create(&PostParams::default(), &body).await)
    }

    /// What would become of a namespace: nothing is stored.
    pub(super) async fn try_to_create(
        &self,
        user: &str,
        metadata: Value,
    ) -> Result<Namespace, Refusal> {
        let body = serde_json::from_value(json!({"metadata": metadata})).expect("a namespace");
        refusal(
            Api::all(self.client(user))
                .create(&PostParams { dry_run: true, ..PostParams::default() }, &body)
                .await,
        )
    }

    pub(super) async fn get(&self, name: &str) -> Namespace {
        self.world.namespaces().get(name).await.expect("the namespace")
    }

    /// What would become of a namespace by a merge of metadata: nothing is stored.
    pub(super) async fn try_to_patch(
        &self,
        user: &str,
        name: &str,
        metadata: Value,
    ) -> Result<Namespace, Refusal> {
        let (api, params): (Api<Namespace>, _) =
            (Api::all(self.client(user)), PatchParams { dry_run: true, ..PatchParams::default() });
        refusal(api.patch(name, &params, &Patch::Merge(json!({"metadata": metadata}))).await)
    }

    /// Merges metadata into a namespace.
    pub(super) async fn patch(
        &self,
        user: &str,
        name: &str,
        metadata: Value,
    ) -> Result<Namespace, Refusal> {
        let api: Api<Namespace> = Api::all(self.client(user));
        refusal(
            api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"metadata": metadata})))
                .await,
        )
    }

    /// A namespace as landlord leaves it.
    pub(super) async fn ready(&self, name: &str, tenant: &str) {
        self.create(ADMIN, json!({"name": name, "labels": {self.label(): tenant}}))
            .await
            .expect("created");
        self.make_ready(name, tenant).await;
    }

    pub(super) async fn make_ready(&self, name: &str, tenant: &str) {
        let annotations = json!({LEDGER: ledger(tenant), NODE_SELECTOR: format!("pool={tenant}")});
        self.patch(ADMIN, name, json!({"annotations": annotations})).await.expect("patched");
    }

    /// Creates a Pod; `spec` is added to that of a Pod with one container.
    pub(super) async fn pod(
        &self,
        user: &str,
        namespace: &str,
        name: &str,
        spec: Value,
    ) -> Result<Pod, Refusal> {
        let api: Api<Pod> = Api::namespaced(self.client(user), namespace);
        refusal(api.create(&PostParams::default(), &pod(name, spec)).await)
    }

    pub(super) async fn get_pod(&self, namespace: &str, name: &str) -> Pod {
        Api::namespaced(self.client(ADMIN), namespace).get(name).await.expect("the Pod")
    }

    /// What would become of a Pod: nothing is stored.
    pub(super) async fn try_pod(
        &self,
        user: &str,
        namespace: &str,
        spec: Value,
    ) -> Result<Pod, Refusal> {
        let api: Api<Pod> = Api::namespaced(self.client(user), namespace);
        refusal(
            api.create(&PostParams { dry_run: true, ..PostParams::default() }, &pod("trial", spec))
                .await,
        )
    }

    /// Creates a Pod that is not held, once the API server knows that none is held there any more.
    pub(super) async fn passing_pod(
        &self,
        user: &str,
        namespace: &str,
        name: &str,
        spec: Value,
    ) -> Pod {
        let passes = async || {
            self.try_pod(user, namespace, spec.clone())
                .await
                .is_ok_and(|pod| gates(&pod).is_empty())
        };
        eventually(&format!("a Pod that passes in {namespace}"), passes).await;
        let made = self.pod(user, namespace, name, spec).await.expect("it passes");
        assert_eq!(gates(&made), [""; 0], "{namespace}/{name}");
        made
    }

    /// Puts a Pod on a node by the older of the two ways.
    pub(super) async fn bind(
        &self,
        user: &str,
        namespace: &str,
        pod: &str,
        node: &str,
    ) -> Result<Value, Refusal> {
        let body = json!({"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}});
        self.send(
            user,
            Method::POST,
            &format!("/api/v1/namespaces/{namespace}/bindings"),
            "application/json",
            &body,
        )
        .await
    }

    /// The same for no Pod and no node, stored nowhere.
    async fn try_to_bind(&self, user: &str, namespace: &str) -> Result<Value, Refusal> {
        let body =
            json!({"metadata": {"name": "none"}, "target": {"kind": "Node", "name": "none"}});
        self.send(
            user,
            Method::POST,
            &format!("/api/v1/namespaces/{namespace}/bindings?dryRun=All"),
            "application/json",
            &body,
        )
        .await
    }

    /// Any request at all.
    pub(super) async fn send(
        &self,
        user: &str,
        method: Method,
        path: &str,
        content: &str,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let request = Request::builder().method(method).uri(path).header("Content-Type", content);
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        refusal(self.client(user).request(request).await)
    }
}

pub(super) fn ledger(tenant: &str) -> String {
    format!(r#"{{"tenant":"{tenant}","labels":[],"annotations":["{NODE_SELECTOR}"]}}"#)
}

pub(super) fn pod(name: &str, spec: Value) -> Pod {
    let mut body = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    spec.as_object()
        .into_iter()
        .flatten()
        .for_each(|(field, value)| body["spec"][field] = value.clone());
    serde_json::from_value(body).expect("a Pod")
}

pub(super) fn is_held(pod: &Pod) -> bool {
    gates(pod).iter().any(|gate| gate == GATE)
}

pub(super) fn gates(pod: &Pod) -> Vec<String> {
    let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.clone());
    gates.into_iter().flatten().map(|gate| gate.name).collect()
}

/// The Pod's own selector, `k=v`.
pub(super) fn selector(pod: &Pod) -> Vec<String> {
    let selector = pod.spec.as_ref().and_then(|spec| spec.node_selector.clone());
    selector.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect()
}

fn refusal<T>(answer: Result<T, Error>) -> Result<T, Refusal> {
    answer.map_err(|error| match error {
        Error::Api(status) => Refusal { code: status.code, message: status.message.clone() },
        other => panic!("no answer: {other}"),
    })
}
