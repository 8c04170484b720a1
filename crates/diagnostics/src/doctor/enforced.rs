//! Whether the guard is enforced: a Pod in a namespace that is not ready is refused, or held.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::Api;
use tenancy::metadata::Metadata;
use tenancy::ready::{is_ready, labelled_tenant};

use super::trial::{create, refused_by_guard};
use super::{Check, CheckContext, Finding};
use cluster::admission_policies::trial::NAMESPACE;
use cluster::error::message;
use guard::GATE;
use guard::form::Form;

/// Namespaces that are tried until one says something.
const TRIES: usize = 3;

fn fix(context: &CheckContext) -> String {
    let flags = context.guard_form().ok().flatten().map_or("", Form::flags);
    format!(
        "`landlord render guard{flags} | kubectl apply -f -`; if it is there, look at excludedNamespaces and at who you are: look for the policies' bindings"
    )
}

/// What became of the Pod.
enum Answer {
    Refused,
    Held,
    None,
    Unknown(String),
}

pub(super) async fn check(context: &CheckContext) -> Finding {
    let mut reason = "no namespace is unready, so there is none to try it in".to_owned();
    for namespace in candidates(context).await {
        match try_pod(&context.client, &namespace).await {
            Answer::Refused => {
                return Check::GuardEnforced.good(format!(
                    "a Pod in namespace {namespace}, which is not ready, is refused"
                ));
            }
            Answer::Held => {
                return Check::GuardEnforced
                    .good(format!("a Pod in namespace {namespace}, which is not ready, is held"));
            }
            Answer::None => {
                return Check::GuardEnforced.wrong(
                    format!("a Pod is let into namespace {namespace}, which is not ready"),
                    fix(context),
                );
            }
            Answer::Unknown(error) => {
                reason = format!(
                    "a Pod in namespace {namespace} was refused, by another policy or webhook: {error}"
                )
            }
        }
    }
    let label = context.inventory.settings.tenant_label();
    let fix = format!(
        "keep one unready for it: namespace {NAMESPACE} with the label {label}={NAMESPACE}; the webhook lets it in with `unknownTenant: allow`"
    );
    Check::GuardEnforced.unknown(reason, fix)
}

async fn try_pod(client: &Client, namespace: &str) -> Answer {
    match create(client, namespace).await {
        Ok(pod) => {
            let gates = pod.spec.and_then(|spec| spec.scheduling_gates).unwrap_or_default();
            if gates.iter().any(|gate| gate.name == GATE) { Answer::Held } else { Answer::None }
        }
        Err(error) if refused_by_guard(&error) => Answer::Refused,
        Err(error) => Answer::Unknown(message(&error)),
    }
}

/// Claimed namespaces that are not ready; first the one that is there for it.
async fn candidates(context: &CheckContext) -> Vec<String> {
    let settings = &context.inventory.settings;
    let unready = |metadata: &Metadata| {
        labelled_tenant(settings, metadata).is_some() && !is_ready(settings, metadata)
    };
    let probe = Api::<Namespace>::all(context.client.clone())
        .get_metadata_opt(NAMESPACE)
        .await
        .ok()
        .flatten();
    let probe = probe.map(|found| found.metadata).filter(|meta| {
        let map = |map: &Option<BTreeMap<String, String>>| map.clone().unwrap_or_default();
        let metadata = Metadata { labels: map(&meta.labels), annotations: map(&meta.annotations) };
        !settings.excludes(NAMESPACE) && unready(&metadata)
    });
    let others =
        context.assessments.iter().filter(|one| one.name != NAMESPACE && unready(&one.before));
    probe
        .map(|_| NAMESPACE.to_owned())
        .into_iter()
        .chain(others.map(|one| one.name.clone()))
        .take(TRIES)
        .collect()
}
