//! What tasks see of gated Pods, which are behind a lock of their own.

use std::sync::{MutexGuard, PoisonError};

use cluster::clock;
use cluster::gated_pod::PodKey;
use cluster::placement::Placement;

use super::Shared;
use crate::gated_pods::{GatedPods, HeldPod};

impl Shared {
    /// Writes, of namespaces and of Pods, that are not answered yet.
    pub fn writes_under_way(&self) -> usize {
        self.work.total() + self.gated().writes_under_way()
    }

    /// Takes a gated Pod in.
    pub fn hold(&self, key: &PodKey, pod: HeldPod) {
        let placement = if self.gated().concern(&key.namespace) {
            None
        } else {
            Some(self.placement(&key.namespace))
        };
        let mut gated = self.gated();
        gated.put(key, pod, clock::now());
        if let Some(placement) = placement {
            gated.set_placement(&key.namespace, placement);
        }
    }

    /// Where Pods of a namespace may go now; `None` for as long as they have to wait.
    pub fn placement(&self, namespace: &str) -> Option<Placement> {
        let assessment = self.store.assess(namespace)?;
        Placement::from_assessment(self.store.settings(), &assessment)
    }

    pub(in crate::reconciler) fn gated(&self) -> MutexGuard<'_, GatedPods> {
        self.gated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
