//! Law 1 on a real cluster: what the policy makes of a namespace at CREATE, the controller makes of
//! it afterwards.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use kube::api::ListParams;
use local_cluster::kubewarden::policies;
use local_cluster::process::Program;
use local_cluster::user::{ADMIN, CONTROLLER};
use local_cluster::waiting::{comes_true, eventually};
use serde_json::{Map as Object, Value, json};

use super::tenants::Source;
use super::world::{LEDGER, Map, OWNERS, World, builder, ledger, shipped};
use crate::compiled::landlord;

const TENANTS: usize = 20;
const NAMESPACES: usize = 500;
/// Requests under way at a time.
const SIDE_BY_SIDE: usize = 16;

/// Choices that are the same in every run: a linear congruential generator, its low bits dropped.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Some of the keys with some of the values; tenants and namespaces share keys, so that they
    /// clash.
    fn map(&mut self, values: &[&str]) -> Object<String, Value> {
        let mut map = Object::new();
        for key in ["env", "team", "a", "b", "example.com/c"] {
            if self.once_in(2) {
                let value = values[self.below(values.len() as u64) as usize];
                map.insert(key.to_owned(), json!(value));
            }
        }
        map
    }

    fn tenant(&mut self) -> Value {
        let mut spec = json!({"owners": [{"kind": "Group", "name": OWNERS}], "labels": self.map(&["x", "{{tenant.name}}", "{{ namespace }}"]),
                              "annotations": self.map(&["long text: {{namespace}}", "y"])});
        if !self.once_in(4) {
            spec["nodeSelector"] = json!({"pool": format!("p{}", self.below(3)), "a": "b"});
        }
        if self.once_in(3) {
            spec["tolerations"] =
                json!([{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]);
        }
        if self.once_in(2) {
            let selector = json!({"matchLabels": {"env": "prod"}, "matchExpressions": [{"key": "team", "operator": "Exists"}]});
            let mut labels = self.map(&["over"]);
            // What a selector reads, the tenant does not write.
            for read in ["env", "team"] {
                labels.remove(read);
                spec["labels"].as_object_mut().expect("labels").remove(read);
            }
            spec["overrides"] = json!([{"namespaceSelector": selector, "nodeSelector": {"tier": "prod"}, "labels": labels}]);
        }
        if self.once_in(3) {
            spec["conflicts"] = json!("keep");
        }
        if self.once_in(3) {
            spec["release"] = json!("restore");
        }
        spec
    }

    fn namespace(&mut self, number: usize) -> Value {
        let mut labels = self.map(&["prod", "dev", "x"]);
        labels.insert(
            Source::Landlord.label().to_owned(),
            json!(format!("t{}", self.below(TENANTS as u64))),
        );
        json!({"name": format!("law-{number}"), "labels": labels, "annotations": self.map(&["note", "y"])})
    }
}

/// Labels and annotations of every namespace of the test.
async fn all(world: &World) -> BTreeMap<String, (Map, Map)> {
    let list = world.namespaces(ADMIN).list(&ListParams::default()).await.expect("namespaces");
    let ours = list.into_iter().filter(|one| one.name_any().starts_with("law-"));
    ours.map(|one| {
        (
            one.name_any(),
            (one.metadata.labels.unwrap_or_default(), one.metadata.annotations.unwrap_or_default()),
        )
    })
    .collect()
}

async fn create(world: &World, namespaces: &[Value]) {
    let create = |metadata: &Value| {
        let metadata = metadata.clone();
        async move { world.create(ADMIN, metadata).await.map(drop) }
    };
    let creations = stream::iter(namespaces.iter().map(create)).buffer_unordered(SIDE_BY_SIDE);
    creations.try_collect::<Vec<()>>().await.expect("created");
}

async fn delete(world: &World, namespaces: &[Value]) {
    for namespace in namespaces {
        world.delete(ADMIN, namespace["name"].as_str().expect("a name")).await.expect("deleted");
    }
    world.cluster.finalize_namespaces().await.expect("finalized");
}

#[tokio::test]
async fn the_controller_makes_what_the_policy_makes() {
    let world = World::start(builder(), shipped("landlord")).await;
    let mut choices = Choices(2026);
    for number in 0..TENANTS {
        let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": format!("t{number}")}, "spec": choices.tenant()});
        world.apply(tenant).await.expect("a tenant that the API server takes");
    }
    let namespaces: Vec<Value> = (0..NAMESPACES).map(|number| choices.namespace(number)).collect();
    create(&world, &namespaces).await;
    let by_policy = all(&world).await;
    assert_eq!(by_policy.len(), NAMESPACES);
    assert!(by_policy.values().all(|(_, annotations)| annotations.contains_key(LEDGER)));

    delete(&world, &namespaces).await;
    let client = world.client(ADMIN);
    policies(&client).delete("landlord", &Default::default()).await.expect("deleted");
    // Until the webhook is gone as well, what is created is still the policy's work.
    let trial = json!({"name": "trial", "labels": {Source::Landlord.label(): "t0"}});
    let is_left_alone = async || {
        world.try_to_create(ADMIN, trial.clone()).await.is_ok_and(|made| ledger(&made).is_none())
    };
    eventually("the end of the webhook", is_left_alone).await;
    create(&world, &namespaces).await;
    assert!(
        all(&world).await.values().all(|(_, annotations)| !annotations.contains_key(LEDGER)),
        "nobody has looked yet"
    );

    let settings = world.cluster.file("settings.yaml");
    std::fs::write(&settings, shipped("landlord")["spec"]["settings"].to_string()).expect("a file");
    let controller =
        Program::new("controller", landlord(), world.cluster.log("controller")).args([
            "controller".to_owned(),
            format!("--kubeconfig={}", world.cluster.kubeconfig_of(CONTROLLER).display()),
            format!("--settings={}", settings.display()),
            "--listen=127.0.0.1:0".to_owned(),
        ]);
    let _controller = controller.start().expect("the controller");
    let mut by_controller = BTreeMap::new();
    let same = comes_true(async || {
        by_controller = all(&world).await;
        by_controller == by_policy
    });
    if same.await {
        return;
    }
    let different: Vec<_> = by_policy
        .iter()
        .filter(|(name, one)| by_controller.get(*name) != Some(one))
        .take(3)
        .collect();
    panic!(
        "{different:#?}\nare by the controller {:#?}",
        different.iter().map(|(name, _)| by_controller.get(*name)).collect::<Vec<_>>()
    );
}
