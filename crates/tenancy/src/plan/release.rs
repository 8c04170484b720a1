//! Release: how managed keys go once they are no longer wanted.

use super::Plan;
use crate::desired::Want;
use crate::keys;
use crate::ledger::{self, Ledger, Release};
use crate::metadata::{Key, Metadata};
use crate::namespace::NAME_LABEL;
use crate::selector::NodeSelector;
use crate::settings::Settings;
use crate::why::Why;

/// A namespace's managed keys, on their way out.
#[derive(Clone, Copy)]
pub(super) struct Releaser<'a> {
    pub(super) settings: &'a Settings,
    pub(super) current: &'a Metadata,
    pub(super) ledger: &'a Ledger,
    pub(super) mode: Release,
}

impl<'a> Releaser<'a> {
    /// The value that the key has once it is released; `None` where it is gone.
    pub(super) fn value_after(&self, key: &Key) -> Option<&'a String> {
        let found = self.current.field(key.field).get(&key.name);
        match self.mode {
            _ if self.stays(key, found) => found,
            Release::Keep => found,
            Release::Remove => None,
            Release::Restore => self
                .ledger
                .previous
                .field(key.field)
                .get(&key.name)
                .filter(|value| may_be_written(key, value)),
        }
    }

    /// Plans the release of one key.
    pub(super) fn release(&self, plan: &mut Plan, key: Key) {
        match (self.current.field(key.field).get(&key.name), self.value_after(&key)) {
            (found, after) if found == after => {}
            (_, Some(previous)) => {
                drop(plan.set.insert(key, Want { value: previous.clone(), why: Why::Restored }))
            }
            (_, None) => drop(plan.remove.insert(key, Why::Released)),
        }
    }

    /// A ledger can list what it never should: keys that landlord leaves alone, or that are not the
    /// tenant's to give up.
    fn stays(&self, key: &Key, found: Option<&String>) -> bool {
        let label = [NAME_LABEL, self.settings.tenant_label()];
        *key == Key::annotation(ledger::ANNOTATION)
            || label.iter().any(|name| *key == Key::label(*name))
            || self.settings.spares(key, found.map_or("", String::as_str))
    }
}

/// A node selector that the API server cannot read would make every Pod creation fail, even if it
/// stood there before.
fn may_be_written(key: &Key, value: &str) -> bool {
    *key != Key::annotation(keys::NODE_SELECTOR) || value.parse::<NodeSelector>().is_ok()
}
