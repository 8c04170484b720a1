//! The plugin PodNodeSelector: a Pod in a namespace that carries a selector gets it.

use k8s_openapi::api::core::v1::Pod;
use tenancy::keys::NODE_SELECTOR;
use tenancy::selector::NodeSelector;

use super::trial::{create, refused_by_guard};
use super::{Check, CheckContext, Finding};
use assessment::State;
use cluster::error::message;

/// Namespaces that are tried until one says something; quotas and the like may refuse a Pod in
/// some.
const TRIES: usize = 3;
const FIX: &str = "add PodNodeSelector to --enable-admission-plugins of every API server; where that is not possible (EKS, GKE), let the guard do its work: \
                   `landlord render guard --place | kubectl apply -f -`, or before Kubernetes 1.36 the policy: deploy/cluster-admission-policy-pods.yaml";

pub(super) async fn check(context: &CheckContext) -> Finding {
    let mut refusal = None;
    for (namespace, selector) in candidates(context) {
        match create(&context.client, namespace).await {
            Ok(pod) if carries(&pod, &selector) => {
                return Check::PodNodeSelector
                    .good(format!("a Pod in namespace {namespace} gets {selector}"));
            }
            Ok(_) => {
                return Check::PodNodeSelector
                    .wrong(format!("a Pod in namespace {namespace} does not get {selector}"), FIX);
            }
            Err(error) if refused_by_guard(&error) => {
                return Check::PodNodeSelector
                    .wrong(format!("a Pod in namespace {namespace} does not get {selector}, and the guard refuses it"), FIX);
            }
            Err(error) => {
                refusal = Some(format!(
                    "a Pod in namespace {namespace} was refused, by another policy or webhook: {}",
                    message(&error)
                ))
            }
        }
    }
    let what = refusal.unwrap_or_else(|| {
        "there is no compliant namespace with a node selector to try it in".to_owned()
    });
    Check::PodNodeSelector
        .unknown(what, "create a namespace of a tenant with a node selector, and ask again as a user who may create Pods there")
}

fn candidates(context: &CheckContext) -> impl Iterator<Item = (&str, NodeSelector)> {
    let compliant = context.assessments.iter().filter(|one| one.state() == State::Compliant);
    let selector =
        |text: &String| text.parse::<NodeSelector>().ok().filter(|selector| !selector.is_empty());
    let found = compliant.filter_map(move |one| {
        Some((one.name.as_str(), one.before.annotations.get(NODE_SELECTOR).and_then(selector)?))
    });
    found.take(TRIES)
}

fn carries(pod: &Pod, selector: &NodeSelector) -> bool {
    let own = pod.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    own.is_some_and(|own| {
        selector.iter().all(|(key, value)| own.get(key).is_some_and(|found| found == value))
    })
}
