//! What hooks add to a tenant's wants, and what they take from them.

use super::{DesireError, Draft, Sight, Want};
use crate::dialect::Dialect;
use crate::hook::{Failure, Hook, OnFailure, Place, Removal, Setting, Source};
use crate::keys;
use crate::metadata::{Field, Key, check_label_value};
use crate::selector::NodeSelector;
use crate::why::Why;

/// What a source makes of a namespace.
enum Made {
    Value(String),
    /// A path that leads nowhere sets nothing.
    Nothing,
    /// The namespace has no name yet.
    Later,
    Fault(String),
}

impl Draft<'_> {
    /// Runs one hook at the stage of this draft.
    pub(super) fn run(&mut self, hook: &Hook, sight: &Sight<'_>) -> Result<(), DesireError> {
        if !hook.writes_at(sight.stage) {
            self.hold(hook);
            return Ok(());
        }
        let answers: Vec<Option<bool>> =
            hook.when.iter().map(|condition| condition.holds(&sight.view)).collect();
        match answers {
            answers if answers.contains(&Some(false)) => Ok(()),
            answers if answers.contains(&None) => {
                self.wait_for_hook(hook);
                Ok(())
            }
            _ => self.write(hook, sight),
        }
    }

    /// What the other stage may have written stays as it is.
    fn hold(&mut self, hook: &Hook) {
        let written = hook.set.iter().filter_map(|setting| {
            Some(Key { field: setting.field, name: self.render(&setting.key)? })
        });
        let written: Vec<Key> = written.collect();
        self.desired.held.extend(written);
    }

    fn wait_for_hook(&mut self, hook: &Hook) {
        let keys = hook.set.iter().map(|setting| setting.key.as_source());
        let node_selector = hook.node_selector.iter().map(|_| keys::NODE_SELECTOR);
        self.desired.waiting.extend(keys.chain(node_selector).map(str::to_owned));
    }

    fn write(&mut self, hook: &Hook, sight: &Sight<'_>) -> Result<(), DesireError> {
        if let Some(entries) = &hook.node_selector {
            self.select(hook, entries, sight);
        }
        hook.set.iter().try_for_each(|setting| self.set(hook, setting, sight))?;
        hook.remove.iter().try_for_each(|removal| self.remove(hook, removal))
    }

    fn select(&mut self, hook: &Hook, entries: &[(String, Source)], sight: &Sight<'_>) {
        let mut labels = crate::metadata::Map::new();
        for (key, source) in entries {
            match self.make(source, Field::Label, sight) {
                Made::Value(value) => drop(labels.insert(key.clone(), value)),
                Made::Nothing => {}
                Made::Later => return self.wait_for(keys::NODE_SELECTOR),
                Made::Fault(fault) => {
                    return self.fail(hook, format!("nodeSelector[{key:?}]: {fault}"), true);
                }
            }
        }
        // An empty selector is said by an empty one, and not by paths that lead nowhere: it
        // switches the cluster's default off.
        if labels.is_empty() && !entries.is_empty() {
            return;
        }
        // Keys and values have been checked one by one.
        let Ok(selector) = NodeSelector::try_from(labels) else { return };
        let merged = self.node_selector.get_or_insert_default();
        merged.merge(&selector);
        let value = merged.to_string();
        self.insert(hook, Key::annotation(keys::NODE_SELECTOR), value);
    }

    fn set(
        &mut self,
        hook: &Hook,
        setting: &Setting,
        sight: &Sight<'_>,
    ) -> Result<(), DesireError> {
        let Some(name) = self.render(&setting.key) else {
            self.wait_for(setting.key.as_source());
            return Ok(());
        };
        let key = self.checked(setting.field, name)?;
        match self.make(&setting.value, setting.field, sight) {
            Made::Value(value) => self.insert(hook, key, value),
            Made::Nothing => {}
            Made::Later => self.wait_for(setting.key.as_source()),
            Made::Fault(fault) => self.fail(hook, format!("{key}: {fault}"), false),
        }
        Ok(())
    }

    fn remove(&mut self, hook: &Hook, removal: &Removal) -> Result<(), DesireError> {
        let Some(name) = self.render(&removal.key) else { return Ok(()) };
        let key = self.checked(removal.field, name)?;
        self.desired.wants.remove(&key);
        self.desired.defaults.remove(&key);
        self.desired.removals.insert(key, Why::Hook(hook.name.clone()));
        Ok(())
    }

    fn insert(&mut self, hook: &Hook, key: Key, value: String) {
        self.desired.removals.remove(&key);
        self.desired.wants.insert(key, Want { value, why: Why::Hook(hook.name.clone()) });
    }

    fn make(&self, source: &Source, field: Field, sight: &Sight<'_>) -> Made {
        match source {
            Source::Text(text) => {
                text.render(self.tenant, self.name).map_or(Made::Later, Made::Value)
            }
            Source::Path(place) if self.name.is_none() && place.needs_name() => Made::Later,
            Source::Path(place) => found(place, field, sight),
        }
    }

    /// What a template makes of a key can be landlord's own.
    fn checked(&self, field: Field, name: String) -> Result<Key, DesireError> {
        let key = Key { field, name };
        if keys::is_reserved(Dialect::Landlord, &key.name) || keys::is_placement(&key) {
            Err(super::reserved(self.tenant, key))
        } else {
            Ok(key)
        }
    }

    fn fail(&mut self, hook: &Hook, message: String, placement: bool) {
        if hook.on_failure != OnFailure::Ignore {
            let warning = hook.on_failure == OnFailure::Warn;
            self.desired.failures.push(Failure {
                hook: hook.name.clone(),
                message,
                warning,
                placement,
            });
        }
    }

    fn wait_for(&mut self, key: &str) {
        self.desired.waiting.insert(key.to_owned());
    }

    fn render(&self, key: &crate::template::Template) -> Option<String> {
        key.render(self.tenant, self.name)
    }
}

fn found(place: &Place, field: Field, sight: &Sight<'_>) -> Made {
    let mut values = place.read(&sight.view).into_iter();
    match (values.next(), values.count()) {
        (None, _) => Made::Nothing,
        (Some(Some(value)), 0) => match check_label_value(&value) {
            Err(fault) if field == Field::Label => {
                Made::Fault(format!("{} leads to {value:?}: {fault}", place.as_str()))
            }
            _ => Made::Value(value),
        },
        (Some(None), 0) => Made::Fault(format!(
            "{} leads to a list or map: lead it to one text, number or boolean",
            place.as_str()
        )),
        (_, more) => {
            Made::Fault(format!("{} leads to {} values: lead it to one", place.as_str(), more + 1))
        }
    }
}
