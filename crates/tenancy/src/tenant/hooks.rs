//! Hooks of a tenant, checked against what its own layers write.

use std::collections::BTreeMap;

use super::Tenant;
use crate::conflicts::Conflicts;
use crate::decode::DecodeError;
use crate::hook::{self, Documents, Hook, OnFailure, Requirement, View};
use crate::metadata::{Field, Key, Metadata};
use crate::template::Template;
use crate::want::{Want, Wants};
use crate::why::Why;

/// Checks hooks against what the tenant itself writes. `conflicts` are those in force for it.
pub(super) fn check(tenant: &Tenant, conflicts: Conflicts) -> Result<(), DecodeError> {
    if tenant.hooks.is_empty() {
        return Ok(());
    }
    let written = Written::collect(tenant, conflicts);
    tenant.hooks.iter().try_for_each(|hook| written.check(hook, tenant))
}

/// What the layers of a tenant write.
#[derive(Default)]
struct Written {
    /// Literal keys, in whatever layer.
    keys: BTreeMap<Key, Why>,
    /// Those that every namespace has, whatever others write, with their values.
    fixed: Wants,
}

impl Written {
    fn collect(tenant: &Tenant, conflicts: Conflicts) -> Self {
        let mut written = Self::default();
        for layer in &tenant.layers {
            let labels = layer.labels.iter().map(|entry| (Field::Label, entry));
            for (field, entry) in
                labels.chain(layer.annotations.iter().map(|entry| (Field::Annotation, entry)))
            {
                let key = literal(field, &entry.key);
                let value = entry
                    .value
                    .render(&tenant.name, None)
                    .filter(|_| layer.selector.is_none() && !written.keys.contains_key(&key));
                match value.filter(|_| conflicts != Conflicts::Keep) {
                    Some(value) => drop(
                        written.fixed.insert(key.clone(), Want { value, why: layer.why.clone() }),
                    ),
                    None => drop(written.fixed.remove(&key)),
                }
                written.keys.insert(key, layer.why.clone());
            }
        }
        for (field, key) in tenant.hooks.iter().flat_map(|hook| hook.keys()) {
            written.fixed.remove(&literal(field, key));
        }
        written
    }

    fn value(&self, key: &Key) -> Option<&String> {
        self.fixed.get(key).map(|want| &want.value)
    }

    fn check(&self, hook: &Hook, tenant: &Tenant) -> Result<(), DecodeError> {
        self.check_when(hook)?;
        self.check_stages(hook)?;
        hook.require.iter().enumerate().try_for_each(|(index, requirement)| {
            self.check_requirement(hook, tenant, index, requirement)
        })
    }

    fn check_when(&self, hook: &Hook) -> Result<(), DecodeError> {
        let wrote = |key: &&Key| self.keys.contains_key(*key);
        let blind = hook.when.iter().enumerate().find_map(|(index, condition)| {
            let key = condition.place.key().filter(wrote).filter(|_| !condition.negated)?;
            Some((index, key))
        });
        let Some((index, key)) = blind else { return Ok(()) };
        Err(fault(
            hook,
            &format!("when[{index}]"),
            &format!(
                "it reads {key}, which this tenant writes itself, and hooks see only what nobody writes, so it never runs here: read `$.tenant` instead, or take the key from the tenant"
            ),
        ))
    }

    /// What only one stage sets, the other would set back to the tenant's own value.
    fn check_stages(&self, hook: &Hook) -> Result<(), DecodeError> {
        let one_stage = !(hook.stages.admission && hook.stages.reconcile);
        match hook.set.iter().find(|setting| {
            one_stage && self.keys.contains_key(&literal(setting.field, &setting.key))
        }) {
            Some(setting) => Err(fault(
                hook,
                &hook::check::place_of(setting),
                "this tenant writes the key as well, and the stage without the hook would set it back: leave one of the two",
            )),
            None => Ok(()),
        }
    }

    fn check_requirement(
        &self,
        hook: &Hook,
        tenant: &Tenant,
        index: usize,
        requirement: &Requirement,
    ) -> Result<(), DecodeError> {
        let condition = &requirement.condition;
        let value = condition.place.key().and_then(|key| self.value(key));
        match value {
            Some(value)
                if hook.on_failure != OnFailure::Ignore
                    && requirement.given.is_empty()
                    && !condition.accepts(value)
                    && always_runs(hook, tenant) =>
            {
                Err(fault(
                    hook,
                    &format!("require[{index}]"),
                    &format!(
                        "it demands that {} {condition}, but this tenant sets it to {value:?} on every namespace: fix one of the two",
                        condition.place.as_str()
                    ),
                ))
            }
            _ => Ok(()),
        }
    }
}

/// A key as it is written, tags and all.
fn literal(field: Field, key: &Template) -> Key {
    Key { field, name: key.as_source().to_owned() }
}

/// Whether its conditions hold for every namespace of the tenant.
fn always_runs(hook: &Hook, tenant: &Tenant) -> bool {
    let nothing = Metadata::default();
    let view = View {
        request: None,
        tenant: &tenant.document,
        name: None,
        metadata: &nothing,
        plan: None,
        tenant_label: "",
        ledger: None,
        documents: Documents::default(),
    };
    hook.when
        .iter()
        .all(|condition| condition.place.reads_tenant() && condition.holds(&view) == Some(true))
}

fn fault(hook: &Hook, field: &str, message: &str) -> DecodeError {
    DecodeError::new("hooks", format!("hook {:?}: {field}: {message}", hook.name))
}
