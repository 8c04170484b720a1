//! Namespaces: a page of them, sorted and filtered here, so that a browser never holds ten
//! thousand.

use std::sync::Arc;

use assessment::Reason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{page, time};
use controller::snapshot::{self, Compliance, Snapshots};

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
    /// Conflicted or failed: landlord alone does not end it.
    Attention,
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
    /// A bounded word where it is not compliant.
    reason: Option<String>,
    /// What is wrong, and what to do.
    message: Option<String>,
    created: Option<String>,
}

/// A namespace and its name.
type Named<'a> = (&'a Arc<str>, &'a snapshot::NamespaceRow);

impl Namespaces {
    pub(crate) fn build(snapshots: &Snapshots, wanted: &Wanted) -> Self {
        let namespaces = snapshots.namespaces();
        let text = page::search_text(wanted.search.as_deref());
        let mut found: Vec<Named<'_>> =
            namespaces.iter().filter(|one| wanted.fits(*one, &text)).collect();
        wanted.sort(&mut found);
        Self {
            matching: found.len(),
            offset: wanted.offset,
            items: page::cut(found, wanted.offset, wanted.limit).map(NamespaceRow::build).collect(),
        }
    }
}

impl NamespaceRow {
    fn build((name, row): Named<'_>) -> Self {
        Self {
            name: name.to_string(),
            tenant: row.tenant.as_deref().map(str::to_owned),
            state: row.state.word().to_owned(),
            reason: row.reason.map(|reason| reason.word().to_owned()),
            message: row.trouble.as_ref().map(|trouble| trouble.message.clone()),
            created: row.created.map(time),
        }
    }
}

impl Wanted {
    /// `text` is what is searched for, in small letters.
    fn fits(&self, one: Named<'_>, text: &str) -> bool {
        let row = one.1;
        let tenant =
            self.tenant.as_deref().is_none_or(|tenant| row.tenant.as_deref() == Some(tenant));
        tenant
            && self.state.is_none_or(|choice| choice.fits(row))
            && (text.is_empty() || finds(text, one))
    }

    /// They come in order of their names, which decide among equals, in the same direction.
    fn sort(&self, found: &mut [Named<'_>]) {
        match self.sort {
            Column::Name => {}
            Column::Tenant => found.sort_by(|(_, a), (_, b)| a.tenant.cmp(&b.tenant)),
            Column::State => {
                found.sort_by_key(|(_, row)| (row.state, row.reason));
            }
            Column::Created => found.sort_by_key(|(_, row)| row.created),
        }
        if self.descending {
            found.reverse();
        }
    }
}

impl Choice {
    fn fits(self, row: &snapshot::NamespaceRow) -> bool {
        match self {
            Self::Compliant => row.state == Compliance::Compliant,
            Self::Pending => row.state == Compliance::Pending,
            Self::Conflicted => row.state == Compliance::Conflicted,
            Self::Failed => row.state == Compliance::Failed,
            Self::Attention => matches!(row.state, Compliance::Conflicted | Compliance::Failed),
            Self::Troubled => row.state != Compliance::Compliant,
            Self::Unclaimed => row.tenant.is_none(),
        }
    }
}

fn finds(text: &str, (name, row): Named<'_>) -> bool {
    let fields = [Some(name.as_ref()), row.tenant.as_deref(), row.reason.map(Reason::word)];
    fields.into_iter().flatten().any(|field| contains(field, text))
}

/// Whether a field has this text, whatever the size of its letters. Most names have small ones
/// only, and are searched as they are.
fn contains(field: &str, text: &str) -> bool {
    let is_small = field.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if is_small { field.contains(text) } else { field.to_lowercase().contains(text) }
}
