//! Accounts: lists of users, groups and service accounts, for what the settings allow them.

use serde::Deserialize;

use super::read_account;
use crate::decode::DecodeError;
use crate::requester::Requester;

/// The group of every user who has proved who they are.
const EVERYBODY: &str = "system:authenticated";

/// Users, groups and service accounts.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Accounts {
    /// User names.
    pub users: Vec<String>,
    /// Groups of users.
    pub groups: Vec<String>,
    /// Each `namespace:name`.
    pub service_accounts: Vec<String>,
}

/// Users, groups and service accounts that may claim any tenant, move and release namespaces.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Admins {
    /// User names.
    users: Vec<String>,
    /// Groups of users.
    groups: Vec<String>,
    /// Each `namespace:name`.
    service_accounts: Vec<String>,
}

impl Default for Admins {
    fn default() -> Self {
        let groups = ["system:masters", "kubeadm:cluster-admins"].map(str::to_owned).to_vec();
        Self { users: Vec::new(), groups, service_accounts: Vec::new() }
    }
}

impl From<Admins> for Accounts {
    fn from(Admins { users, groups, service_accounts }: Admins) -> Self {
        Self { users, groups, service_accounts }
    }
}

impl Accounts {
    /// Whether the requester is listed, by name, group or service account.
    pub fn lists(&self, requester: &Requester) -> bool {
        self.users.contains(&requester.username)
            || self.groups.iter().any(|group| requester.groups.contains(group))
            || self.service_accounts.iter().any(|account| requester.is_service_account(account))
    }

    /// Checks the value of this field of the settings. Service accounts may be written as Kubernetes
    /// names their users.
    pub(super) fn check(mut self, field: &str) -> Result<Self, DecodeError> {
        for (index, account) in self.service_accounts.iter_mut().enumerate() {
            *account = read_account(&format!("{field}.serviceAccounts[{index}]"), account)?;
        }
        check_names(&format!("{field}.users"), &self.users)?;
        check_names(&format!("{field}.groups"), &self.groups)?;
        Ok(self)
    }
}

/// A name that nobody has helps nobody, and one group has everybody in it.
fn check_names(path: &str, names: &[String]) -> Result<(), DecodeError> {
    let fault = |(index, name): (usize, &String)| {
        let message = match name.trim() {
            "" => "empty: write a name",
            trimmed if trimmed != name => "it has spaces around it: write the name alone",
            EVERYBODY if path.ends_with("groups") => {
                "every user is in it, so that all would be listed here: list the groups that you mean"
            }
            _ => return None,
        };
        Some(DecodeError::new(format!("{path}[{index}]"), format!("{name:?}: {message}")))
    };
    names.iter().enumerate().find_map(fault).map_or(Ok(()), Err)
}
