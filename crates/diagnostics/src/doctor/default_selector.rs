//! The cluster's default node selector (`clusterDefaultNodeSelector`, or a namespace's default of
//! the plugin): Pods of namespaces without a selector carry it, and held Pods are such.

use tenancy::keys::NODE_SELECTOR;
use tenancy::settings::OnUnready;

use super::trial::create;
use super::{Check, CheckContext, Finding};
use cluster::error::message;

/// A namespace that every cluster has.
const NAMESPACE: &str = "default";

pub(super) async fn check(context: &CheckContext) -> Finding {
    let settings = &context.inventory.settings;
    if settings.guard.on_unready == OnUnready::Deny {
        return Check::DefaultSelector.good("no Pod is held: the settings say `onUnready: deny`");
    }
    let own = context
        .assessments
        .iter()
        .find(|one| one.name == NAMESPACE)
        .and_then(|one| one.before.annotations.get(NODE_SELECTOR));
    if own.is_some() {
        return Check::DefaultSelector.unknown(
            "namespace default has a selector of its own",
            "take that annotation away, or say --skip default-selector",
        );
    }
    match create(&context.client, NAMESPACE).await {
        Ok(pod) => match pod.spec.and_then(|spec| spec.node_selector).filter(|selector| !selector.is_empty()) {
            None => Check::DefaultSelector.good("the cluster has no default node selector"),
            Some(selector) => Check::DefaultSelector.wrong(
                format!("a Pod in namespace default gets {selector:?}, so the cluster has a default node selector"),
                "set `guard: {onUnready: deny}`, or remove clusterDefaultNodeSelector from the API server's PodNodeSelector configuration",
            ),
        },
        Err(error) => Check::DefaultSelector
            .unknown(format!("a Pod in namespace default was refused: {}", message(&error)), "ask as a user who may create Pods there"),
    }
}
