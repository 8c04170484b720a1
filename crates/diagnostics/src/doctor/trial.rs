//! Trial: a Pod that the API server judges and does not store.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use tenancy::keys::FIELD_MANAGER;

use cluster::admission_policies::trial::{REFUSAL, harmless_pod};

const NAME: &str = "landlord-doctor";

/// Creates one in this namespace, as a dry run.
pub(super) async fn create(client: &Client, namespace: &str) -> Result<Pod, Error> {
    let params = PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) };
    Api::<Pod>::namespaced(client.clone(), namespace).create(&params, &harmless_pod(NAME)).await
}

/// Whether the guard refused it.
pub(super) fn refused_by_guard(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.message.contains(REFUSAL))
}
