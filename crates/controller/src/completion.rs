//! Completion: the names that a shell offers while a command line is typed.
//!
//! They come from the cluster that the kubeconfig points at. A shell that waits is worse than one that offers nothing: there is a second for it, and
//! no error is shown.

use std::time::Duration;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ListParams};
use kube::config::Kubeconfig;
use serde_json::Value;
use tenancy::settings::Settings;

use crate::cluster;

/// How long the cluster has.
const PATIENCE: Duration = Duration::from_secs(1);
/// More names than anybody reads.
const MOST: u32 = 500;

/// Names of namespaces.
pub(crate) fn namespaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |client: Client| {
            let api: Api<Namespace> = Api::all(client);
            let list = api.list_metadata(&ListParams::default().limit(MOST)).await.ok()?;
            Some(list.items.into_iter().filter_map(|found| found.metadata.name).collect())
        })
    })
}

/// Names of tenants of landlord's own kind, else of Capsule's.
pub(crate) fn tenants() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |client: Client| {
            for source in ["landlord", "capsule"] {
                let settings = Settings::from_value(&serde_json::json!({"tenantSource": source})).ok()?;
                let found = cluster::tenant_objects(&client, &settings).await.unwrap_or_default();
                if !found.is_empty() {
                    return Some(found.into_iter().map(|(name, _): (String, Value)| name).collect());
                }
            }
            None
        })
    })
}

/// Contexts of the kubeconfig.
pub(crate) fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let contexts = Kubeconfig::read().map(|kubeconfig| kubeconfig.contexts).unwrap_or_default();
        contexts.into_iter().map(|context| CompletionCandidate::new(context.name)).collect()
    })
}

fn ask(question: impl AsyncFn(Client) -> Option<Vec<String>>) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return Vec::new() };
    let answer = runtime.block_on(async {
        let names = async { question(cluster::client().await.ok()?).await };
        tokio::time::timeout(PATIENCE, names).await.ok().flatten()
    });
    runtime.shutdown_background();
    answer.unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}
