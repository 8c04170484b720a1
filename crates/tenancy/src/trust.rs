//! Trust: whether the record on a namespace bears out what the rules find now (docs/design.md, law
//! 8).
//!
//! The record is the ledger, which names the tenant that an admission request or an admin gave the
//! namespace to, and the guard's stamp, which names the creator, or the admin who changed since
//! then what says whose the namespace is.

use std::borrow::Borrow;

use serde_json::Value;

use crate::keys::{CREATOR, UNCLAIMED};
use crate::ledger::Ledger;
use crate::metadata::Metadata;
use crate::requester::Requester;
use crate::settings::{Claims, Rule, Settings};
use crate::tenant::Tenant;
use crate::text;

/// The guard's stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The creator, or the admin who wrote what [`Stamp::moved`] lists. Nobody where the stamp
    /// cannot be read.
    pub creator: Requester,
    /// The values that an admin's update wrote of the keys and owner references that `identify`
    /// reads, until the plan that follows is written.
    pub moved: Option<Vec<String>>,
}

impl Stamp {
    /// Reads the stamp of a namespace, if it carries one.
    pub fn read(metadata: &Metadata) -> Option<Self> {
        let stamp = text::parse(metadata.annotations.get(CREATOR)?).unwrap_or_default();
        let texts = |list: &Vec<Value>| {
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let moved = stamp.get("moved").and_then(Value::as_array).map(texts);
        Some(Self { creator: Requester::from_user_info(&stamp), moved })
    }

    /// The stamp's text without what an admin moved; `None` where it does not list that.
    pub(crate) fn settled(metadata: &Metadata) -> Option<String> {
        let stamp = Self::read(metadata).filter(|stamp| stamp.moved.is_some())?;
        serde_json::to_string(&stamp.creator).ok()
    }

    /// Whether an admin wrote a value where the rules read.
    pub(crate) fn names_any(&self) -> bool {
        self.moved.iter().flatten().any(|value| !value.is_empty())
    }

    fn is_moved(&self, settings: &Settings) -> bool {
        self.moved.is_some() && settings.is_admin(&self.creator)
    }

    /// Whether an admin wrote a value that names the tenant.
    fn is_moved_to(&self, settings: &Settings, tenant: &str) -> bool {
        let names = |text: &str| settings.source.canonical(text.to_owned()) == tenant;
        let by_path = |value: &str| {
            settings.identify.iter().any(|rule| match rule {
                Rule::JsonPath { prefix, .. } => {
                    value.strip_prefix(prefix.as_str()).is_some_and(names)
                }
                _ => false,
            })
        };
        let values = self.moved.as_deref().unwrap_or_default();
        self.is_moved(settings) && values.iter().any(|value| names(value) || by_path(value))
    }
}

/// Why a claim is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The record says another tenant, or none, and no admission request on record moved the
    /// namespace.
    Moved,
    /// The creator may not claim the tenant.
    Creator,
}

/// What is on record of one namespace.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The settings in force.
    pub settings: &'a Settings,
    /// Labels and annotations of the namespace.
    pub metadata: &'a Metadata,
    /// The ledger among them.
    pub ledger: &'a Ledger,
}

impl Trust<'_> {
    /// Whether the namespace may be adopted for `tenant`, which the rules find. `lookup` reads the
    /// tenant that it leaves.
    pub fn check_claim<T: Borrow<Tenant>>(
        &self,
        tenant: &Tenant,
        lookup: impl FnOnce(&str) -> Option<T>,
    ) -> Result<(), Doubt> {
        if self.ledger.tenant == tenant.name {
            return Ok(());
        }
        let Some(stamp) = Stamp::read(self.metadata) else {
            let follows = self.settings.claims == Claims::Trusted || !self.is_recorded();
            return if follows { Ok(()) } else { Err(Doubt::Moved) };
        };
        if stamp.is_moved_to(self.settings, &tenant.name) {
            return Ok(());
        }
        let is_admin = self.settings.is_admin(&stamp.creator);
        if !self.is_recorded() && stamp.moved.is_none() {
            let may = tenant.may_be_claimed_by(&stamp.creator) || is_admin;
            return if may { Ok(()) } else { Err(Doubt::Creator) };
        }
        // An admin may claim every tenant, which says nothing of who wrote the evidence since.
        let left = &self.ledger.tenant;
        let may_leave = || {
            left.is_empty()
                || lookup(left).is_some_and(|left| left.borrow().may_be_left_by(&stamp.creator))
        };
        if !is_admin && tenant.may_be_claimed_by(&stamp.creator) && may_leave() {
            Ok(())
        } else {
            Err(Doubt::Moved)
        }
    }

    /// Whether the namespace may leave the tenant that the record names, now that no rule finds one.
    pub fn may_leave(&self) -> bool {
        self.ledger.tenant.is_empty()
            || match Stamp::read(self.metadata) {
                Some(stamp) => stamp.is_moved(self.settings),
                None => self.settings.claims == Claims::Trusted,
            }
    }

    /// Whether landlord has written down whose it is: a tenant's, or nobody's.
    fn is_recorded(&self) -> bool {
        !self.ledger.tenant.is_empty() || self.metadata.annotations.contains_key(UNCLAIMED)
    }
}

#[cfg(test)]
mod tests;
