//! Strategy record: the ConfigMap, beside the lease, in which the leader keeps what it remembers of
//! the strategy.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::FIELD_MANAGER;

/// The ConfigMap's name, and the key of its data.
const NAME: &str = "landlord-strategy";
const KEY: &str = "record.json";

/// The text of the record; `None` where there is none.
pub async fn read(client: &Client, namespace: &str) -> Result<Option<String>, Error> {
    let found = api(client, namespace).get_opt(NAME).await?;
    Ok(found.and_then(|map| map.data).and_then(|mut data| data.remove(KEY)))
}

/// Puts this text in its place.
pub async fn write(client: &Client, namespace: &str, text: &str) -> Result<(), Error> {
    let object = json!({"metadata": {"name": NAME}, "data": {KEY: text}});
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    match api(client, namespace).patch(NAME, &params, &Patch::Merge(&object)).await {
        Err(Error::Api(status)) if status.code == 404 => {
            let map: ConfigMap = serde_json::from_value(object).map_err(Error::SerdeError)?;
            api(client, namespace).create(&PostParams::default(), &map).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}

/// Deletes it, unless that is only tried; whether it was there.
pub async fn delete(client: &Client, namespace: &str, dry: bool) -> Result<bool, Error> {
    if dry {
        return Ok(api(client, namespace).get_opt(NAME).await?.is_some());
    }
    match api(client, namespace).delete(NAME, &DeleteParams::default()).await {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

fn api(client: &Client, namespace: &str) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), namespace)
}
