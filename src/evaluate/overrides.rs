//! Overrides: a value of the requester's that is replaced, put back or removed is a warning, so
//! that no diff of a tool and no edit of a person ends in silence.

use tenancy::claim::Claim;
use tenancy::keys::OWN_PREFIX;
use tenancy::metadata::{Field, Key, Metadata};
use tenancy::plan::Plan;
use tenancy::why::Why;

use super::Authority;
use crate::response::shorten;

/// Most bytes of a quoted value.
const MAX_VALUE_BYTES: usize = 40;
/// Most bytes of a warning: of longer ones the API server may show the beginning only.
const MAX_WARNING_BYTES: usize = 224;

/// The metadata of a request.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    /// What was there before; a value that the request leaves as it was is not the requester's.
    pub(super) old: &'a Metadata,
    pub(super) sent: &'a Metadata,
    /// What is stored.
    pub(super) stored: &'a Metadata,
}

/// The tenant that decides, and what it wants, as far as that is known.
#[derive(Clone, Copy, Default)]
pub(super) struct Decision<'a> {
    pub(super) tenant: &'a str,
    pub(super) plan: Option<(&'a Claim, &'a Plan)>,
}

/// A warning for each key of the requester's that is not stored as it was sent. The controller
/// needs none: what it writes is the tenant's.
pub(super) fn overrides(
    authority: &Authority<'_>,
    versions: Versions<'_>,
    decision: Decision<'_>,
) -> Vec<String> {
    let Versions { old, sent, stored } = versions;
    if sent == stored || authority.settings.is_controller(&authority.requester) {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    for field in [Field::Label, Field::Annotation] {
        let (old, sent, stored) = (old.field(field), sent.field(field), stored.field(field));
        let dropped = old.keys().filter(|name| !sent.contains_key(*name));
        for name in sent.keys().chain(dropped) {
            let (was, asked, is) = (old.get(name), sent.get(name), stored.get(name));
            // An empty tenant label has done what it was sent for.
            let left = is.is_none()
                && asked.is_some_and(String::is_empty)
                && name == authority.settings.tenant_label();
            if asked != was && asked != is && !left {
                let key = Key { field, name: name.clone() };
                let message = Override { key: &key, was, asked, is }.describe(authority, decision);
                warnings.push(shorten(&message, MAX_WARNING_BYTES));
            }
        }
    }
    warnings
}

/// A key that is stored otherwise than it was sent.
struct Override<'a> {
    key: &'a Key,
    was: Option<&'a String>,
    asked: Option<&'a String>,
    is: Option<&'a String>,
}

impl Override<'_> {
    fn describe(&self, authority: &Authority<'_>, decision: Decision<'_>) -> String {
        let Self { key, asked, .. } = self;
        let own = key.field == Field::Annotation && key.name.starts_with(OWN_PREFIX);
        let done = self.outcome(own);
        if own {
            return format!("{key} {done}: only landlord writes it");
        }
        if **key == Key::label(authority.settings.tenant_label()) && asked.is_none() {
            return format!(
                "{key} {done}: to take the namespace out of its tenant, set it to \"\" or use `landlord move`"
            );
        }
        format!("{key} {done}{}", self.cause(decision))
    }

    fn outcome(&self, own: bool) -> String {
        let quote = |value: &String| format!("{:?}", shorten(value, MAX_VALUE_BYTES));
        match (self.is, self.asked.map(quote)) {
            (Some(_), _) if own && self.was.is_none() => "was replaced".to_owned(),
            (Some(_), _) if own => "was put back".to_owned(),
            (None, _) if own => "was removed".to_owned(),
            (Some(is), _) if self.was == self.is => format!("was put back to {}", quote(is)),
            (Some(is), Some(asked)) => format!("is {}, not {asked}", quote(is)),
            (Some(is), None) => format!("is {}", quote(is)),
            (None, asked) => format!("was removed, it had {}", asked.unwrap_or_default()),
        }
    }

    /// Who wants it so, and where that is changed.
    fn cause(&self, Decision { tenant, plan }: Decision<'_>) -> String {
        let why = plan.and_then(|(claim, plan)| {
            let set = plan.set.get(self.key).map(|want| &want.why);
            Some((claim, set.or_else(|| plan.remove.get(self.key))?))
        });
        match why {
            Some((claim, Why::Recorded)) => {
                format!(": rule {} claims the namespace for tenant {tenant:?}", claim.rule)
            }
            Some((_, why)) => format!(": tenant {tenant:?} manages it ({why}), change it there"),
            None if tenant.is_empty() => String::new(),
            None => format!(": tenant {tenant:?} manages it"),
        }
    }
}
