//! Contest: what another writer sets back in one namespace.

use std::time::Instant;

use assessment::Assessment;
use tenancy::metadata::Key;

use crate::contention::Contention;

/// See the module.
#[derive(Clone, Debug)]
pub struct Contest {
    pub namespace: String,
    pub tenant: Option<String>,
    /// Keys that the other writer has now, or may take any moment.
    pub keys: Vec<Key>,
    /// The other writer's field manager, if it is proved.
    pub other: Option<String>,
    /// When landlord tries again.
    pub until: Option<Instant>,
}

impl Contest {
    pub(super) fn build(assessment: &Assessment, contention: &Contention, now: Instant) -> Self {
        Self {
            namespace: assessment.name.clone(),
            tenant: assessment.tenant.clone(),
            keys: contention.contested_keys(&assessment.plan, now),
            other: contention.other().map(str::to_owned),
            until: contention.until(now),
        }
    }
}
