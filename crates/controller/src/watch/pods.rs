//! Pods that have no node yet, of which those are kept that landlord's gate holds.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Config, Event, watcher};

use super::Watch;
use crate::gated_pods::{HeldPod, Keys, PodKey, UnscheduledPod};
use cluster::clock;

/// A held Pod has no node; one that gets a node leaves the watch.
const UNSCHEDULED: &str = "spec.nodeName=";

impl Watch {
    /// Follows held Pods. Nothing else waits for them. Does not return.
    pub async fn pods(self) {
        let api: Api<UnscheduledPod> = Api::all_with(self.client.clone(), &ApiResource::erase::<Pod>(&()));
        let mut events = watcher(api, Config::default().fields(UNSCHEDULED)).default_backoff().boxed();
        let mut listed = Keys::new();
        let mut complained = false;
        loop {
            match events.try_next().await {
                Ok(Some(Event::Init)) => {
                    self.reconciler.outcomes().metrics().lists.inc();
                    listed = Keys::new();
                }
                Ok(Some(Event::InitApply(pod))) => drop(listed.insert(self.put_pod(pod, false))),
                Ok(Some(Event::InitDone)) => {
                    self.reconciler.shared().holds.complete(&std::mem::take(&mut listed));
                    complained = false;
                }
                Ok(Some(Event::Apply(pod))) => drop(self.put_pod(pod, true)),
                Ok(Some(Event::Delete(pod))) => self.reconciler.shared().holds.remove(&PodKey::of(&pod)),
                Ok(None) => return,
                Err(error) if !complained => {
                    complained = true;
                    tracing::warn!(%error, "Pods cannot be watched; held Pods are not released until that works");
                }
                Err(error) => tracing::debug!(%error, "Pods cannot be watched"),
            }
        }
    }

    /// Takes a Pod in, or forgets it where nothing holds it. Returns which it is.
    fn put_pod(&self, pod: UnscheduledPod, live: bool) -> PodKey {
        let key = PodKey::of(&pod);
        let mut shared = self.reconciler.shared();
        match HeldPod::of(pod, live.then(clock::now)) {
            Some(pod) => shared.hold(&key, pod),
            None => shared.holds.remove(&key),
        }
        key
    }
}
