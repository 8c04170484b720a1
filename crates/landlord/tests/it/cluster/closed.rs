//! Fail closed, on a real API server and etcd: a namespace that is as large as they allow, so that
//! its tenant's new pool cannot be written there, lets no Pod into the old one.

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Error;
use kube::api::{Api, Patch, PatchParams, PostParams};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Cluster, Node, User};
use serde_json::{Value, json};

use super::world::{GATE, LEDGER, NODE_SELECTOR, World, eventually};
use crate::landlord::run;

const OWNER: &str = "olivia";
const NEW: &str = "solar-two-with-a-name-that-is-longer-than-what-is-left";

/// Pools of solar, old and new; a guard that a controller keeps; namespaces of solar, two of them as
/// the policy leaves them: nothing on them is the controller's own.
async fn world() -> World {
    let builder = Cluster::builder().user(User::member(OWNER, ["solar-admins"]));
    let mut world = World::on(builder, "landlord").await;
    let node = |name: &str, pool: &str| Node::new(name).label("pool", pool);
    world.cluster.add_nodes([node("old-1", "solar"), node("new-1", NEW)]).await.expect("nodes");
    world.cluster.apply(MEMBERS_RIGHTS).await.expect("rights");
    world.set_tenant("solar", json!({"nodeSelector": {"pool": "solar"}})).await;
    for name in ["padded", "heavy", "control"] {
        world.create(name, "solar", json!({})).await;
        let ledger =
            format!(r#"{{"tenant":"solar","labels":[],"annotations":["{NODE_SELECTOR}"]}}"#);
        world
            .patch(name, json!({"annotations": {LEDGER: ledger, NODE_SELECTOR: "pool=solar"}}))
            .await;
    }
    world.flags = vec!["--guard"];
    world.create("unready", "nobody", json!({})).await;
    world.add_controller("one").await;
    eventually("the guard", async || world.would_be_held("unready").await).await;
    world
}

impl World {
    async fn edit(&self, user: &str, name: &str, metadata: Value) -> Result<Namespace, Error> {
        let api: Api<Namespace> = Api::all(self.cluster.client(user).expect("a client"));
        let patch = Patch::Merge(json!({"metadata": metadata}));
        api.patch(name, &PatchParams::default(), &patch).await
    }

    /// Annotations up to the API server's limit.
    async fn pad_annotations(&self, user: &str, name: &str) -> Result<Namespace, Error> {
        let (_, annotations) = self.metadata(name).await;
        let ledger = self.ledger(name).await;
        let used: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        let room = 262_144 - used - LEDGER.len() - ledger.len() - "pad".len();
        self.edit(user, name, json!({"annotations": {"pad": "x".repeat(room)}})).await
    }

    /// An object as large as etcd takes, to the byte.
    async fn pad_object(&self, name: &str) {
        let owner = |bytes: usize| json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Other", "uid": "u", "name": "x".repeat(bytes)}]});
        let (mut bytes, mut step) = (1 << 20, 1 << 19);
        while step > 0 {
            match self.edit(ADMIN, name, owner(bytes + step)).await {
                Ok(_) => bytes += step,
                Err(error) => assert!(error.to_string().contains("too large"), "{error}"),
            }
            step /= 2;
        }
    }

    async fn is_in_pool(&self, name: &str, pool: &str) -> bool {
        self.metadata(name)
            .await
            .1
            .get(NODE_SELECTOR)
            .is_some_and(|found| *found == format!("pool={pool}"))
    }

    /// The pool that a Pod of the owner's would be given: nothing is stored.
    async fn would_be_placed(&self, namespace: &str) -> Option<String> {
        self.pod_of(namespace, PostParams { dry_run: true, ..PostParams::default() }).await
    }

    /// A Pod of the owner's, and the pool that it was given; `None` where it waits.
    async fn pod_of_owner(&self, namespace: &str) -> Option<String> {
        self.pod_of(namespace, PostParams::default()).await
    }

    async fn pod_of(&self, namespace: &str, params: PostParams) -> Option<String> {
        let api: Api<Pod> =
            Api::namespaced(self.cluster.client(OWNER).expect("a client"), namespace);
        let body = json!({"metadata": {"generateName": "web-"}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
        let body = serde_json::from_value(body).expect("a Pod");
        let spec = api.create(&params, &body).await.expect("created").spec.expect("a spec");
        let waits = spec.scheduling_gates.into_iter().flatten().any(|gate| gate.name == GATE);
        (!waits).then(|| spec.node_selector.unwrap_or_default().remove("pool").unwrap_or_default())
    }
}

#[tokio::test]
async fn a_namespace_without_room_for_its_new_pool_lets_no_pod_into_the_old_one() {
    let world = world().await;
    let refused = world.pad_annotations(OWNER, "padded").await.expect_err("no room is left");
    assert!(refused.to_string().contains("leaves no room for its tenant's"), "{refused}");
    let labels: Value = (0..1001)
        .map(|one| (format!("l-{one}"), json!("")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let refused =
        world.edit(OWNER, "padded", json!({"labels": labels})).await.expect_err("so many labels");
    assert!(refused.to_string().contains("reduce them to 1000"), "{refused}");

    // As before the guard was there.
    world.pad_annotations(ADMIN, "padded").await.expect("padded");
    world.pad_object("heavy").await;
    for name in ["padded", "heavy", "control"] {
        assert_eq!(world.pod_of_owner(name).await.as_deref(), Some("solar"), "{name}");
    }
    world.set_tenant("solar", json!({"nodeSelector": {"pool": NEW}})).await;
    eventually("the control's pool", async || world.is_in_pool("control", NEW).await).await;
    for (name, reason) in [("padded", "AnnotationsTooLarge"), ("heavy", "ObjectTooLarge")] {
        eventually("readiness withdrawn", async || world.would_be_held(name).await).await;
        assert_eq!(world.pod_of_owner(name).await, None, "{name}");
        assert!(world.is_in_pool(name, "solar").await, "{name}: nothing else was written");
        assert!(world.ledger(name).await.starts_with(r#"{"was":"solar""#), "{name}");
        let says = async || {
            let events = world.events("Namespace", name).await;
            events
                .iter()
                .any(|(word, note)| word == reason && note.contains("Pods cannot start there"))
        };
        eventually("the Event", says).await;
    }
    eventually("the control's Pods", async || {
        world.would_be_placed("control").await.as_deref() == Some(NEW)
    })
    .await;
    let status = run(&format!(
        "status --kubeconfig={} --settings={}",
        world.cluster.kubeconfig_of(ADMIN).display(),
        world.cluster.file("settings.yaml").display()
    ));
    assert!(
        status.out.contains("Pods cannot start there") && status.out.contains("and 1 more"),
        "{}{}",
        status.out,
        status.err
    );

    // The owner may have less, and nobody else has to do anything.
    world.edit(OWNER, "padded", json!({"annotations": {"pad": null}})).await.expect("smaller");
    world.edit(OWNER, "heavy", json!({"ownerReferences": null})).await.expect("smaller");
    for name in ["padded", "heavy"] {
        eventually("the new pool", async || world.is_in_pool(name, NEW).await).await;
        eventually("its Pods", async || world.would_be_placed(name).await.as_deref() == Some(NEW))
            .await;
    }
}
