//! World: a cluster with landlord in it as users install it, and who lives there.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;
use std::thread;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use local_cluster::kubewarden::{Options, apply_policy};
use local_cluster::manifest::{api_of, apply_object};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Builder, CAPSULE_DEFINITION, Cluster, Kubewarden, Node, User};
use serde_json::{Value, json};

pub(crate) use test_support::policy::shipped;

use crate::compiled::{policy_host, root, wasm};

/// Owns every tenant of the tests, by the group [`OWNERS`].
pub(crate) const OWNER: &str = "olivia";
/// Owns none.
pub(crate) const STRANGER: &str = "mallory";
pub(crate) const OWNERS: &str = "owners";
pub(crate) const LEDGER: &str = "landlord.dev/ledger";
pub(crate) const NODE_SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";

pub(crate) type Map = BTreeMap<String, String>;

pub(crate) struct World {
    // Ends before the cluster.
    pub(crate) kubewarden: Kubewarden,
    pub(crate) cluster: Cluster,
}

/// An answer of the API server that is a refusal.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
}

/// With landlord's tenants and the policy exactly as it is shipped.
pub(crate) fn landlord() -> &'static World {
    static WORLD: LazyLock<World> =
        LazyLock::new(|| wait_for(|| World::start(builder(), shipped("landlord"))));
    &WORLD
}

/// With Capsule's tenants.
pub(crate) fn capsule() -> &'static World {
    static WORLD: LazyLock<World> =
        LazyLock::new(|| wait_for(|| World::start(builder(), shipped("capsule"))));
    &WORLD
}

/// A cluster's users: an owner, a stranger, and the service account of a pipeline that owns tenants
/// as well.
pub(crate) fn builder() -> Builder {
    Cluster::builder()
        .user(User::member(OWNER, [OWNERS]))
        .user(User::member(STRANGER, ["strangers"]))
}

/// Runs a future to its end from wherever this is, also from within a runtime.
fn wait_for<T: Send, F: Future<Output = T>>(future: impl FnOnce() -> F + Send) -> T {
    let run = || tokio::runtime::Runtime::new().expect("a runtime").block_on(future());
    thread::scope(|scope| scope.spawn(run).join().expect("the world starts"))
}

impl World {
    pub(crate) async fn start(builder: Builder, policy: Value) -> Self {
        let module = policy["spec"]["module"].as_str().expect("a module").to_owned();
        let modules = [(module, wasm().to_owned())].into();
        Self::start_with(
            builder,
            policy,
            Options { policy_host: policy_host().to_owned(), modules, sources: None },
        )
        .await
    }

    /// With a policy server that gets its modules as these options say.
    pub(crate) async fn start_with(builder: Builder, policy: Value, options: Options) -> Self {
        let cluster = builder.start().await.expect("a cluster");
        let pool = |name: &str| {
            [1, 2].map(|number| Node::new(format!("{name}-{number}")).label("pool", name))
        };
        cluster
            .add_nodes(["solar", "lunar", "shared"].into_iter().flat_map(pool))
            .await
            .expect("nodes");
        let file =
            |path: &str| fs::read_to_string(root().join(path)).expect("a file of the repository");
        for yaml in [
            MEMBERS_RIGHTS,
            &file("deploy/crds.yaml"),
            &file("deploy/rbac.yaml"),
            CAPSULE_DEFINITION,
        ] {
            cluster.apply(yaml).await.expect("a manifest that the API server takes");
        }
        let (kubewarden, admin) = (
            Kubewarden::start(&cluster, options).await.expect("Kubewarden"),
            cluster.admin().expect("a client"),
        );
        apply_policy(&admin, &policy.to_string()).await.expect("an active policy");
        kubewarden.wait_until_asked(&admin, "landlord").await.expect("a webhook that is asked");
        Self { kubewarden, cluster }
    }

    pub(crate) fn client(&self, user: &str) -> Client {
        self.cluster.client(user).expect("a client")
    }

    pub(crate) fn namespaces(&self, user: &str) -> Api<Namespace> {
        Api::all(self.client(user))
    }

    /// Creates a namespace from its metadata.
    pub(crate) async fn create(&self, user: &str, metadata: Value) -> Result<Namespace, Refusal> {
        refusal(self.namespaces(user).create(&PostParams::default(), &namespace(metadata)).await)
    }

    /// What would become of a namespace: nothing is stored.
    pub(crate) async fn try_to_create(
        &self,
        user: &str,
        metadata: Value,
    ) -> Result<Namespace, Refusal> {
        let trial = PostParams { dry_run: true, ..PostParams::default() };
        refusal(self.namespaces(user).create(&trial, &namespace(metadata)).await)
    }

    /// Merges a patch into a namespace, or into its subresource.
    pub(crate) async fn patch(
        &self,
        user: &str,
        name: &str,
        patch: Value,
    ) -> Result<Namespace, Refusal> {
        refusal(
            self.namespaces(user).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await,
        )
    }

    pub(crate) async fn delete(&self, user: &str, name: &str) -> Result<(), Refusal> {
        refusal(self.namespaces(user).delete(name, &DeleteParams::default()).await).map(drop)
    }

    /// Applies an object as admin.
    pub(crate) async fn apply(&self, object: Value) -> Result<(), String> {
        let object = serde_json::from_value(object).expect("an object");
        apply_object(&self.client(ADMIN), &object)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Deletes an object of any kind as admin.
    pub(crate) async fn remove(&self, object: Value) {
        let object = serde_json::from_value(object).expect("an object");
        let api = api_of(&self.client(ADMIN), &object).await.expect("the kind");
        api.delete(object.metadata.name.as_deref().expect("a name"), &DeleteParams::default())
            .await
            .expect("deleted");
    }
}

pub(crate) fn namespace(metadata: Value) -> Namespace {
    serde_json::from_value(json!({"metadata": metadata})).expect("a namespace")
}

pub(crate) fn refusal<T>(answer: Result<T, Error>) -> Result<T, Refusal> {
    answer.map_err(|error| match error {
        Error::Api(status) => Refusal { code: status.code, message: status.message.clone() },
        other => panic!("no answer: {other}"),
    })
}

pub(crate) fn labels(namespace: &Namespace) -> Map {
    namespace.metadata.labels.clone().unwrap_or_default()
}

/// Annotations without the ledger.
pub(crate) fn annotations(namespace: &Namespace) -> Map {
    let mut annotations = namespace.metadata.annotations.clone().unwrap_or_default();
    annotations.remove(LEDGER);
    annotations.remove("landlord.dev/creator");
    annotations
}

pub(crate) fn ledger(namespace: &Namespace) -> Option<String> {
    namespace.metadata.annotations.as_ref()?.get(LEDGER).cloned()
}

/// A map from pairs.
pub(crate) fn map<const N: usize>(pairs: [(&str, &str); N]) -> Map {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}
