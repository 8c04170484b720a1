//! One pass: wants against a namespace and its ledger, key by key (DESIGN 6: conflicts, placement keys, release).

use super::{Clash, Plan, PlanError};
use crate::claim::Claim;
use crate::desired::{Desired, Want, Wants, desire, possible_keys};
use crate::keys;
use crate::ledger::{self, Ledger, Release};
use crate::metadata::{Field, Key, Map, Metadata};
use crate::namespace::NAME_LABEL;
use crate::settings::{Conflicts, Rule, Settings};
use crate::tenant::{Dialect, Tenant};
use crate::why::Why;

/// The ledger's reason while a placement key is not as the tenant wants it.
const PENDING_CONFLICT: &str = "Conflict";

/// The plan of one pass, and the ledger that it writes.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) ledger: Ledger,
}

pub(super) struct Pass<'a> {
    settings: &'a Settings,
    current: &'a Metadata,
    ledger: &'a Ledger,
    claim: &'a Claim,
    tenant: &'a Tenant,
    conflicts: Conflicts,
    release: Release,
    plan: Plan,
    next: Ledger,
}

impl<'a> Pass<'a> {
    pub(super) fn new(settings: &'a Settings, current: &'a Metadata, ledger: &'a Ledger, claim: &'a Claim, tenant: &'a Tenant) -> Self {
        let release = tenant.release.unwrap_or(settings.release);
        let next = Ledger {
            tenant: tenant.name.clone(),
            by: claim.by.clone(),
            release: (release != Release::Remove).then_some(release),
            ..Ledger::default()
        };
        let conflicts = tenant.conflicts.unwrap_or(settings.conflicts);
        Self { settings, current, ledger, claim, tenant, conflicts, release, plan: Plan::default(), next }
    }

    pub(super) fn run(mut self, name: Option<&str>) -> Result<Outcome, PlanError> {
        let desired = match self.tenant.dialect {
            Dialect::Capsule => desire(self.tenant, &self.current.labels, name)?,
            Dialect::Landlord => desire(self.tenant, &self.base(name), name)?,
        };
        for (key, want) in &desired.wants {
            self.want(key, want);
        }
        for (key, want) in desired.forced.iter().filter(|(key, _)| !self.settings.protects(&key.name)) {
            self.set(key, &want.value, want.why.clone());
        }
        self.set_defaults(&desired);
        self.record();
        self.release_rest(&desired.forced);
        if self.tenant.exclusive {
            self.remove_others(&desired);
        }
        self.write_ledger()?;
        self.plan.waiting = desired.waiting;
        Ok(Outcome { plan: self.plan, ledger: self.next })
    }

    /// The labels that selectors of a landlord tenant read: the foreign part, less all that the tenant could write.
    fn base(&self, name: Option<&str>) -> Map {
        if self.tenant.layers.iter().all(|layer| layer.selector.is_none()) {
            return Map::new();
        }
        let mut labels = self.current.labels.clone();
        for key in &self.ledger.labels {
            match (self.release_mode(), self.ledger.previous.labels.get(key)) {
                (Release::Keep, _) => {}
                (Release::Restore, Some(value)) => drop(labels.insert(key.clone(), value.clone())),
                _ => drop(labels.remove(key)),
            }
        }
        for key in possible_keys(self.tenant, name).iter().filter(|key| key.field == Field::Label) {
            labels.remove(&key.name);
        }
        labels.retain(|key, _| key != self.settings.tenant_label() && !key.starts_with(keys::OWN_PREFIX));
        if let Some(name) = name {
            labels.insert(NAME_LABEL.to_owned(), name.to_owned());
        }
        labels
    }

    fn want(&mut self, key: &Key, want: &Want) {
        let found = self.current.field(key.field).get(&key.name);
        let placement = keys::is_placement(key);
        if self.settings.protects(&key.name) {
            if found != Some(&want.value) {
                self.plan.kept.push(clash(key, found, want));
                self.mark_pending(placement);
            }
            return;
        }
        let conflicts = match self.conflicts {
            Conflicts::Keep if placement => Conflicts::Override,
            other => other,
        };
        match found {
            _ if self.ledger.manages(key) => self.manage(key, want, self.ledger_previous(key)),
            None => self.manage(key, want, None),
            Some(same) if *same == want.value && conflicts == Conflicts::Keep => {}
            Some(same) if *same == want.value => self.manage(key, want, Some(same.clone())),
            Some(other) if conflicts == Conflicts::Override => self.manage(key, want, Some(other.clone())),
            Some(_) if conflicts == Conflicts::Keep => self.plan.kept.push(clash(key, found, want)),
            Some(_) => {
                self.plan.refused.push(clash(key, found, want));
                self.mark_pending(placement);
            }
        }
    }

    fn mark_pending(&mut self, placement: bool) {
        if placement {
            self.next.pending = Some(PENDING_CONFLICT.to_owned());
        }
    }

    /// Enters the key in the next ledger, with the value to restore later, and sets it where it differs.
    fn manage(&mut self, key: &Key, want: &Want, previous: Option<String>) {
        self.next.field_mut(key.field).insert(key.name.clone());
        if let (Release::Restore, Some(previous)) = (self.release, previous) {
            self.next.previous.field_mut(key.field).insert(key.name.clone(), previous);
        }
        self.set(key, &want.value, want.why.clone());
    }

    fn set(&mut self, key: &Key, value: &str, why: Why) {
        self.plan.remove.remove(key);
        if self.current.field(key.field).get(&key.name).map(String::as_str) == Some(value) {
            self.plan.set.remove(key);
        } else {
            self.plan.set.insert(key.clone(), Want { value: value.to_owned(), why });
        }
    }

    fn ledger_previous(&self, key: &Key) -> Option<String> {
        self.ledger.previous.field(key.field).get(&key.name).cloned()
    }

    /// Defaults belong to the first plan of this tenant; afterwards they are the namespace's own.
    fn set_defaults(&mut self, desired: &Desired) {
        if self.ledger.tenant == self.tenant.name {
            return;
        }
        for (key, want) in desired.defaults.iter().filter(|(key, _)| !desired.wants.contains_key(key)) {
            if !self.current.field(key.field).contains_key(&key.name) && !self.settings.protects(&key.name) {
                self.set(key, &want.value, want.why.clone());
            }
        }
    }

    /// Writes the tenant label where another rule found the name, and drops what a claimed namespace does not carry.
    fn record(&mut self) {
        let label = Key::label(self.settings.tenant_label());
        if self.tenant.dialect != Dialect::Capsule && !self.settings.protects(&label.name) {
            self.set(&label, &self.claim.tenant, Why::Recorded);
        }
        for (key, why) in [(keys::CREATOR, Why::Stamp), (keys::UNCLAIMED, Why::Unclaimed)] {
            if self.current.annotations.contains_key(key) {
                self.plan.remove.insert(Key::annotation(key), why);
            }
        }
    }

    /// How keys that are no longer wanted go: as the tenant that put them there said.
    fn release_mode(&self) -> Release {
        if self.ledger.tenant == self.tenant.name { self.release } else { self.ledger.release.unwrap_or_default() }
    }

    fn release_rest(&mut self, forced: &Wants) {
        let mode = self.release_mode();
        let gone: Vec<Key> = self.ledger.keys().filter(|key| !self.next.manages(key)).collect();
        let may_go =
            |key: &Key| may_be_released(self.settings, key) && !forced.contains_key(key) && key.name != self.settings.tenant_label();
        for key in gone.into_iter().filter(may_go) {
            release(&mut self.plan, self.current, self.ledger, key, mode);
        }
    }

    /// `managedMetadataOnly`: what is neither wanted nor landlord's own goes, except keys that decide whose the namespace is.
    fn remove_others(&mut self, desired: &Desired) {
        let settings = self.settings;
        let read_by_identify = |key: &Key| {
            settings.identify.iter().any(|rule| match rule {
                Rule::Label(name) => *key == Key::label(name.as_str()),
                Rule::Annotation(name) => *key == Key::annotation(name.as_str()),
                Rule::JsonPath { path, .. } => path.as_str().contains(&key.name),
                _ => false,
            })
        };
        let wanted = |key: &Key| desired.wants.contains_key(key) || desired.forced.contains_key(key);
        let labels = self.current.labels.keys().map(|name| Key::label(name.as_str()));
        let annotations = self.current.annotations.keys().map(|name| Key::annotation(name.as_str()));
        for key in labels.chain(annotations) {
            let own = key.name.starts_with(keys::OWN_PREFIX) || key.name == NAME_LABEL;
            if !own && !wanted(&key) && !settings.protects(&key.name) && !read_by_identify(&key) {
                self.plan.set.remove(&key);
                self.plan.remove.insert(key, Why::Exclusive);
            }
        }
    }

    fn write_ledger(&mut self) -> Result<(), PlanError> {
        let fault = |source| PlanError::Previous { tenant: self.tenant.name.clone(), source };
        self.next.check_previous_size().map_err(fault)?;
        let text = self.next.to_string_compact();
        self.set(&Key::annotation(ledger::ANNOTATION), &text, Why::Ledger);
        Ok(())
    }
}

/// Whether a key that the ledger lists may be taken away: not a protected one, and not one that no ledger ever lists.
pub(super) fn may_be_released(settings: &Settings, key: &Key) -> bool {
    !settings.protects(&key.name) && key.name != ledger::ANNOTATION && key.name != NAME_LABEL
}

/// Takes back one managed key.
pub(super) fn release(plan: &mut Plan, current: &Metadata, ledger: &Ledger, key: Key, mode: Release) {
    let found = current.field(key.field).get(&key.name);
    let previous = ledger.previous.field(key.field).get(&key.name).filter(|_| mode == Release::Restore);
    match (mode, previous) {
        (Release::Keep, _) => {}
        (_, Some(previous)) if found == Some(previous) => {}
        (_, Some(previous)) => {
            plan.set.insert(key, Want { value: previous.clone(), why: Why::Restored });
        }
        (_, None) if found.is_none() => {}
        (_, None) => {
            plan.remove.insert(key, Why::Released);
        }
    }
}

fn clash(key: &Key, found: Option<&String>, want: &Want) -> Clash {
    Clash { key: key.clone(), found: found.cloned(), wanted: want.value.clone(), why: want.why.clone() }
}
