//! Storm: 429 for the controllers. Their share of the API server is nothing; it still takes one
//! request at a time, so that place is taken.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ListParams};
use local_cluster::manifest;
use serde_json::json;

/// Who stands in line for the one place.
const CROWD: usize = 6;
const AGAIN: Duration = Duration::from_millis(500);

pub(super) struct Storm {
    pub(super) admin: Client,
    pub(super) controller: Client,
}

impl Storm {
    /// For so long.
    pub(super) async fn rage(self, time: Duration) {
        if manifest::apply(&self.admin, &share(0)).await.is_err() {
            // Where the API server is down, there is no storm.
            return;
        }
        let crowd: FuturesUnordered<_> = (0..CROWD).map(|_| self.push()).collect();
        // They push until the time is over.
        drop(tokio::time::timeout(time, crowd.collect::<Vec<()>>()).await);
        while manifest::apply(&self.admin, &share(100)).await.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn push(&self) {
        let namespaces: Api<Namespace> = Api::all(self.controller.clone());
        loop {
            // Most of these are turned away as well.
            if namespaces.list(&ListParams::default()).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The controllers' share of the API server.
fn share(shares: u32) -> String {
    let account = json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "landlord", "name": "controller"}});
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "clusterScope": true, "namespaces": ["*"]});
    let limited = json!({"nominalConcurrencyShares": shares, "lendablePercent": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}});
    let level = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration", "metadata": {"name": "chaos"},
                       "spec": {"type": "Limited", "limited": limited}});
    let schema = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": "chaos"},
                        "spec": {"priorityLevelConfiguration": {"name": "chaos"}, "matchingPrecedence": 10,
                                 "rules": [{"subjects": [account], "resourceRules": [everything]}]}});
    format!("---\n{level}\n---\n{schema}\n")
}
