//! Put off: Events about faults that were not written when those were found: the budget did not
//! allow it, or another replica led. They are written once both are over, if the fault is still
//! there.

use std::sync::Arc;
use std::time::Duration;

use assessment::Fault;

use super::Reconciler;
use super::report::topic_of;
use crate::outcome::Payer;
use crate::supervisor::Pulse;

/// How often it is looked whether the budget allows more.
const INTERVAL: Duration = Duration::from_secs(5);

impl Reconciler {
    /// Writes what was put off. Does not return.
    pub async fn report_put_off(self: Arc<Self>, pulse: Pulse) {
        loop {
            pulse.beat_while(tokio::time::sleep(INTERVAL)).await;
            self.report_some();
        }
    }

    fn report_some(&self) {
        for name in self.outcomes.next_put_off() {
            let Some((uid, payer, fault)) = self.find_fault(&name) else {
                self.outcomes.drop_put_off(&name);
                continue;
            };
            if self.outcomes.would_afford(topic_of(&fault), &payer) {
                self.outcomes.warn_or_put_off(&name, &uid, &payer, &fault);
            }
        }
    }

    /// What is wrong with a namespace now, and whose share an Event about it is.
    fn find_fault(&self, name: &str) -> Option<(String, Payer, Fault)> {
        let shared = self.shared();
        let uid = shared.store.namespace(name)?.uid.clone();
        Some((uid, shared.store.payer(name), shared.progress.trouble(name)?.clone()))
    }
}
