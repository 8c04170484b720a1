//! Makers: what makes nodes of a pool that has none now, an autoscaler's template or what the
//! settings list.

use std::sync::Arc;

use cluster::autoscaling::Templates;
use tenancy::selector::NodeSelector;
use tenancy::settings::Settings;

use super::{Snapshots, lock};

/// Templates as they were read last, and the pools that the settings list.
#[derive(Clone, Debug, Default)]
pub struct Makers {
    templates: Arc<Templates>,
    listed: Vec<NodeSelector>,
}

impl Makers {
    pub(crate) fn new(templates: Arc<Templates>, settings: &Settings) -> Self {
        Self { templates, listed: settings.autoscaled.clone() }
    }

    /// What makes nodes that carry all of these labels, by its name.
    pub fn maker(&self, selector: &NodeSelector) -> Option<String> {
        let made = self.templates.maker(selector.as_map()).map(str::to_owned);
        made.or_else(|| {
            let listed = self.listed.iter().find(|labels| {
                selector.iter().all(|(key, value)| {
                    labels.as_map().get(key).is_some_and(|label| label == value)
                })
            });
            listed.map(|labels| format!("{labels} of the settings (`autoscaled`)"))
        })
    }

    /// Why not all is known.
    pub fn fault(&self) -> Option<&str> {
        self.templates.faults.first().map(String::as_str)
    }
}

impl Snapshots {
    /// What makes nodes, as it was read last.
    pub fn makers(&self) -> Makers {
        let settings = Arc::clone(self.reconciler.shared().store.settings());
        Makers::new(Arc::clone(&lock(&self.templates)), &settings)
    }

    pub(crate) fn set_templates(&self, templates: Templates) {
        *lock(&self.templates) = Arc::new(templates);
    }
}
