//! The Helm chart on a real cluster, by a real Helm: installed, upgraded and taken away; and the
//! controller as the rendered Deployment says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, PostParams, TypeMeta,
};
use local_cluster::kubewarden::DEFINITION as POLICY_DEFINITION;
use local_cluster::manifest::{api_of, apply_object};
use local_cluster::user::ADMIN;
use local_cluster::{CAPSULE_DEFINITION, Cluster, Node, Process};
use serde_json::{Value, json};
use tempfile::TempDir;

mod hooks;

use self::hooks::{nothing_is_left_but_tenants, the_doctor_passes};
use super::rights::{audited_cluster, used_and_missing};
use super::world::{GATE, NODE_SELECTOR, comes_true, eventually};
use crate::helm::{CHART, helm};
use crate::kubelet;
use crate::landlord::{binary, root};

/// Not the namespace that everything is named after.
const NAMESPACE: &str = "tenancy";
const ACCOUNT: &str = "system:serviceaccount:tenancy:controller";
/// As much of the Prometheus Operator as takes a ServiceMonitor.
const MONITOR_DEFINITION: &str = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"},
    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}"#;

/// A cluster with a release in it.
struct Site {
    // Ends before the cluster.
    controller: Option<Process>,
    cluster: Cluster,
    audit: PathBuf,
    _folder: TempDir,
    starts: usize,
}

impl Site {
    async fn new() -> Self {
        let (builder, audit, folder) = audited_cluster();
        let cluster = builder.start().await.expect("a cluster");
        for definition in [CAPSULE_DEFINITION, POLICY_DEFINITION, MONITOR_DEFINITION] {
            cluster.apply(definition).await.expect("a kind");
        }
        cluster.add_nodes([Node::new("n1").label("pool", "solar")]).await.expect("a node");
        Self { controller: None, cluster, audit, _folder: folder, starts: 0 }
    }

    fn client(&self) -> Client {
        self.cluster.client(ADMIN).expect("a client")
    }

    /// `helm COMMAND landlord … CHART`; what it says.
    async fn helm(&self, command: &str, chart: &str, values: Value) -> String {
        let words = [command, "landlord", chart, "--namespace", NAMESPACE, "--create-namespace"]
            .map(str::to_owned);
        let kubeconfig = self.cluster.kubeconfig();
        let run = tokio::task::spawn_blocking(move || {
            helm(words.iter().map(String::as_str), &values, Some(&kubeconfig))
        });
        let run = run.await.expect("Helm");
        assert_eq!(run.code, Some(0), "{command}: {}", run.err);
        run.out
    }

    async fn upgrade(&self, values: Value) -> String {
        self.helm("upgrade", CHART, values).await
    }

    async fn deployment(&self) -> Deployment {
        Api::namespaced(self.client(), NAMESPACE)
            .get("landlord-controller")
            .await
            .expect("a Deployment")
    }

    /// Whether there is such an object in the cluster.
    async fn has(&self, api_version: &str, kind: &str, name: &str) -> bool {
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}});
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        api_of(&self.client(), &object)
            .await
            .expect("the kind")
            .get_opt(name)
            .await
            .expect("an answer")
            .is_some()
    }

    async fn has_role(&self, name: &str) -> bool {
        self.has("rbac.authorization.k8s.io/v1", "ClusterRole", name).await
    }

    async fn apply(&self, object: Value) {
        apply_object(&self.client(), &serde_json::from_value(object).expect("an object"))
            .await
            .expect("applied");
    }

    /// Runs the Deployment's container in place of the one before: a kubelet without containers.
    async fn start_controller(&mut self) {
        self.controller = None;
        self.starts += 1;
        self.rights_are_in_force().await;
        let name = format!("controller-{}", self.starts);
        self.controller = Some(kubelet::start(&self.cluster, NAMESPACE, &name).await);
    }

    /// Helm does not wait for them, and what is refused a controller that is too early would be
    /// taken for missing.
    async fn rights_are_in_force(&self) {
        for kind in ["ClusterRoleBinding", "RoleBinding"] {
            let kind = GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind);
            let api: Api<DynamicObject> =
                Api::all_with(self.client(), &ApiResource::from_gvk(&kind));
            let ours = api
                .list(&ListParams::default().labels("app.kubernetes.io/name=landlord"))
                .await
                .expect("bindings");
            // The items of a list do not say what they are.
            let types = TypeMeta { api_version: kind.api_version(), kind: kind.kind.clone() };
            let ours: Vec<DynamicObject> = ours
                .into_iter()
                .map(|one| DynamicObject { types: Some(types.clone()), ..one })
                .collect();
            assert!(!ours.is_empty());
            self.cluster.wait_until_in_force(&ours).await.expect("rights");
        }
    }

    fn log(&self) -> PathBuf {
        self.cluster.log(&format!("controller-{}", self.starts))
    }

    /// A namespace of this tenant that comes to carry its selector.
    async fn becomes_compliant(&self, name: &str, label: &str, selector: &str) {
        let tenant = name.split('-').next().expect("a tenant");
        self.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {label: tenant}}})).await;
        let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client());
        eventually(&format!("{name}; the log is {}", self.log().display()), async || {
            let annotations = namespaces
                .get(name)
                .await
                .expect("the namespace")
                .metadata
                .annotations
                .unwrap_or_default();
            annotations.get(NODE_SELECTOR).map(String::as_str) == Some(selector)
        })
        .await;
    }

    /// The API server has refused the controller nothing, and was asked for this. It writes its log
    /// a moment after it has answered.
    async fn nothing_is_missing(&self, used: &[&str]) {
        self.nothing_is_missing_to(ACCOUNT, used).await;
    }

    async fn nothing_is_missing_to(&self, account: &str, used: &[&str]) {
        let is_used = |right: &&str| used_and_missing(account, &self.audit).0.contains(*right);
        comes_true(async || used.iter().all(is_used)).await;
        let (all, missing) = used_and_missing(account, &self.audit);
        assert!(missing.is_empty(), "{missing:?}; the log is {}", self.log().display());
        used.iter()
            .for_each(|right| assert!(all.contains(*right), "{right:?} is not among {all:?}"));
    }
}

fn tenant(api_version: &str, name: &str) -> Value {
    json!({"apiVersion": api_version, "kind": "Tenant", "metadata": {"name": name}, "spec": {"nodeSelector": {"pool": name}}})
}

/// What those apply who have no Helm, as it is; the controller comes in two forms, of which the
/// last one stays.
#[tokio::test]
async fn everything_in_deploy_is_taken() {
    let site = Site::new().await;
    let all = [
        "crds",
        "rbac",
        "rbac-reports",
        "flow-schema",
        "cluster-admission-policy",
        "cluster-admission-policy-pods",
        "guard",
        "controller-only",
        "controller",
    ];
    for name in all {
        let text =
            fs::read_to_string(root().join(format!("deploy/{name}.yaml"))).expect("a manifest");
        site.cluster.apply(&text).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(
        fs::read_dir(root().join("deploy")).expect("deploy/").count(),
        all.len(),
        "all of them"
    );
}

#[tokio::test]
async fn a_release_from_its_installation_to_its_end() {
    let mut site = Site::new().await;
    let notes = the_defaults_work(&mut site).await;
    the_guard_works(&mut site, &notes).await;
    the_doctor_passes(&site).await;
    the_policy_works(&mut site).await;
    another_definition_is_brought(&site).await;
    nothing_is_left_but_tenants(&mut site).await;
}

/// As the chart is by itself where the API server has no MutatingAdmissionPolicies.
fn without_guard() -> Value {
    json!({"guard": {"enabled": false}})
}

/// Without the guard and without a policy: the rights of a small installation are enough.
async fn the_defaults_work(site: &mut Site) -> String {
    let older = older_chart();
    let chart = older.path().join("landlord").display().to_string();
    let notes = site.helm("install", &chart, without_guard()).await;
    assert!(
        notes.contains("THERE IS A WINDOW")
            && notes.contains("landlord doctor --lease-namespace tenancy"),
        "{notes}"
    );
    let before = site.deployment().await.metadata;
    site.helm("upgrade", &chart, without_guard()).await;
    assert_eq!(
        site.deployment().await.metadata.resource_version,
        before.resource_version,
        "the same values change nothing"
    );

    site.apply(tenant("landlord.dev/v1alpha1", "solar")).await;
    site.start_controller().await;
    site.becomes_compliant("solar-web", "landlord.dev/tenant", "pool=solar").await;
    site.shell("landlord audit --lease-namespace tenancy").await;
    site.nothing_is_missing(&[
        "patch /namespaces",
        "get coordination.k8s.io/leases",
        "list landlord.dev/tenants",
    ])
    .await;
    for role in ["landlord:guard", "landlord:holds", "landlord:strategy", "landlord:policy"] {
        assert!(!site.has_role(role).await, "{role}");
    }
    notes
}

/// A copy of the chart that knows nothing of a NetworkPolicy yet.
fn older_chart() -> TempDir {
    let folder = copied_chart();
    let chart = folder.path().join("landlord");
    fs::remove_file(chart.join("templates/network-policy.yaml")).expect("a template");
    let values = fs::read_to_string(chart.join("values.yaml")).expect("the values");
    let (before, rest) =
        values.split_once("\nnetworkPolicy:\n").expect("values of the NetworkPolicy");
    let (_, after) = rest.split_once("\n\n").expect("more values");
    fs::write(chart.join("values.yaml"), format!("{before}\n\n{after}")).expect("a file");
    folder
}

fn copied_chart() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(root().join(CHART))
        .arg(folder.path())
        .status()
        .expect("cp");
    assert!(copied.success());
    folder
}

/// By the line that Helm printed when an older version of the chart was installed.
async fn the_guard_works(site: &mut Site, notes: &str) {
    assert!(
        !site.has("networking.k8s.io/v1", "NetworkPolicy", "landlord-controller").await,
        "the older chart has none"
    );
    let line =
        notes.lines().find(|line| line.contains("helm upgrade")).expect("how to turn the guard on");
    site.shell(&line.trim().replace('…', CHART)).await;
    assert!(
        site.has("networking.k8s.io/v1", "NetworkPolicy", "landlord-controller").await,
        "the newer chart's default"
    );
    assert!(site.has_role("landlord:guard").await);
    let notes = site
        .upgrade(
            json!({"serviceMonitor": {"enabled": true}, "env": [{"name": "LANDLORD_LOG", "value": "debug"}]}),
        )
        .await;
    assert!(
        !notes.contains("THERE IS A WINDOW")
            && notes.contains("landlord release --all --dry-run --lease-namespace tenancy"),
        "{notes}"
    );
    assert!(site.has("monitoring.coreos.com/v1", "ServiceMonitor", "landlord-controller").await);
    site.start_controller().await;
    eventually("the guard, which holds a Pod", async || {
        let pod = json!({"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "none", "image": "none"}]}});
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(site.client(), "landlord-guard-probe");
        // The API server may take up the part that refuses before the one that holds.
        let Ok(pod) = pods.create(&params, &serde_json::from_value(pod).expect("a Pod")).await else { return false };
        pod.spec.and_then(|spec| spec.scheduling_gates).into_iter().flatten().any(|gate| gate.name == GATE)
    })
    .await;
    site.becomes_compliant("solar-batch", "landlord.dev/tenant", "pool=solar").await;
    site.nothing_is_missing(&[
        "list /pods",
        "create admissionregistration.k8s.io/mutatingadmissionpolicies",
    ])
    .await;
}

fn everything() -> Value {
    let settings = json!({"tenantSource": "capsule", "strategy": {"mode": "auto"}});
    json!({"policy": {"enabled": true, "pods": {"enabled": true}}, "settings": settings, "guard": {"enabled": true}})
}

/// Another source, and settings in a policy, of which there is one.
async fn the_policy_works(site: &mut Site) {
    // The Pod before loses its rights to landlord's own tenants with this.
    site.controller = None;
    site.upgrade(everything()).await;
    assert!(
        !site.has("v1", "ConfigMap", "landlord-settings").await
            && !site.has_role("landlord:tenants").await
    );
    site.apply(tenant("capsule.clastix.io/v1beta2", "moon")).await;
    site.start_controller().await;
    site.becomes_compliant("moon-base", "capsule.clastix.io/tenant", "pool=moon").await;
    let record = async || site.has("v1", "ConfigMap", "landlord-strategy").await;
    eventually("a measurement", record).await;
    site.nothing_is_missing(&[
        "watch policies.kubewarden.io/clusteradmissionpolicies",
        "create /configmaps",
        "list capsule.clastix.io/tenants",
    ])
    .await;
}

/// A copy of the chart with another schema.
async fn another_definition_is_brought(site: &Site) {
    let folder = copied_chart();
    let chart = folder.path().join("landlord");
    let file = chart.join("files/crds.yaml");
    let text = fs::read_to_string(&file).expect("the definition");
    fs::write(&file, text.replace("- llt\n", "- llt\n    - newer\n")).expect("a file");
    site.helm("upgrade", chart.to_str().expect("UTF-8"), everything()).await;
    let names =
        definition(site).await.expect("the definition").data["spec"]["names"]["shortNames"].clone();
    assert_eq!(names, json!(["llt", "newer"]));
}

async fn definition(site: &Site) -> Option<DynamicObject> {
    let object = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "tenants.landlord.dev"}});
    let api = api_of(&site.client(), &serde_json::from_value(object).expect("an object"))
        .await
        .expect("the kind");
    api.get_opt("tenants.landlord.dev").await.expect("an answer")
}

impl Site {
    /// Runs a command with kubectl, Helm and landlord at hand; nobody is there to be asked.
    async fn shell(&self, command: &str) {
        let kubectl = self.cluster.binaries().path("kubectl");
        let folders = [kubectl.parent(), binary().parent()]
            .map(|folder| folder.expect("a folder").to_owned());
        let inherited = std::env::var_os("PATH").expect("a PATH");
        let path = folders
            .into_iter()
            .chain([root().join("scripts")])
            .chain(std::env::split_paths(&inherited));
        let mut run = Command::new("sh");
        run.args(["-c", command])
            .current_dir(root())
            .env("PATH", std::env::join_paths(path).expect("a PATH"));
        run.env("KUBECONFIG", self.cluster.kubeconfig()).env("LANDLORD_YES", "true");
        let output =
            tokio::task::spawn_blocking(move || run.output()).await.expect("sh").expect("sh");
        let words = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {words}");
    }
}
