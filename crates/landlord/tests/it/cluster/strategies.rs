//! Strategies: the condition as the API server evaluates it, what the guard is asked for, and the
//! command.

use std::collections::BTreeMap;
use std::fs;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use local_cluster::kubewarden::{DEFINITION, policies};
use local_cluster::manifest::{api_of, apply_object};
use local_cluster::user::{ADMIN, CONTROLLER};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::world::{World, comes_true, eventually};
use crate::landlord::{Run, root, run};

const CONDITION: &str = "landlord-strategy";

/// The shipped policy with a strategy. Nobody runs it here.
fn policy(strategy: &Value) -> Value {
    let text = fs::read_to_string(root().join("deploy/cluster-admission-policy.yaml"))
        .expect("the policy");
    let mut policy: Value = serde_saphyr::from_str(&text).expect("YAML");
    let excluded = ["kube-*", "landlord", "kubewarden"];
    policy["spec"]["settings"] =
        json!({"excludedNamespaces": excluded, "guard": {"scope": "all"}, "strategy": strategy});
    policy
}

async fn world(strategy: &Value, arguments: &[&str]) -> World {
    let mut world = World::without_controller("landlord").await;
    world.cluster.apply(DEFINITION).await.expect("the kind");
    world.cluster.apply(&policy(strategy).to_string()).await.expect("the policy");
    world.add_controller_with(&[&["--policy=landlord"], arguments].concat(), "one").await;
    world
}

impl World {
    async fn policy_object(&self) -> DynamicObject {
        policies(&self.cluster.client(ADMIN).expect("a client"))
            .get("landlord")
            .await
            .expect("the policy")
    }

    async fn mode(&self) -> Option<String> {
        self.policy_object()
            .await
            .metadata
            .annotations
            .unwrap_or_default()
            .remove("landlord.dev/strategy")
    }

    async fn comes_to_mode(&self, mode: &str) {
        eventually(mode, async || self.mode().await.as_deref() == Some(mode)).await;
    }

    async fn conditions(&self) -> Vec<Value> {
        self.policy_object().await.data["spec"]["matchConditions"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// `landlord strategy` as the cluster's admin.
    async fn strategy(&self, words: &str) -> Run {
        let words =
            format!("strategy {words} --kubeconfig={}", self.cluster.kubeconfig().display());
        tokio::task::spawn_blocking(move || run(&words)).await.expect("the command")
    }

    async fn report(&self) -> Value {
        serde_json::from_str(&self.strategy("-o json").await.out).expect("JSON")
    }

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

    // Applied anew, as GitOps does: the condition comes back. No strategy any more: it goes.
    let client = world.cluster.client(ADMIN).expect("a client");
    let replace = async |matchers: &[Value], strategy: Value| {
        let spec = json!({"matchConditions": matchers, "settings": {"strategy": strategy}});
        let patch = Patch::Merge(json!({"spec": spec}));
        policies(&client)
            .patch("landlord", &PatchParams::default(), &patch)
            .await
            .expect("patched");
    };
    replace(&shipped, strategy.clone()).await;
    eventually("the condition", async || world.conditions().await.len() == shipped.len() + 1).await;
    replace(&world.conditions().await, Value::Null).await;
    eventually("no condition", async || world.conditions().await == shipped).await;
    assert_eq!(world.mode().await, None);
    nothing_is_set_for_programs_too(&world).await;
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

/// The guard, as it is rendered for the policy's settings and these flags.
fn guard(flags: &str) -> String {
    let file = NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(file.path(), policy(&json!({})).to_string()).expect("written");
    let run = run(&format!("render guard --settings={} {flags}", file.path().display()));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    run.out
}

/// A guard that lets no Pod in, and is not the one for these settings: nothing is left to the
/// controller, and it is said why.
async fn half_a_guard_is_none(world: &World) {
    let deny = guard("")
        .split("---\n")
        .filter(|object| object.contains("landlord.dev/guard: deny"))
        .collect::<Vec<_>>()
        .join("---\n");
    world.cluster.apply(&deny).await.expect("one part");
    let missing = "the guard is not enforced: parts of it are missing, or not bound: names, stamp, seal, refusal, references, room, hold, binding";
    eventually("what is missing", async || world.strategy("").await.out.contains(missing)).await;
    // Rendered before the settings said `all`.
    world.cluster.apply(&guard("--scope=labelled")).await.expect("an old guard");
    let old = "part deny is not the one for these settings: it differs in matchConstraints";
    eventually("what differs", async || world.strategy("").await.out.contains(old)).await;
    assert_eq!(world.mode().await.as_deref(), Some("webhook"));
    assert_eq!(world.report().await["history"], json!([]));
}

#[tokio::test]
async fn nothing_is_left_to_the_controller_without_a_guard() {
    let mut world = world(&json!({"mode": "controller", "auto": {"period": "1s"}}), &[]).await;
    eventually("a refusal", async || world.report().await["refused"] == true).await;
    assert_eq!(world.mode().await.as_deref(), Some("webhook"));
    let report = world.strategy("").await;
    assert_eq!(report.code, Some(2), "{}{}", report.out, report.err);
    assert!(
        report
            .out
            .contains("`controller`, the settings' mode is refused: the guard is not enforced"),
        "{}",
        report.out
    );
    eventually("its Event", async || {
        world
            .events("ClusterAdmissionPolicy", "landlord")
            .await
            .iter()
            .any(|(reason, _)| reason == "StrategyRefused")
    })
    .await;
    // The namespace that is kept unready for the question is not among those that landlord reports.
    assert!(!world.log("one").contains("not compliant"), "{}", world.log("one"));

    half_a_guard_is_none(&world).await;
    world.cluster.apply(&guard("--on-unready=deny")).await.expect("a guard");
    world.comes_to_mode("controller").await;
    assert_eq!(world.strategy("").await.code, Some(0));
    assert!(
        world.page("one", "/metrics").await.contains("landlord_strategy{mode=\"controller\"} 1")
    );

    let refused = world.strategy("--pin hybrid").await;
    assert!(
        refused.code == Some(1) && refused.err.contains("strategy.critical"),
        "{}",
        refused.err
    );
    assert_eq!(
        world.strategy("--pin webhook").await.out,
        "pinned to webhook: the controller follows at its next measurement\n"
    );
    world.comes_to_mode("webhook").await;
    let unpinned = world.strategy("--unpin -o yaml").await;
    let report: Value = serde_saphyr::from_str(&unpinned.out).expect("YAML");
    assert_eq!(
        (unpinned.code, &report["chosen"]),
        (Some(0), &json!("`controller`, the settings' mode"))
    );
    world.comes_to_mode("controller").await;

    let object = serde_json::from_value(json!({"apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "landlord-guard-deny"}}))
    .expect("an object");
    let bindings =
        api_of(&world.cluster.client(ADMIN).expect("a client"), &object).await.expect("the kind");
    bindings.delete("landlord-guard-deny", &DeleteParams::default()).await.expect("deleted");
    world.comes_to_mode("webhook").await;
    world.cluster.apply(&guard("--on-unready=hold --place")).await.expect("another guard");
    world.comes_to_mode("controller").await;
    eventually("the whole story", async || {
        let report = world.report().await;
        let history: Vec<Value> = report["history"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["to"].clone())
            .collect();
        history == ["controller", "webhook", "controller", "webhook", "controller"]
    })
    .await;

    whoever_leads_next_goes_on(&mut world).await;
}

async fn whoever_leads_next_goes_on(world: &mut World) {
    let before = world.report().await;
    world.controller(0).signal(Signal::SIGTERM).expect("a signal");
    world.add_controller_with(&["--policy=landlord"], "two").await;
    eventually("another leader's measurement", async || {
        world.page("two", "/metrics").await.contains("landlord_strategy{mode=\"controller\"} 1")
    })
    .await;
    let after = world.report().await;
    assert_eq!((&after["history"], &after["since"]), (&before["history"], &before["since"]));
}

#[tokio::test]
async fn a_broken_strategy_is_refused_with_the_settings() {
    let world = world(&json!({"mode": "hybrit"}), &[]).await;
    let words = "strategy.mode: unknown variant `hybrit`, expected one of `webhook`, `controller`, `hybrid`, `auto`; did you mean `hybrid`?";
    eventually("the refusal", async || world.log("one").contains(words)).await;
    for command in ["strategy", "plan", "status", "doctor", "audit", "backfill"] {
        let line = format!("{command} --kubeconfig={}", world.cluster.kubeconfig().display());
        let report = tokio::task::spawn_blocking(move || run(&line)).await.expect("the command");
        assert!(report.code == Some(1) && report.err.contains(words), "{command}: {}", report.err);
    }
}
