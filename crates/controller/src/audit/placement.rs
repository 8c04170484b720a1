//! Placement: where the Pods of one namespace run, for the report about it.

use std::sync::Arc;

use cluster::reports::{OutsidePod, Placement};

use super::pod::Judgement;
use super::{Audit, AuditedNamespace, Place};

impl Audit {
    /// `None` where it is not known (yet), and where the namespace has no Pod on a node.
    pub fn placement(&self, namespace: &str) -> Option<Placement> {
        let (name, one) = self.namespaces.get_key_value(namespace)?;
        if one.pods.is_empty() || !self.is_complete() {
            return None;
        }
        match &one.place {
            Place::Unknown => None,
            Place::Anywhere => Some(Placement::default()),
            Place::Unjudged => {
                let unjudged = vec!["its tenant cannot be used".to_owned()];
                Some(Placement { unjudged, ..Placement::default() })
            }
            Place::Pool(pool) => Some(Placement {
                pool: Some(pool.selector.to_string()),
                outside: self.outside(name, one),
                unjudged: unjudged(one),
            }),
        }
    }

    /// In order of their names.
    fn outside(&self, name: &Arc<str>, one: &AuditedNamespace) -> Vec<OutsidePod> {
        let strays = one.pods.keys().filter_map(|uid| self.strays.get(&(Arc::clone(name), *uid)));
        let mut outside: Vec<OutsidePod> = strays
            .map(|stray| OutsidePod {
                name: stray.name.to_string(),
                uid: stray.uid.to_string(),
                node: stray.node.to_string(),
                cause: stray.cause.word(),
            })
            .collect();
        outside.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        outside
    }
}

/// One line for all of them, so that a report changes with what is known and not with each Pod.
fn unjudged(one: &AuditedNamespace) -> Vec<String> {
    let is_unjudged = one.pods.values().any(|pod| pod.judgement == Judgement::Unknown);
    is_unjudged.then(|| "the node of a Pod is not known".to_owned()).into_iter().collect()
}
