//! One pass: wants against a namespace and its ledger, key by key (docs/design.md: conflicts,
//! placement keys, release).

use std::collections::BTreeMap;

use super::release::Releaser;
use super::{Clash, Plan, PlanError, Subject};
use crate::conflicts::Conflicts;
use crate::desired::{Desired, Sight, Want, Wants, desire, forget_possible};
use crate::dialect::Dialect;
use crate::hook::{Documents, Stage, View};
use crate::keys;
use crate::ledger::{self, Ledger, Release};
use crate::metadata::{Field, Key, Map, Metadata, check_label_value};
use crate::namespace::NAME_LABEL;
use crate::trust::Stamp;
use crate::why::Why;

/// The ledger's reason while a placement key is not as the tenant wants it.
const PENDING_CONFLICT: &str = "Conflict";
/// The same while a placement key waits for the namespace to get its name.
const PENDING_NAME: &str = "WaitsForName";

/// The plan of one pass, and the ledger that it writes.
pub(super) struct Outcome {
    pub(super) plan: Plan,
    pub(super) ledger: Ledger,
}

pub(super) struct Pass<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) current: &'a Metadata,
    ledger: &'a Ledger,
    /// Whether landlord has not yet planned for this tenant here.
    first: bool,
    conflicts: Conflicts,
    release: Release,
    pub(super) plan: Plan,
    pub(super) next: Ledger,
}

impl<'a> Pass<'a> {
    pub(super) fn new(subject: Subject<'a>, current: &'a Metadata, ledger: &'a Ledger) -> Self {
        let Subject { settings, claim, tenant, .. } = subject;
        let release = tenant.release.unwrap_or(settings.release);
        let next = Ledger {
            tenant: tenant.name.clone(),
            by: claim.by.clone(),
            release: (release != Release::Remove).then_some(release),
            ..Ledger::default()
        };
        let conflicts = tenant.conflicts.unwrap_or(settings.conflicts);
        let first = ledger.tenant != tenant.name;
        Self { subject, current, ledger, first, conflicts, release, plan: Plan::default(), next }
    }

    /// A later pass of a first plan is still the first plan.
    pub(super) fn first(self, first: bool) -> Self {
        Self { first, ..self }
    }

    pub(super) fn run(mut self) -> Result<Outcome, PlanError> {
        let Subject { settings, tenant, name, stage, .. } = self.subject;
        let base = self.base();
        let labels =
            if tenant.dialect == Dialect::Capsule { &self.current.labels } else { &base.labels };
        let mut desired =
            desire(tenant, &Sight { labels, view: self.view(&base, None), stage }, name)?;
        self.plan.failures = std::mem::take(&mut desired.failures);
        for (key, want) in &desired.wants {
            self.want(key, want, self.conflicts_of(want));
        }
        for (key, want) in desired.forced.iter().filter(|(key, _)| !settings.protects(&key.name)) {
            self.set(key, &want.value, want.why.clone());
        }
        self.hold(&desired);
        self.record();
        self.release_rest(&desired.forced);
        self.remove(&desired.removals);
        if tenant.exclusive {
            self.remove_others(&desired);
        } else {
            self.set_defaults(&desired);
        }
        let failed = self.plan.failures.iter().any(|failure| failure.placement && !failure.warning);
        self.mark_pending(failed);
        if desired.waiting.iter().any(|name| keys::is_placement(&Key::annotation(name))) {
            self.next.pending.get_or_insert(PENDING_NAME.to_owned());
        }
        self.write_ledger()?;
        let failures = self.judge(&base, &desired.waiting);
        self.plan.failures.extend(failures);
        self.plan.waiting = desired.waiting;
        Ok(Outcome { plan: self.plan, ledger: self.next })
    }

    /// The base: the foreign part of the metadata (docs/design.md, "The base"), as far as selectors
    /// and hooks read it.
    fn base(&self) -> Metadata {
        let Subject { settings, tenant, name, .. } = self.subject;
        let selects = tenant.dialect == Dialect::Landlord
            && tenant.layers.iter().any(|layer| layer.selector.is_some());
        let reads = |field| {
            tenant.hooks.iter().flat_map(|hook| hook.written_from()).any(|place| place.reads(field))
        };
        let copy =
            |field: Field, wanted: bool| if wanted { self.released(field) } else { Map::new() };
        let mut base = Metadata {
            labels: copy(Field::Label, selects || reads(Field::Label)),
            annotations: copy(Field::Annotation, reads(Field::Annotation)),
        };
        forget_possible(tenant, name, &mut base);
        base.labels
            .retain(|key, _| key != settings.tenant_label() && !key.starts_with(keys::OWN_PREFIX));
        base.labels.extend(name.map(|name| (NAME_LABEL.to_owned(), name.to_owned())));
        base
    }

    /// As it is once every managed key is released.
    fn released(&self, field: Field) -> Map {
        let mut map = self.current.field(field).clone();
        let releaser = self.releaser();
        for name in self.ledger.field(field) {
            map.remove(name);
            map.extend(
                releaser
                    .value_after(&Key { field, name: name.clone() })
                    .map(|value| (name.clone(), value.clone())),
            );
        }
        map
    }

    pub(super) fn view<'v>(&'v self, metadata: &'v Metadata, plan: Option<&'v Plan>) -> View<'v> {
        let Subject { settings, tenant, name, stage, .. } = self.subject;
        View {
            request: stage.request(),
            tenant: &tenant.document,
            name,
            metadata,
            plan: plan.map(Plan::changes),
            tenant_label: settings.tenant_label(),
            ledger: None,
            documents: Documents::default(),
        }
    }

    /// What a clash means for this want: as its hook says, if it has one that does.
    fn conflicts_of(&self, want: &Want) -> Conflicts {
        let hook = match &want.why {
            Why::Hook(name) => self.subject.tenant.hooks.iter().find(|hook| hook.name == *name),
            _ => None,
        };
        hook.and_then(|hook| hook.conflicts).unwrap_or(self.conflicts)
    }

    fn want(&mut self, key: &Key, want: &Want, conflicts: Conflicts) {
        let found = self.current.field(key.field).get(&key.name);
        let placement = keys::is_placement(key);
        if self.spares(key, &want.value) {
            if found != Some(&want.value) {
                self.plan.kept.push(clash(key, found, want));
            }
            return;
        }
        let conflicts = match conflicts {
            Conflicts::Keep if placement => Conflicts::Override,
            other => other,
        };
        match found {
            // What a tenant with `keep` left behind is the namespace's own.
            Some(own) if self.ledger.manages(key) && self.is_left() => {
                self.manage(key, want, Some(own.clone()))
            }
            _ if self.ledger.manages(key) => self.manage(key, want, self.ledger_previous(key)),
            None => self.manage(key, want, None),
            Some(same) if *same == want.value && conflicts == Conflicts::Keep => {}
            Some(same) if *same == want.value => self.manage(key, want, Some(same.clone())),
            Some(other) if conflicts == Conflicts::Override => {
                self.manage(key, want, Some(other.clone()))
            }
            Some(_) if conflicts == Conflicts::Keep => self.plan.kept.push(clash(key, found, want)),
            Some(_) => {
                self.plan.refused.push(clash(key, found, want));
                self.mark_pending(placement);
            }
        }
    }

    /// Whether the key is left alone: for the value that it has, as it may be what the claim stands
    /// on, or for the one that is wanted.
    fn spares(&self, key: &Key, wanted: &str) -> bool {
        let found = self.current.field(key.field).get(&key.name).map(String::as_str);
        found.into_iter().chain([wanted]).any(|value| self.subject.settings.spares(key, value))
    }

    /// Keys that the other stage wrote stay managed; at admission an edit of them is put back.
    fn hold(&mut self, desired: &Desired) {
        let theirs = |key: &&Key| {
            !self.first && self.ledger.manages(key) && !desired.wants.contains_key(key)
        };
        for key in desired
            .held
            .iter()
            .filter(theirs)
            .filter(|key| !desired.removals.contains_key(key))
            .cloned()
            .collect::<Vec<_>>()
        {
            self.next.field_mut(key.field).insert(key.name.clone());
            if let Some(previous) = self.ledger_previous(&key) {
                self.next.previous.field_mut(key.field).insert(key.name.clone(), previous);
            }
            if let Stage::Update { old, .. } = self.subject.stage
                && let Some(value) = old.field(key.field).get(&key.name)
                && !self.spares(&key, value)
            {
                self.set(&key, value, Why::Held);
            }
        }
    }

    /// What hooks remove goes, no matter who wrote it, unless it is protected.
    fn remove(&mut self, removals: &BTreeMap<Key, Why>) {
        for (key, why) in removals {
            self.plan.set.remove(key);
            if let Some(value) = self.current.field(key.field).get(&key.name)
                && !self.subject.settings.spares(key, value)
            {
                self.plan.remove.insert(key.clone(), why.clone());
            }
        }
    }

    fn mark_pending(&mut self, placement: bool) {
        if placement {
            self.next.pending = Some(PENDING_CONFLICT.to_owned());
        }
    }

    /// Enters the key in the next ledger, with the value to restore later, and sets it where it
    /// differs.
    fn manage(&mut self, key: &Key, want: &Want, previous: Option<String>) {
        self.next.field_mut(key.field).insert(key.name.clone());
        // What the API server would refuse is nobody's to have back, and would make the ledger one
        // that cannot be read.
        let previous = previous
            .filter(|value| key.field == Field::Annotation || check_label_value(value).is_ok());
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
        if !self.first {
            return;
        }
        for (key, want) in
            desired.defaults.iter().filter(|(key, _)| !desired.wants.contains_key(key))
        {
            let absent = !self.current.field(key.field).contains_key(&key.name)
                || self.plan.remove.contains_key(key);
            if absent && !self.spares(key, &want.value) {
                self.set(key, &want.value, want.why.clone());
            }
        }
    }

    /// Writes the tenant label where another rule found the name, and drops what a claimed
    /// namespace does not carry.
    fn record(&mut self) {
        let label = Key::label(self.subject.settings.tenant_label());
        if self.subject.tenant.dialect != Dialect::Capsule {
            self.set(&label, &self.subject.claim.tenant, Why::Recorded);
        }
        if self.current.annotations.contains_key(keys::UNCLAIMED) {
            self.plan.remove.insert(Key::annotation(keys::UNCLAIMED), Why::Unclaimed);
        }
        if let Some(stamp) = Stamp::settled(self.current) {
            self.set(&Key::annotation(keys::CREATOR), &stamp, Why::Stamp);
        }
    }

    /// Whether another tenant wrote the managed keys and keeps them to the namespace as it goes.
    fn is_left(&self) -> bool {
        self.ledger.tenant != self.subject.tenant.name && self.release_mode() == Release::Keep
    }

    /// How keys that are no longer wanted go: as the tenant that put them there said.
    fn release_mode(&self) -> Release {
        if self.ledger.tenant == self.subject.tenant.name {
            self.release
        } else {
            self.ledger.release.unwrap_or_default()
        }
    }

    fn releaser(&self) -> Releaser<'a> {
        Releaser {
            settings: self.subject.settings,
            current: self.current,
            ledger: self.ledger,
            mode: self.release_mode(),
        }
    }

    fn release_rest(&mut self, forced: &Wants) {
        let releaser = self.releaser();
        for key in
            self.ledger.keys().filter(|key| !self.next.manages(key) && !forced.contains_key(key))
        {
            releaser.release(&mut self.plan, key);
        }
    }

    /// `managedMetadataOnly`: what is neither wanted nor landlord's own goes, except keys that
    /// decide whose the namespace is.
    fn remove_others(&mut self, desired: &Desired) {
        let labels = self.current.labels.iter().map(|(name, value)| (Key::label(name), value));
        let annotations =
            self.current.annotations.iter().map(|(name, value)| (Key::annotation(name), value));
        for (key, value) in labels.chain(annotations) {
            let own = key.name.starts_with(keys::OWN_PREFIX) || key.name == NAME_LABEL;
            let wanted = desired.wants.contains_key(&key) || desired.forced.contains_key(&key);
            if !own && !wanted && !self.subject.settings.spares(&key, value) {
                self.plan.set.remove(&key);
                self.plan.remove.insert(key, Why::Exclusive);
            }
        }
    }

    fn write_ledger(&mut self) -> Result<(), PlanError> {
        let fault =
            |source| PlanError::Previous { tenant: self.subject.tenant.name.clone(), source };
        self.next.check_previous_size().map_err(fault)?;
        let text = self.next.to_string_compact();
        self.set(&Key::annotation(ledger::ANNOTATION), &text, Why::Ledger);
        Ok(())
    }
}

fn clash(key: &Key, found: Option<&String>, want: &Want) -> Clash {
    Clash {
        key: key.clone(),
        found: found.cloned(),
        wanted: want.value.clone(),
        why: want.why.clone(),
    }
}
