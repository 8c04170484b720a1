//! Garbage collection of tenants' namespaces, by a controller manager with accounts of its own as
//! in real clusters: what is deleted with a tenant, and what is kept, is as Kubernetes documents
//! it, with the guard as without.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams, PropagationPolicy};
use local_cluster::manifest::api_of;
use local_cluster::user::ADMIN;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::world::{NODE_SELECTOR, eventually};
use super::stage::{OWNER, Stage, builder};
use crate::landlord::{Run, run};

/// How `kubectl delete tenant --cascade=` ends, and whether namespaces of that tenant alone stay.
const CASCADES: [(&str, PropagationPolicy, bool); 3] = [
    ("orphan", PropagationPolicy::Orphan, true),
    ("foreground", PropagationPolicy::Foreground, false),
    ("background", PropagationPolicy::Background, false),
];

/// Longer than the garbage collector takes to delete a namespace whose only owner is absent (3 s).
const LATER: std::time::Duration = std::time::Duration::from_secs(6);

struct Garbage {
    stage: Stage,
}

impl Garbage {
    fn tenant(&self, name: &str) -> DynamicObject {
        let api_version = if self.stage.world.source == "capsule" {
            "capsule.clastix.io/v1beta2"
        } else {
            "landlord.dev/v1alpha1"
        };
        serde_json::from_value(json!({"apiVersion": api_version, "kind": "Tenant", "metadata": {"name": name}, "spec": {}}))
            .expect("an object")
    }

    async fn tenants(&self) -> Api<DynamicObject> {
        api_of(&self.stage.client(ADMIN), &self.tenant("any")).await.expect("the kind")
    }

    /// An owner reference as Capsule writes it.
    async fn reference(&self, tenant: &str) -> Value {
        let found = self.tenants().await.get(tenant).await.expect("the tenant");
        let types = found.types.expect("types");
        json!({"apiVersion": types.api_version, "kind": types.kind, "name": tenant, "uid": found.metadata.uid,
               "controller": tenant != "solid", "blockOwnerDeletion": true})
    }

    /// A namespace with a ConfigMap, of these tenants.
    async fn namespace(&self, name: &str, tenants: &[&str]) {
        self.annotated(name, tenants, json!({})).await;
    }

    async fn annotated(&self, name: &str, tenants: &[&str], annotations: Value) {
        let mut references = Vec::new();
        for tenant in tenants {
            references.push(self.reference(tenant).await);
        }
        let labels = json!({self.stage.label(): tenants.first().copied().unwrap_or("solid")});
        let metadata = json!({"name": name, "labels": labels, "annotations": annotations, "ownerReferences": references});
        self.stage.create(ADMIN, metadata).await.expect("created");
        let data: ConfigMap =
            serde_json::from_value(json!({"metadata": {"name": "data"}})).expect("a ConfigMap");
        let api = Api::namespaced(self.stage.client(ADMIN), name);
        api.create(&PostParams::default(), &data).await.expect("created");
    }

    async fn found(&self, name: &str) -> Option<Namespace> {
        self.stage.world.namespaces().get_opt(name).await.expect("an answer")
    }

    /// Whether the namespace is there, not on its way out, and with what is in it.
    async fn is_kept(&self, name: &str) -> bool {
        let api: Api<ConfigMap> = Api::namespaced(self.stage.client(ADMIN), name);
        let data = api.get_opt("data").await.expect("an answer");
        data.is_some()
            && self.found(name).await.is_some_and(|one| one.metadata.deletion_timestamp.is_none())
    }

    async fn run(&self, words: &str) -> Run {
        let cluster = &self.stage.world.cluster;
        let words = format!(
            "{words} --kubeconfig={} --settings={}",
            cluster.kubeconfig_of(ADMIN).display(),
            cluster.file("settings.yaml").display()
        );
        tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
    }

    /// Makes landlord's own Tenants of Capsule's, and goes by them.
    async fn convert(&self) {
        let run = self.run("convert --from capsule --settings-as config-map").await;
        assert!(run.err.contains("not carried over: spec.namespaceOptions.quota"), "{}", run.err);
        assert!(!run.err.contains("\"detached\": "), "{}", run.err);
        assert!(run.out.contains("capsule.clastix.io/tenant"), "{}", run.out);
        self.stage.world.cluster.apply(&run.out).await.expect("Tenants and settings");
        let identify = ["landlord.dev/tenant", "capsule.clastix.io/tenant"];
        let identify = identify.map(|key| json!({ "label": key }));
        self.stage.world.set_settings(&json!({ "identify": identify }));
    }

    /// Nothing but landlord's record is written, and then there is nothing to do.
    async fn is_settled(&self, before: &ObjectMeta) {
        let run = self.run("backfill --tenant solid").await;
        assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
        let run = self.run("plan --tenant solid --detailed-exitcode").await;
        assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
        let after = self.found("detached").await.expect("a namespace").metadata;
        let foreign = |metadata: &ObjectMeta| {
            [&metadata.labels, &metadata.annotations].map(|map| {
                let mut map = map.clone().unwrap_or_default();
                map.retain(|key, _| !key.starts_with("landlord.dev/"));
                map
            })
        };
        assert_eq!(foreign(&after), foreign(before));
    }

    async fn owners(&self, name: &str) -> Vec<String> {
        let references = self.found(name).await.and_then(|found| found.metadata.owner_references);
        references.into_iter().flatten().map(|reference| reference.name).collect()
    }
}

#[rstest]
#[tokio::test]
async fn what_a_tenants_deletion_is_to_keep_is_kept(
    #[values("landlord", "capsule")] source: &'static str,
    #[values("", "--without-mutating-policies")] flags: &str,
) {
    let stage = Stage::new(builder().controller_manager(), source, flags).await;
    stage.world.set_tenant("solid", json!({})).await;
    let garbage = Garbage { stage };
    for (word, ..) in CASCADES {
        garbage.stage.world.set_tenant(word, json!({})).await;
        garbage.namespace(&format!("only-{word}"), &[word]).await;
        garbage.namespace(&format!("shared-{word}"), &[word, "solid"]).await;
        garbage.namespace(&format!("labelled-{word}"), &[]).await;
    }
    nobody_else_takes_a_reference_away(&garbage).await;
    for (word, propagation_policy, _) in CASCADES {
        let params = DeleteParams {
            propagation_policy: Some(propagation_policy),
            ..DeleteParams::default()
        };
        garbage.tenants().await.delete(word, &params).await.expect("deleted");
    }
    for (word, _, kept) in CASCADES {
        let (only, shared) = (format!("only-{word}"), format!("shared-{word}"));
        let tenants = garbage.tenants().await;
        eventually(&format!("{word}: no tenant"), async || {
            tenants.get_opt(word).await.expect("an answer").is_none()
        })
        .await;
        eventually(&format!("{word}: the tenant's own namespace"), async || {
            if kept {
                garbage.owners(&only).await.is_empty() && garbage.is_kept(&only).await
            } else {
                garbage.found(&only).await.is_none()
            }
        })
        .await;
        eventually(&format!("{word}: the shared namespace"), async || {
            garbage.owners(&shared).await == ["solid"]
        })
        .await;
    }
    tokio::time::sleep(LATER).await;
    for (word, _, kept) in CASCADES {
        assert_eq!(garbage.is_kept(&format!("only-{word}")).await, kept, "{word}");
        assert!(garbage.is_kept(&format!("shared-{word}")).await, "{word}");
        assert!(garbage.is_kept(&format!("labelled-{word}")).await, "{word}");
    }
}

/// A user who may update namespaces learns that the reference stays.
async fn nobody_else_takes_a_reference_away(garbage: &Garbage) {
    let refused = async || {
        let gone = json!({"ownerReferences": null});
        garbage.stage.try_to_patch(OWNER, "only-orphan", gone).await.is_err_and(|refusal| {
            refusal.code == 403
                && refusal.message.contains("owner references to tenants are sealed")
        })
    };
    eventually("a refusal", refused).await;
    garbage
        .stage
        .patch(OWNER, "only-orphan", json!({"ownerReferences": null}))
        .await
        .expect_err("sealed");
    assert_eq!(garbage.owners("only-orphan").await, ["orphan"]);
    garbage
        .stage
        .patch(OWNER, "only-orphan", json!({"labels": {"team": "a"}}))
        .await
        .expect("what is not sealed is written");
}

/// Moving away from Capsule: its Tenants are converted, and what was detached outlives their
/// definition, with all that is in it, and as it was. What was not is deleted, or this would prove
/// nothing.
#[tokio::test]
async fn a_detached_namespace_outlives_the_definition_of_its_tenant() {
    let stage = Stage::new(builder().controller_manager(), "capsule", "").await;
    let spec = json!({"nodeSelector": {"pool": "solar"}, "namespaceOptions": {"quota": 3}});
    stage.world.set_tenant("solid", spec).await;
    stage.world.set_tenant("first", json!({})).await;
    let garbage = Garbage { stage };
    garbage.namespace("first", &["first"]).await;
    garbage.tenants().await.delete("first", &DeleteParams::default()).await.expect("deleted");
    eventually("the collector watches the kind", async || garbage.found("first").await.is_none())
        .await;
    // As Capsule leaves it.
    garbage.annotated("detached", &["solid"], json!({NODE_SELECTOR: "pool=solar"})).await;
    // First landlord runs beside Capsule (docs/install.md), and has on record whose it is.
    let run = garbage.run("backfill --tenant solid").await;
    assert_eq!(run.code, Some(0), "{}{}", run.out, run.err);
    garbage.convert().await;
    let run = garbage.run("detach capsule --yes").await;
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{}", run.out);
    assert_eq!(garbage.owners("detached").await, [""; 0]);
    let left = garbage.found("detached").await.expect("a namespace").metadata;
    garbage.namespace("attached", &["solid"]).await;

    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "tenants.capsule.clastix.io"}});
    let definition: DynamicObject = serde_json::from_value(definition).expect("an object");
    let client = garbage.stage.client(ADMIN);
    let definitions = api_of(&client, &definition).await.expect("the kind");
    let deleted = definitions.delete("tenants.capsule.clastix.io", &DeleteParams::default()).await;
    deleted.expect("deleted");
    eventually("the attached namespace goes", async || garbage.found("attached").await.is_none())
        .await;
    tokio::time::sleep(LATER).await;
    assert!(garbage.is_kept("detached").await);
    garbage.is_settled(&left).await;
}
