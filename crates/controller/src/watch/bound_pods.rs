//! Pods that have a node, for the audit.

use cluster::audit::bound::{BOUND, BoundPod};
use cluster::audit::placed::Placed;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource};
use kube::runtime::watcher::{Config, Event};

use super::Following;
use crate::audit::Uid;
use crate::context::Context;
use crate::supervisor::Pulse;

impl Context {
    /// Follows Pods that have a node. Nothing else waits for them. Does not return.
    pub async fn follow_bound_pods(self, pulse: Pulse) {
        let resource = ApiResource::erase::<Pod>(&());
        let api: Api<BoundPod> = Api::all_with(self.client.clone(), &resource);
        let config = Config::default().fields(BOUND);
        let events = Following::new(api, config, "pods with a node", &self.signals, pulse);
        let mut events = events.needing("list and watch Pods");
        loop {
            // Without it nothing is judged; the log says so.
            let Ok(event) = events.next().await else { continue };
            if matches!(event, Event::Init) {
                self.reconciler.outcomes().metrics().lists.inc();
            }
            let Some(mut audit) = self.reconciler.audit() else { continue };
            match event {
                Event::Init => audit.begin_list(),
                Event::InitApply(pod) => put(&mut audit, pod, false),
                Event::Apply(pod) => put(&mut audit, pod, true),
                Event::InitDone => audit.complete_list(),
                Event::Delete(pod) => remove(&mut audit, &pod),
            }
        }
    }
}

fn put(audit: &mut crate::audit::Audit, pod: BoundPod, live: bool) {
    let requests = pod.spec.requests();
    let (namespace, uid) = key(&pod);
    match Placed::from_bound(pod) {
        Some(placed) => audit.put_pod(placed, requests, live),
        None => audit.remove_pod(&namespace, uid),
    }
}

fn remove(audit: &mut crate::audit::Audit, pod: &BoundPod) {
    let (namespace, uid) = key(pod);
    audit.remove_pod(&namespace, uid);
}

fn key(pod: &BoundPod) -> (String, Uid) {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    (namespace, Uid::parse(pod.metadata.uid.as_deref().unwrap_or_default()))
}
