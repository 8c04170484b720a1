//! Host calls answered by a real API server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Cluster, User};
use policy_host::{ClusterAccess, ClusterObjects, HostCalls};
use serde_json::{Value, json};
use tokio::runtime::Handle;

type ConfigMap = Api<k8s_openapi::api::core::v1::ConfigMap>;

const READER: &str = "reader";
/// How long an answer is remembered.
const REMEMBERED: Duration = Duration::from_secs(5);
const GRANTED: [(&str, &str); 4] = [
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("example.com/v1", "Nothing"),
    ("authorization.k8s.io/v1", "SubjectAccessReview"),
];
/// What the reader may do, and no more.
const RIGHTS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: [get, list]}
- {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: User, name: reader, apiGroup: rbac.authorization.k8s.io}]
";

struct Scene {
    cluster: Cluster,
    host: Arc<ClusterObjects>,
}

impl Scene {
    async fn new() -> Self {
        let builder = Cluster::builder()
            .user(User::new(READER, Vec::<String>::new()))
            .user(User::member("anna", ["team"]));
        let cluster = builder.start().await.expect("a cluster");
        cluster.apply(RIGHTS).await.expect("rights");
        cluster.apply(MEMBERS_RIGHTS).await.expect("rights");
        let access =
            ClusterAccess::new(cluster.client(READER).expect("a client"), Handle::current());
        let host = Arc::new(
            access.granting(GRANTED.map(|(version, kind)| (version.to_owned(), kind.to_owned()))),
        );
        Self { cluster, host }
    }

    /// As a guest calls: from a thread that may block.
    async fn call(&self, operation: &'static str, request: Value) -> Result<Value, String> {
        let host = Arc::clone(&self.host);
        let call = move || {
            host.call("kubewarden", "kubernetes", operation, request.to_string().as_bytes())
        };
        let answer = tokio::task::spawn_blocking(call).await.expect("no panic")?;
        Ok(serde_json::from_slice(&answer).expect("JSON"))
    }

    fn admin(&self) -> Client {
        self.cluster.client(ADMIN).expect("a client")
    }
}

fn get(kind: (&str, &str), namespace: Option<&str>, name: &str, fresh: bool) -> Value {
    json!({"api_version": kind.0, "kind": kind.1, "name": name, "namespace": namespace, "disable_cache": fresh, "field_masks": null})
}

#[tokio::test]
async fn objects_of_a_live_cluster() {
    let scene = Scene::new().await;
    let api: ConfigMap = Api::namespaced(scene.admin(), "default");
    for (name, color) in [("a", "red"), ("b", "blue")] {
        let body =
            json!({"metadata": {"name": name, "labels": {"color": color}}, "data": {"v": "1"}});
        api.create(&PostParams::default(), &serde_json::from_value(body).expect("a ConfigMap"))
            .await
            .expect("created");
    }
    let a = |fresh| get(("v1", "ConfigMap"), Some("default"), "a", fresh);
    let began = Instant::now();
    let found = scene.call("get_resource", a(false)).await.expect("found");
    assert_eq!((&found["kind"], &found["data"]["v"]), (&json!("ConfigMap"), &json!("1")));

    // A policy that allows the memory sees what was true a moment ago; one that forbids it sees
    // what is.
    api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"data": {"v": "2"}})))
        .await
        .expect("edited");
    let remembered = scene.call("get_resource", a(false)).await.expect("found");
    assert!(remembered["data"]["v"] == "1" || began.elapsed() >= REMEMBERED, "{remembered}");
    assert_eq!(scene.call("get_resource", a(true)).await.expect("found")["data"]["v"], "2");

    let list = |namespace: Option<&str>| json!({"api_version": "v1", "kind": "ConfigMap", "namespace": namespace, "label_selector": "color=blue"});
    let in_namespace =
        scene.call("list_resources_by_namespace", list(Some("default"))).await.expect("a list");
    let names = |list: &Value| {
        list["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|one| one["metadata"]["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&in_namespace), ["b"]);
    assert_eq!(names(&scene.call("list_resources_all", list(None)).await.expect("a list")), ["b"]);

    what_cannot_be_had(&scene).await;
    who_may_do_what(&scene).await;
}

/// In Kubewarden's words: the policy reads them.
async fn what_cannot_be_had(scene: &Scene) {
    let ask = async |request| scene.call("get_resource", request).await.expect_err("no answer");
    let missing = ask(get(("v1", "ConfigMap"), Some("default"), "c", true)).await;
    assert_eq!(
        missing,
        "Cannot find v1/ConfigMap named 'c' inside of namespace 'Some(\"default\")'"
    );
    assert_eq!(
        ask(get(("example.com/v1", "Nothing"), None, "c", true)).await,
        "Cannot find resource example.com/v1/Nothing"
    );
    let not_granted = ask(get(("v1", "Secret"), Some("default"), "c", true)).await;
    assert!(
        not_granted
            .starts_with("Policy has not been granted access to Kubernetes v1/Secret resources."),
        "{not_granted}"
    );
    let forbidden = ask(get(("v1", "Namespace"), None, "default", true)).await;
    assert!(forbidden.contains(r#"User "reader" cannot get resource "namespaces""#), "{forbidden}");
}

async fn who_may_do_what(scene: &Scene) {
    let question = |user: &str, groups: &[&str]| {
        json!({"subject_access_review": {"user": user, "groups": groups,
               "resource_attributes": {"verb": "create", "resource": "namespaces", "group": null}}, "disable_cache": true})
    };
    let allowed = async |user, groups| {
        scene.call("can_i", question(user, groups)).await.expect("an answer")["allowed"].clone()
    };
    assert_eq!(allowed("anna", &["tenant-members"]).await, json!(true));
    assert_eq!(allowed("berta", &[]).await, json!(false));
}
