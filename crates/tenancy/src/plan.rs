//! Plan: the difference between a namespace and what it should be, with the reason for each key.

use std::collections::{BTreeMap, BTreeSet};

use crate::claim::Claim;
use crate::desired::{DesireError, Want, Wants};
use crate::dialect::Dialect;
use crate::hook::{Changes, Failure, Stage};
use crate::keys;
use crate::ledger::{self, Ledger, LedgerError};
use crate::metadata::{Field, InvalidMetadata, Key, Metadata, check_annotations_bytes};
use crate::namespace::Namespace;
use crate::settings::{self, GuardScope, Settings, Unclaimed};
use crate::tenant::Tenant;
use crate::trust::Stamp;
use crate::why::Why;

mod pass;
mod release;
mod rest;
mod verdict;

use self::pass::Pass;
use self::release::Releaser;

/// The stamp of a namespace that nobody is on record for.
const NOBODY: &str = r#"{"username":"","groups":[]}"#;

/// What is to be done to one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Labels and annotations to write, the ledger among them.
    pub set: Wants,
    /// Labels and annotations to take away.
    pub remove: BTreeMap<Key, Why>,
    /// Wanted keys that stay as they are.
    pub kept: Vec<Clash>,
    /// Wanted keys that are refused, in order: a denial at admission, a report at reconcile.
    pub refused: Vec<Clash>,
    /// Hooks whose requirements do not hold in the end, or whose values cannot be written; in the
    /// order of the hooks.
    pub failures: Vec<Failure>,
    /// Keys, unrendered, that wait for the namespace to get its name.
    pub waiting: BTreeSet<String>,
}

/// A wanted key that the namespace has with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The label or annotation.
    pub key: Key,
    /// The namespace's value; `None` where the key is absent (a protected key that a tenant wants).
    pub found: Option<String>,
    /// The value that the tenant wants.
    pub wanted: String,
    /// What wants it.
    pub why: Why,
}

/// A namespace for which no plan can be made. Nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// What the tenant wants cannot be written on this namespace.
    #[error(transparent)]
    Desire(#[from] DesireError),
    /// Layers of a Capsule tenant select by what other layers write, and switch each other on and
    /// off.
    #[error(
        "tenant {tenant:?}: metadata does not come to rest, {items} switch each other: fix their selectors"
    )]
    NoRest {
        /// The tenant's name.
        tenant: String,
        /// The layers that do it, as a phrase.
        items: String,
    },
    /// The values that `release: restore` would have to bring back are too large for a ledger.
    #[error("tenant {tenant:?}: cannot remember the values to restore: {source}")]
    Previous {
        /// The tenant's name.
        tenant: String,
        /// How large they are, and how large they may be.
        source: LedgerError,
    },
    /// With what is wanted, the annotations would be larger than the 256 KiB that Kubernetes
    /// allows.
    #[error("tenant {tenant:?}: {source}")]
    Size {
        /// The tenant's name.
        tenant: String,
        /// How large they would be.
        source: InvalidMetadata,
    },
}

impl Plan {
    /// Hooks that reject the namespace.
    pub fn rejections(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter().filter(|failure| !failure.warning)
    }

    /// Whether the clash's key is refused with the same two values, wherever the wish comes from.
    pub fn refuses(&self, Clash { key, found, wanted, .. }: &Clash) -> bool {
        let place = self.refused.binary_search_by(|refused| refused.key.cmp(key));
        let refused = place.ok().and_then(|place| self.refused.get(place));
        refused.is_some_and(|refused| refused.found == *found && refused.wanted == *wanted)
    }

    /// Whether there is nothing to write; what is kept, refused or fails does not count.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// What hooks see of it.
    fn changes(&self) -> Changes<'_> {
        Changes { set: &self.set, remove: &self.remove }
    }

    /// The metadata after the plan.
    pub fn apply(&self, metadata: &Metadata) -> Metadata {
        let mut result = metadata.clone();
        for key in self.remove.keys() {
            result.field_mut(key.field).remove(&key.name);
        }
        for (key, change) in &self.set {
            result.field_mut(key.field).insert(key.name.clone(), change.value.clone());
        }
        result
    }
}

/// What becomes of tenant labels that people wrote, when landlord leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claims {
    /// They are removed, so that nothing of landlord is left.
    Go,
    /// They stay, so that another installation finds whose the namespaces are.
    Stay,
}

/// Reads the ledger of a namespace; one that does not parse counts as empty, and the fault is
/// returned beside it.
pub fn read_ledger(metadata: &Metadata) -> (Ledger, Option<String>) {
    match metadata.annotations.get(ledger::ANNOTATION).map(|text| Ledger::parse(text)) {
        None => (Ledger::default(), None),
        Some(Ok(ledger)) => (ledger, None),
        Some(Err(error)) => (Ledger::default(), Some(error.to_string())),
    }
}

/// What a plan is made for, whatever the namespace's metadata are.
#[derive(Clone, Copy)]
struct Subject<'a> {
    settings: &'a Settings,
    claim: &'a Claim,
    tenant: &'a Tenant,
    /// `None` as long as the namespace has none.
    name: Option<&'a str>,
    stage: Stage<'a>,
}

/// Plans a namespace that `claim` gives to `tenant`. `ledger` is the namespace's own, as
/// [`read_ledger`] reads it: here and in the other plans, so that it is parsed once, whatever is
/// asked of it.
pub fn plan(
    settings: &Settings,
    namespace: &Namespace,
    ledger: &Ledger,
    claim: &Claim,
    tenant: &Tenant,
    stage: Stage<'_>,
) -> Result<Plan, PlanError> {
    #[cfg(feature = "counters")]
    crate::counters::count_plan();
    let subject = Subject { settings, claim, tenant, name: namespace.name.as_deref(), stage };
    let plan = match tenant.dialect {
        Dialect::Landlord => Pass::new(subject, &namespace.metadata, ledger).run()?.plan,
        Dialect::Capsule => rest::plan(subject, &namespace.metadata, ledger.clone())?,
    };
    if !plan.is_empty() {
        check_size(&plan, &namespace.metadata, tenant)?;
    }
    Ok(plan)
}

/// Plans a namespace that nobody claims: everything landlord wrote goes, the record of the claim
/// included.
pub fn unclaimed(settings: &Settings, namespace: &Namespace, ledger: &Ledger) -> Plan {
    let mut plan = release(settings, namespace, ledger);
    let label = Key::label(settings.tenant_label());
    // An empty one says that the namespace leaves its tenant, and has said it now.
    let found = namespace.metadata.labels.get(&label.name);
    if found.is_some_and(|value| ledger.by.is_some() || value.is_empty()) {
        plan.remove.insert(label, Why::Released);
    }
    let marked = namespace.metadata.annotations.contains_key(keys::UNCLAIMED);
    let wanted =
        settings.guard.scope == GuardScope::All && may_be_unclaimed(settings, &namespace.metadata);
    let marker = Key::annotation(keys::UNCLAIMED);
    match (wanted, marked) {
        (true, false) => {
            drop(plan.set.insert(marker, Want { value: "true".to_owned(), why: Why::Unclaimed }))
        }
        (false, true) => drop(plan.remove.insert(marker, Why::Unclaimed)),
        _ => {}
    }
    let is_freed = |stamp: Stamp| stamp.moved.is_some() && !stamp.names_any();
    if Stamp::read(&namespace.metadata).is_some_and(is_freed)
        && let Some(value) = Stamp::settled(&namespace.metadata)
    {
        plan.set.insert(Key::annotation(keys::CREATOR), Want { value, why: Why::Stamp });
    }
    plan
}

/// Whether the settings let this namespace be nobody's: as at CREATE, by the guard's stamp of who
/// its creator was. What has none is older than the guard.
pub fn may_be_unclaimed(settings: &Settings, metadata: &Metadata) -> bool {
    // An admin who named a tenant did not say that it is nobody's.
    let by_admin = |stamp: Stamp| {
        !stamp.names_any()
            && (settings.is_admin(&stamp.creator) || settings.is_controller(&stamp.creator))
    };
    settings.unclaimed == Unclaimed::Allow || Stamp::read(metadata).is_none_or(by_admin)
}

/// Plans the release of a namespace whose tenant is gone for good, as [`release`]. Another tenant of
/// that name is another's: only a creator who is no admin is asked then whether they own it, and else
/// the stamp names nobody.
pub fn abandon(settings: &Settings, namespace: &Namespace, ledger: &Ledger) -> Plan {
    let mut plan = release(settings, namespace, ledger);
    let stays = match Stamp::read(&namespace.metadata) {
        Some(stamp) => !settings.is_admin(&stamp.creator),
        None => settings.claims == settings::Claims::Trusted,
    };
    if !stays && !plan.is_empty() {
        let value = NOBODY.to_owned();
        plan.set.insert(Key::annotation(keys::CREATOR), Want { value, why: Why::Stamp });
    }
    plan
}

/// Plans the release of a namespace whose tenant is gone: managed keys and ledger go, the tenant
/// label stays (so that the guard is enforced).
pub fn release(settings: &Settings, namespace: &Namespace, ledger: &Ledger) -> Plan {
    #[cfg(feature = "counters")]
    crate::counters::count_plan();
    let mut plan = Plan::default();
    let mode = ledger.release.unwrap_or_default();
    let releaser = Releaser { settings, current: &namespace.metadata, ledger, mode };
    ledger.keys().for_each(|key| releaser.release(&mut plan, key));
    if namespace.metadata.annotations.contains_key(ledger::ANNOTATION) {
        plan.remove.insert(Key::annotation(ledger::ANNOTATION), Why::Released);
    }
    plan
}

/// Plans the end of landlord on a namespace: as [`release`], and all that is landlord's own goes as
/// well – the tenant label that it recorded, and every `landlord.dev/` key. Keys of a tenant label
/// that people wrote are theirs and stay with `Claims::Stay`.
pub fn leave(settings: &Settings, namespace: &Namespace, ledger: &Ledger, claims: Claims) -> Plan {
    let mut plan = release(settings, namespace, ledger);
    let label = Key::label(settings.tenant_label());
    let metadata = &namespace.metadata;
    let keys = [Field::Label, Field::Annotation].into_iter().flat_map(|field| {
        metadata.field(field).keys().map(move |name| Key { field, name: name.clone() })
    });
    for key in keys {
        let recorded = key == label && ledger.by.is_some();
        let claimed = key == label && claims == Claims::Stay;
        if recorded || (key.name.starts_with(keys::OWN_PREFIX) && !claimed) {
            plan.set.remove(&key);
            plan.remove.insert(key, Why::Released);
        }
    }
    plan
}

/// Whether a key that decides where Pods run is among the changes. The ledger alone changes nothing
/// for Pods; it is a placement key because it may not be given up. The tenant's label decides
/// whether the guard looks.
pub fn changes_placement(plan: &Plan) -> bool {
    let ledger = Key::annotation(ledger::ANNOTATION);
    plan.set.keys().chain(plan.remove.keys()).any(|key| *key != ledger && keys::is_placement(key))
}

/// The limit of the API server, judged on the sizes alone: foreign annotations may be large, and
/// are not copied.
fn check_size(plan: &Plan, metadata: &Metadata, tenant: &Tenant) -> Result<(), PlanError> {
    let size = |(name, value): (&String, &String)| name.len() + value.len();
    let goes = |name: &String| {
        plan.remove.contains_key(&Key::annotation(name))
            || plan.set.contains_key(&Key::annotation(name))
    };
    let stay: usize = metadata.annotations.iter().filter(|(name, _)| !goes(name)).map(size).sum();
    let come: usize = plan
        .set
        .iter()
        .filter(|(key, _)| key.field == Field::Annotation)
        .map(|(key, want)| size((&key.name, &want.value)))
        .sum();
    check_annotations_bytes(stay + come)
        .map_err(|source| PlanError::Size { tenant: tenant.name.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(name: &str, found: Option<&str>, wanted: &str, why: Why) -> Clash {
        let found = found.map(str::to_owned);
        Clash { key: Key::label(name), found, wanted: wanted.to_owned(), why }
    }

    #[test]
    fn a_clash_is_known_by_its_key_and_its_two_values() {
        let refused = ["a", "b", "c"].map(|name| clash(name, Some("1"), "2", Why::Spec)).into();
        let plan = Plan { refused, ..Plan::default() };
        assert!(plan.refuses(&clash("b", Some("1"), "2", Why::Override(0))));
        assert!(!plan.refuses(&clash("d", Some("1"), "2", Why::Spec)));
        assert!(!plan.refuses(&clash("b", Some("3"), "2", Why::Spec)));
        assert!(!plan.refuses(&clash("b", None, "2", Why::Spec)));
        assert!(!plan.refuses(&clash("b", Some("1"), "3", Why::Spec)));
    }
}
