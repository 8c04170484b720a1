//! Leader record: a ConfigMap, beside the lease, in which the leader keeps what the next one has to
//! know.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tenancy::keys::FIELD_MANAGER;

/// What is remembered of the strategy.
pub const STRATEGY: LeaderRecord = LeaderRecord("landlord-strategy");
/// What is remembered of Pods outside their pool.
pub const VIOLATIONS: LeaderRecord = LeaderRecord("landlord-violations");
/// The key of the data.
const KEY: &str = "record.json";

/// The ConfigMap's name.
#[derive(Clone, Copy, Debug)]
pub struct LeaderRecord(&'static str);

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub text: String,
    /// The ConfigMap's `resourceVersion`.
    pub version: String,
}

impl LeaderRecord {
    /// The ConfigMap's name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The record; `None` where there is none.
    pub async fn read(self, client: &Client, namespace: &str) -> Result<Option<Stored>, Error> {
        let found = api(client, namespace).get_opt(self.0).await?;
        Ok(found.and_then(stored))
    }

    /// Puts this text in its place, and returns the version that it has then. With a `version`, only
    /// where that is still the one in the cluster: else it is a conflict (409).
    pub async fn write(
        self,
        client: &Client,
        namespace: &str,
        text: &str,
        version: Option<&str>,
    ) -> Result<String, Error> {
        let object =
            json!({"metadata": {"name": self.0, "resourceVersion": version}, "data": {KEY: text}});
        let params =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let written =
            match api(client, namespace).patch(self.0, &params, &Patch::Merge(&object)).await {
                Err(Error::Api(status)) if status.code == 404 => {
                    let object = json!({"metadata": {"name": self.0}, "data": {KEY: text}});
                    let map: ConfigMap =
                        serde_json::from_value(object).map_err(Error::SerdeError)?;
                    api(client, namespace).create(&PostParams::default(), &map).await?
                }
                outcome => outcome?,
            };
        Ok(written.metadata.resource_version.unwrap_or_default())
    }

    /// Deletes it, unless that is only tried; whether it was there.
    pub async fn delete(self, client: &Client, namespace: &str, dry: bool) -> Result<bool, Error> {
        if dry {
            return Ok(api(client, namespace).get_opt(self.0).await?.is_some());
        }
        match api(client, namespace).delete(self.0, &DeleteParams::default()).await {
            Ok(_) => Ok(true),
            Err(Error::Api(status)) if status.code == 404 => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn stored(mut map: ConfigMap) -> Option<Stored> {
    let text = map.data.take()?.remove(KEY)?;
    Some(Stored { text, version: map.metadata.resource_version.unwrap_or_default() })
}

fn api(client: &Client, namespace: &str) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), namespace)
}
