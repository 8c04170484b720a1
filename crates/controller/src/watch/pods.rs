//! Pods that have no node yet, of which those are kept that landlord's gate holds.

use cluster::clock;
use cluster::gated_pod::{PodKey, UnscheduledPod};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource};
use kube::runtime::watcher::{Config, Event};

use super::Following;
use crate::context::Context;
use crate::gated_pods::{HeldPod, Keys};
use crate::supervisor::Pulse;

/// A gated Pod has no node; one that gets a node leaves the watch.
const UNSCHEDULED: &str = "spec.nodeName=";

impl Context {
    /// Follows gated Pods. Nothing else waits for them. Does not return.
    pub async fn follow_pods(self, pulse: Pulse) {
        let api: Api<UnscheduledPod> =
            Api::all_with(self.client.clone(), &ApiResource::erase::<Pod>(&()));
        let mut events = Following::new(
            api,
            Config::default().fields(UNSCHEDULED),
            "pods",
            &self.signals,
            pulse,
        );
        let mut listed = Keys::new();
        loop {
            match events.next().await {
                Ok(Event::Init) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    listed.clear();
                }
                Ok(Event::InitApply(pod)) => {
                    listed.insert(self.put_pod(pod, false));
                }
                Ok(Event::InitDone) => {
                    self.reconciler.gated().complete(&std::mem::take(&mut listed))
                }
                Ok(Event::Apply(pod)) => {
                    self.put_pod(pod, true);
                }
                Ok(Event::Delete(pod)) => self.reconciler.gated().remove(&PodKey::from_pod(&pod)),
                // Held Pods are not released until it works again, which the log says.
                Err(_) => {}
            }
        }
    }

    /// Takes a Pod in, or forgets it where nothing holds it. Returns which it is.
    fn put_pod(&self, pod: UnscheduledPod, live: bool) -> PodKey {
        let key = PodKey::from_pod(&pod);
        match HeldPod::from_pod(pod, live.then(clock::now)) {
            Some(pod) => self.reconciler.shared().hold(&key, pod),
            None => self.reconciler.gated().remove(&key),
        }
        key
    }
}
