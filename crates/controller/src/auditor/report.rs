//! Report: what is said of a Pod outside its pool by log, journal and Event.

use cluster::audit::cause::Cause;
use cluster::gated_pod::PodKey;

use crate::audit::Stray;
use crate::outcome::journal::{Entry, Sort};
use crate::outcome::{Outcomes, Payer, Topic, shortened};

/// The reason of an Event about a Pod that was found outside.
const POD_OUTSIDE: &str = "PodOutside";

impl Outcomes {
    /// A Pod that runs outside its pool. False where it has to be reported later: the log has as
    /// many of them as there are Events.
    pub(super) fn placed_outside(&self, stray: &Stray, payer: &Payer) -> bool {
        let Stray { namespace, name, node, tenant, selector, cause, .. } = stray;
        let message = shortened(format!(
            "runs on node {node:?}, outside the pool {selector} of tenant {tenant:?}: {cause}"
        ));
        let key = PodKey {
            created: stray.since,
            namespace: namespace.clone(),
            name: name.as_ref().into(),
        };
        let uid = stray.uid.to_string();
        let is_sent =
            self.warn_of_pod(Topic::Violation, payer, (&key, &uid), POD_OUTSIDE, message.clone());
        if is_sent {
            let word = Cause::word(cause);
            tracing::warn!(%namespace, pod = %name, tenant, cause = word, message, "a Pod is outside its pool");
            self.note(|| Entry::new(Sort::Trouble, POD_OUTSIDE, key.to_string(), &message));
        }
        is_sent
    }
}
