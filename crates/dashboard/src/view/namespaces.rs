//! Namespaces: a page of them, sorted and filtered here, so that a browser never holds ten
//! thousand.

use std::cmp::Ordering;

use assessment::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time;
use crate::Dashboard;
use cluster::cached_namespace::CachedNamespace;
use controller::store::{Compliance, Standing};

/// Namespaces of a page at most, and where nobody says how many.
const MOST: usize = 500;
const USUAL: usize = 100;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Those of this tenant.
    tenant: Option<String>,
    /// Those that stand so.
    state: Option<Choice>,
    /// Those with this in their name, their tenant's or their reason.
    search: Option<String>,
    sort: Column,
    descending: bool,
    /// How many to leave out first.
    offset: usize,
    /// How many to list, 500 at most.
    limit: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Choice {
    Compliant,
    Pending,
    Conflicted,
    Failed,
    /// Not compliant.
    Troubled,
    /// Of no tenant.
    Unclaimed,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Column {
    #[default]
    Name,
    Tenant,
    State,
    Created,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Namespaces {
    /// How many fit.
    matching: usize,
    offset: usize,
    items: Vec<NamespaceRow>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NamespaceRow {
    name: String,
    tenant: Option<String>,
    /// compliant, pending, conflicted or failed.
    state: String,
    /// A bounded word where it is not as it should be.
    reason: Option<String>,
    /// What is wrong, and what to do.
    message: Option<String>,
    created: Option<String>,
}

/// A namespace, before it is known whether it is on the page.
struct Candidate<'a> {
    name: &'a str,
    tenant: Option<&'a str>,
    state: Compliance,
    reason: Option<Reason>,
    held: &'a CachedNamespace,
}

impl Namespaces {
    pub(crate) fn of(dashboard: &Dashboard, wanted: &Wanted) -> Self {
        let shared = dashboard.subject.reconciler.shared();
        let mut found: Vec<Candidate<'_>> = shared
            .store
            .standings()
            .map(|(name, held, standing)| Candidate::of(name, held, standing))
            .filter(|one| wanted.fits(one))
            .collect();
        found.sort_unstable_by(|a, b| wanted.order(a, b));
        let page = found.iter().skip(wanted.offset).take(wanted.limit.unwrap_or(USUAL).min(MOST));
        let row = |one: &Candidate<'_>| NamespaceRow {
            name: one.name.to_owned(),
            tenant: one.tenant.map(str::to_owned),
            state: one.state.word().to_owned(),
            reason: one.reason.map(|reason| reason.word().to_owned()),
            message: shared.progress.trouble(one.name).map(|trouble| trouble.message.clone()),
            created: one.held.created.as_ref().map(|at| time(at.0)),
        };
        Self { matching: found.len(), offset: wanted.offset, items: page.map(row).collect() }
    }
}

impl<'a> Candidate<'a> {
    fn of(name: &'a str, held: &'a CachedNamespace, standing: &'a Standing) -> Self {
        Self {
            name,
            tenant: standing.tenant.as_deref(),
            state: standing.state,
            reason: standing.reason,
            held,
        }
    }
}

impl Wanted {
    fn fits(&self, one: &Candidate<'_>) -> bool {
        let tenant = self.tenant.as_deref().is_none_or(|tenant| one.tenant == Some(tenant));
        tenant
            && self.state.is_none_or(|choice| choice.fits(one))
            && self.search.as_deref().is_none_or(|text| finds(text, one))
    }

    /// Names decide among equals, in the same direction.
    fn order(&self, a: &Candidate<'_>, b: &Candidate<'_>) -> Ordering {
        let order = match self.sort {
            Column::Name => Ordering::Equal,
            Column::Tenant => a.tenant.cmp(&b.tenant),
            Column::State => (a.state, a.reason).cmp(&(b.state, b.reason)),
            Column::Created => a.held.created.cmp(&b.held.created),
        };
        let order = order.then_with(|| a.name.cmp(b.name));
        if self.descending { order.reverse() } else { order }
    }
}

impl Choice {
    fn fits(self, one: &Candidate<'_>) -> bool {
        match self {
            Self::Compliant => one.state == Compliance::Compliant,
            Self::Pending => one.state == Compliance::Pending,
            Self::Conflicted => one.state == Compliance::Conflicted,
            Self::Failed => one.state == Compliance::Failed,
            Self::Troubled => one.state != Compliance::Compliant,
            Self::Unclaimed => one.tenant.is_none(),
        }
    }
}

fn finds(text: &str, one: &Candidate<'_>) -> bool {
    let text = text.trim().to_lowercase();
    let fields = [Some(one.name), one.tenant, one.reason.map(Reason::word)];
    text.is_empty()
        || fields.into_iter().flatten().any(|field| field.to_lowercase().contains(&text))
}
