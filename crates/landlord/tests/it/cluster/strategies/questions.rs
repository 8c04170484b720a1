//! What the API server asks a webhook that has landlord's condition: one that nobody answers, so that
//! each request it is asked about is refused.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use local_cluster::kubewarden::policies;
use local_cluster::manifest::apply_object;
use local_cluster::user::{ADMIN, CONTROLLER};
use serde_json::{Value, json};

use super::{policy, world};
use crate::cluster::world::{World, comes_true, eventually};

const CONDITION: &str = "landlord-strategy";

impl World {
    /// A webhook that nobody answers, asked about what our condition says: anyone who is asked
    /// about is refused.
    async fn set_dead_webhook(&self) {
        let ours: Vec<Value> =
            self.conditions().await.into_iter().filter(|one| one["name"] == CONDITION).collect();
        assert_eq!(ours.len(), 1);
        let object = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "dead"},
            "webhooks": [{"name": "dead.landlord.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None", "matchConditions": ours,
                "clientConfig": {"url": "https://127.0.0.1:1/"},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces", "namespaces/status"],
                           "operations": ["CREATE", "UPDATE"]}]}]});
        let object = serde_json::from_value(object).expect("an object");
        apply_object(&self.cluster.client(ADMIN).expect("a client"), &object)
            .await
            .expect("a webhook with a condition that compiles");
    }

    async fn remove_dead_webhook(&self) {
        let api: Api<MutatingWebhookConfiguration> =
            Api::all(self.cluster.client(ADMIN).expect("a client"));
        api.delete("dead", &DeleteParams::default()).await.expect("deleted");
    }

    /// Whether the webhook is asked about this dry-run creation.
    async fn asks_about(&self, user: &str, metadata: Value) -> bool {
        let api: Api<Namespace> = Api::all(self.cluster.client(user).expect("a client"));
        let namespace = serde_json::from_value(json!({"metadata": metadata})).expect("a namespace");
        was_asked(
            api.create(&PostParams { dry_run: true, ..PostParams::default() }, &namespace).await,
        )
    }

    /// Whether it is asked about this dry-run edit.
    async fn asks_about_edit(&self, name: &str, status: bool, labels: Value) -> bool {
        let params = PatchParams { dry_run: true, ..PatchParams::default() };
        let patch = Patch::Merge(json!({"metadata": {"labels": labels}}));
        let api = self.namespaces();
        was_asked(if status {
            api.patch_status(name, &params, &patch).await
        } else {
            api.patch(name, &params, &patch).await
        })
    }

    /// By what is done, whether the webhook is asked.
    async fn questions(&self) -> BTreeMap<&'static str, bool> {
        let admin = |metadata: Value| self.asks_about(ADMIN, metadata);
        let prod = json!({"env": "prod"});
        let probe = json!({"name": "landlord-probe", "labels": {"landlord.dev/tenant": "solar"}});
        let baseline =
            |name: &str| json!({"name": name, "labels": {"landlord.dev/probe": "baseline"}});
        BTreeMap::from([
            ("a critical name", admin(json!({"name": "pay-eu"})).await),
            ("a critical label", admin(json!({"name": "any", "labels": prod})).await),
            (
                "a critical label and an exception",
                admin(json!({"name": "any", "labels": {"env": "prod", "tier": "low"}})).await,
            ),
            ("a critical name to be made", admin(json!({"generateName": "pay-"})).await),
            ("a name to be made that may be critical", admin(json!({"generateName": "p"})).await),
            ("another name to be made", admin(json!({"generateName": "ci-"})).await),
            ("another name", admin(json!({"name": "repay-eu"})).await),
            ("an excluded name", admin(json!({"name": "kube-evil"})).await),
            (
                "an edit of a critical one",
                self.asks_about_edit("critical", false, json!({"a": "b"})).await,
            ),
            (
                "dropping the critical label",
                self.asks_about_edit("critical", false, json!({"env": null})).await,
            ),
            (
                "dropping it through the status",
                self.asks_about_edit("critical", true, json!({"env": null})).await,
            ),
            ("an edit of another", self.asks_about_edit("other", false, json!({"a": "b"})).await),
            (
                "taking on the critical label",
                self.asks_about_edit("other", false, prod.clone()).await,
            ),
            ("the controller's probe", self.asks_about(CONTROLLER, probe.clone()).await),
            (
                "the controller's baseline",
                self.asks_about(CONTROLLER, baseline("landlord-probe")).await,
            ),
            ("the probe's form by another user", admin(probe).await),
            ("the baseline's form by another user", admin(baseline("pay-eu")).await),
        ])
    }

    /// In this mode it is asked about exactly these.
    async fn asks_exactly(&self, expected: &[&'static str]) {
        self.set_dead_webhook().await;
        let mut questions = BTreeMap::new();
        let asked = |questions: &BTreeMap<&'static str, bool>| {
            let mut asked: Vec<&str> =
                questions.iter().filter(|(_, asked)| **asked).map(|(what, _)| *what).collect();
            asked.sort_unstable();
            asked
        };
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        // The API server takes a moment to see a changed webhook.
        comes_true(async || {
            questions = self.questions().await;
            asked(&questions) == expected
        })
        .await;
        assert_eq!(asked(&questions), expected);
        self.remove_dead_webhook().await;
    }
}

fn was_asked<T>(answer: kube::Result<T>) -> bool {
    match answer {
        Ok(_) => false,
        Err(kube::Error::Api(status))
            if status.message.contains("failed calling webhook \"dead.landlord.dev\"") =>
        {
            true
        }
        Err(error) => panic!("neither: {error}"),
    }
}

#[tokio::test]
async fn the_api_server_asks_about_what_a_mode_says_and_nothing_else() {
    let labels = json!({"matchLabels": {"env": "prod"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["low"]}]});
    let strategy = json!({"mode": "hybrid", "critical": {"labels": labels, "names": ["pay-*"]}, "auto": {"period": "1s"}});
    let world = world(&strategy, &["--without-guard"]).await;
    world.comes_to_mode("hybrid").await;
    world.create_bare("critical", json!({"env": "prod"})).await;
    world.create_bare("other", json!({})).await;
    let shipped =
        policy(&strategy)["spec"]["matchConditions"].as_array().cloned().expect("conditions");
    assert_eq!(world.conditions().await[..shipped.len()], shipped[..]);
    let critical = [
        "a critical name",
        "a critical label",
        "a critical name to be made",
        "a name to be made that may be critical",
        "an excluded name",
        "an edit of a critical one",
        "dropping the critical label",
        "dropping it through the status",
        "taking on the critical label",
        "the controller's probe",
        "the baseline's form by another user",
    ];
    world.asks_exactly(&critical).await;

    let pinned: Value =
        serde_json::from_str(&world.strategy("--pin controller --without-guard -o json").await.out)
            .expect("JSON");
    assert_eq!(
        pinned["chosen"],
        "`controller`, pinned by annotation landlord.dev/strategy-pin of the policy"
    );
    world.comes_to_mode("controller").await;
    world.asks_exactly(&["the controller's probe"]).await;

    assert_eq!(world.strategy("--pin webhook").await.code, Some(0));
    world.comes_to_mode("webhook").await;
    world
        .asks_exactly(
            &world
                .questions()
                .await
                .into_keys()
                .filter(|what| *what != "the controller's baseline")
                .collect::<Vec<_>>(),
        )
        .await;
    a_condition_comes_back_and_goes(&world, &shipped, &strategy).await;
}

/// Applied anew, as GitOps does: the condition comes back. No strategy any more: it goes.
async fn a_condition_comes_back_and_goes(world: &World, shipped: &[Value], strategy: &Value) {
    let client = world.cluster.client(ADMIN).expect("a client");
    let replace = async |matchers: &[Value], strategy: Value| {
        let spec = json!({"matchConditions": matchers, "settings": {"strategy": strategy}});
        let patch = Patch::Merge(json!({"spec": spec}));
        policies(&client)
            .patch("landlord", &PatchParams::default(), &patch)
            .await
            .expect("patched");
    };
    replace(shipped, strategy.clone()).await;
    eventually("the condition", async || world.conditions().await.len() == shipped.len() + 1).await;
    replace(&world.conditions().await, Value::Null).await;
    eventually("no condition", async || world.conditions().await == shipped).await;
    assert_eq!(world.mode().await, None);
    nothing_is_set_for_programs_too(world).await;
}

/// The webhook is pinned still; there is nobody to obey.
async fn nothing_is_set_for_programs_too(world: &World) {
    for words in ["-o json", "--unpin -o json"] {
        let unset = world.strategy(words).await;
        let report: Value = serde_json::from_str(&unset.out).expect("JSON");
        assert_eq!(
            (unset.code, &report["apiVersion"], &report["mode"]),
            (Some(0), &json!("landlord.dev/strategy/v1"), &json!("webhook"))
        );
        assert!(
            report["chosen"].is_null()
                && report["reason"]
                    .as_str()
                    .is_some_and(|why| why.starts_with("no strategy is set")),
            "{report}"
        );
    }
    assert!(world.strategy("").await.out.starts_with("no strategy is set"));
}
