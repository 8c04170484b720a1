//! The webhook: a namespace for a real tenant is created as a dry run, and the answer has to carry
//! a ledger.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::FIELD_MANAGER;
use tenancy::namespace::Namespace as Plain;
use tenancy::settings::Settings;

use super::{Check, CheckContext, Finding};
use assessment::Assessment;
use cluster::error::message;
use cluster::settings::Origin;
use cluster::webhooks::{self, Gap};

/// What the namespace would be called; the first name that is not excluded is taken.
const NAMES: [&str; 2] = ["landlord-doctor", "doctor-of-landlord"];
/// The label that the API server sets itself, once a namespace has its name.
const METADATA_NAME: &str = "kubernetes.io/metadata.name";
/// Creations of which the slowest is reported.
const TRIES: usize = 5;
/// Tenants that are tried; others may not be this user's.
const TENANTS: usize = 3;

/// What the API server says to a creation.
enum Answer {
    Ledger,
    NoLedger,
    /// By the webhook itself.
    Refused(String),
    NoWebhook(String),
    Other(String),
}

pub(super) async fn check(context: &CheckContext) -> Finding {
    if context.origin == Origin::ConfigMap {
        return Check::Webhook
            .skipped("there is none: the settings are in a ConfigMap, so the controller works alone, and the guard takes its place");
    }
    let settings = &context.inventory.settings;
    let Some(name) = NAMES.into_iter().find(|name| !settings.excludes(name)) else {
        return Check::Webhook.unknown(
            "excludedNamespaces matches every name that could be tried",
            "narrow excludedNamespaces",
        );
    };
    let tenants = candidates(context, name);
    if tenants.is_empty() {
        return Check::Webhook.unknown(
            "there is no tenant that a namespace could be created for",
            "create a tenant, and ask again",
        );
    }
    create_for_one(context, name, tenants).await
}

/// The first tenant that the webhook lets claim decides; others may not be this user's.
async fn create_for_one(context: &CheckContext, name: &str, tenants: Vec<String>) -> Finding {
    let settings = &context.inventory.settings;
    let mut refusals = Vec::new();
    for tenant in tenants {
        match create(context, settings, name, &tenant).await.0 {
            Answer::Ledger => {
                let good = timed(context, settings, name, &tenant).await;
                return selectors(context, name, &tenant).await.unwrap_or(good);
            }
            Answer::Refused(message) => refusals.push((tenant, message)),
            Answer::NoLedger => {
                return Check::Webhook.wrong(
                    "a new namespace of a tenant came back without a ledger: the webhook is not installed, or is not asked",
                    INSTALL,
                );
            }
            Answer::NoWebhook(message) => return Check::Webhook.wrong(
                message,
                "look at the policy server's Pods and their log; `kubectl get clusteradmissionpolicies` says whether the policy is active",
            ),
            Answer::Other(message) => {
                return Check::Webhook.unknown(message, "ask as a user who may create namespaces and owns a tenant");
            }
        }
    }
    let messages: Vec<&str> = refusals.iter().map(|(_, message)| message.as_str()).collect();
    let good = Check::Webhook.good(format!(
        "it answers, but lets you claim none of the tenants that were tried: {}",
        messages.join("; ")
    ));
    match refusals.first() {
        Some((tenant, _)) => selectors(context, name, tenant).await.unwrap_or(good),
        None => good,
    }
}

/// What is wrong with the selectors of the webhook that is in force: each that a creator can make
/// miss is tried.
async fn selectors(context: &CheckContext, name: &str, tenant: &str) -> Option<Finding> {
    let configurations = match &context.webhooks {
        Ok(configurations) => configurations,
        Err(error) => {
            return Some(Check::Webhook.unknown(
                format!("it answers, but which namespaces it is asked about is not known: {error}"),
                "let yourself list mutatingwebhookconfigurations",
            ));
        }
    };
    let mut missed = Vec::new();
    for gap in webhooks::gaps(configurations) {
        if let Some(what) = miss(context, name, tenant, &gap).await {
            missed.push((what, gap));
        }
    }
    let what: Vec<&str> = missed.iter().map(|(what, _)| what.as_str()).collect();
    let (_, first) = missed.first()?;
    Some(Check::Webhook.wrong(what.join("; "), fix(first)))
}

fn fix(gap: &Gap) -> &'static str {
    if gap.key == METADATA_NAME {
        "set `allowInsideAdmissionControllerNamespace: true` in the ClusterAdmissionPolicy, as deploy/cluster-admission-policy.yaml does (Kubewarden 1.33 or newer)"
    } else {
        "take the selector out of the ClusterAdmissionPolicy and exclude by its matchConditions; where the platform writes it (AKS: label the webhook configuration \
         admissions.enforcer/disabled=true), let the guard with `guard: {scope: all}` and `unclaimed: reject` hold Pods"
    }
}

/// Creates a namespace, as a dry run, that the selector misses; what came of it, unless the webhook
/// was asked all the same.
async fn miss(context: &CheckContext, name: &str, tenant: &str, gap: &Gap) -> Option<String> {
    let label = context.inventory.settings.tenant_label();
    let mut labels = BTreeMap::from([(label.to_owned(), tenant.to_owned())]);
    labels.remove(&gap.key);
    labels.extend(gap.value.clone().map(|value| (gap.key.clone(), value)));
    let namespace = json!({"metadata": {"generateName": format!("{name}-"), "labels": labels}});
    let answer =
        dry_run(&context.client, serde_json::from_value(namespace).unwrap_or_default()).await;
    let with = gap.value.as_ref().map_or(format!("without label {}", gap.key), |value| {
        format!("with label {}={value}", gap.key)
    });
    let selector = &gap.requirement;
    match judge(answer, &context.policy) {
        Answer::Ledger | Answer::Refused(_) => None,
        Answer::NoLedger => Some(format!(
            "it is not asked about a namespace {with} ({selector}), which anyone who creates namespaces can make"
        )),
        Answer::NoWebhook(message) | Answer::Other(message) => Some(format!(
            "it is not asked about a namespace {with} ({selector}); that could not be tried: {message}"
        )),
    }
}

const INSTALL: &str = "apply deploy/cluster-admission-policy.yaml; in strategy `controller` the guard takes its place: say --skip webhook";

/// The first few tenants whose namespaces the engine has no fault with.
fn candidates(context: &CheckContext, name: &str) -> Vec<String> {
    let settings = &context.inventory.settings;
    let accepted = |tenant: &String| {
        let mut namespace = Plain { name: Some(name.to_owned()), ..Plain::default() };
        namespace.metadata.labels.insert(settings.tenant_label().to_owned(), tenant.clone());
        let assessment = Assessment::judge(
            settings,
            &namespace,
            || json!({}),
            |name| context.inventory.tenant(name),
        );
        assessment.fault.is_none() && !assessment.is_rejected()
    };
    context.tenants().into_iter().map(|(tenant, _)| tenant).filter(accepted).take(TENANTS).collect()
}

async fn timed(context: &CheckContext, settings: &Settings, name: &str, tenant: &str) -> Finding {
    let mut slowest = Duration::ZERO;
    for _ in 0..TRIES {
        slowest = slowest.max(create(context, settings, name, tenant).await.1);
    }
    Check::Webhook.good(format!(
        "it answers; creating a namespace for tenant {tenant} takes {} ms, the slowest of {TRIES}",
        slowest.as_millis()
    ))
}

async fn create(
    context: &CheckContext,
    settings: &Settings,
    name: &str,
    tenant: &str,
) -> (Answer, Duration) {
    let namespace =
        json!({"metadata": {"name": name, "labels": {settings.tenant_label(): tenant}}});
    let began = Instant::now();
    let answer =
        dry_run(&context.client, serde_json::from_value(namespace).unwrap_or_default()).await;
    (judge(answer, &context.policy), began.elapsed())
}

async fn dry_run(client: &Client, namespace: Namespace) -> Result<Namespace, Error> {
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    Api::<Namespace>::all(client.clone()).create(&params, &namespace).await
}

fn judge(answer: Result<Namespace, Error>, policy: &str) -> Answer {
    match answer {
        Ok(namespace) => {
            let annotations = namespace.metadata.annotations.unwrap_or_default();
            if annotations.contains_key(tenancy::ledger::ANNOTATION) {
                Answer::Ledger
            } else {
                Answer::NoLedger
            }
        }
        Err(error) => {
            let message = message(&error);
            if webhooks::is_refusal_by(&message, policy) {
                Answer::Refused(message)
            } else if message.contains("failed calling webhook") {
                Answer::NoWebhook(message)
            } else {
                Answer::Other(message)
            }
        }
    }
}
