//! Requester: who sent an admission request, or whose stamp a namespace carries. Owner: who may
//! claim a tenant.

use serde::{Deserialize, Serialize};
use serde_json::Value;

const SERVICE_ACCOUNT_PREFIX: &str = "system:serviceaccount:";
/// The users as which Kubernetes' garbage collector works: with `--use-service-account-credentials`
/// of kube-controller-manager, and without. It removes and edits owner references of objects whose
/// owner is deleted, and has to see what it wrote.
pub const GARBAGE_COLLECTORS: [&str; 2] = [
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:kube-controller-manager",
];

/// User name and groups, as the API server authenticated them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requester {
    /// The user name; that of a service account is `system:serviceaccount:NAMESPACE:NAME`.
    pub username: String,
    /// The groups.
    pub groups: Vec<String>,
}

impl Requester {
    /// Reads `request.userInfo`; what is absent stays empty and so matches nobody.
    pub fn from_user_info(user_info: &Value) -> Self {
        let groups = user_info.get("groups").and_then(Value::as_array);
        Self {
            username: user_info
                .get("username")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            groups: groups
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        }
    }

    /// Whether this is Kubernetes' garbage collector ([`GARBAGE_COLLECTORS`]).
    pub fn is_garbage_collector(&self) -> bool {
        GARBAGE_COLLECTORS.contains(&self.username.as_str())
    }

    /// Whether this is the service account written `namespace:name`.
    pub(crate) fn is_service_account(&self, account: &str) -> bool {
        self.username.strip_prefix(SERVICE_ACCOUNT_PREFIX) == Some(account)
    }
}

/// A service account as `namespace:name`; its user name is taken as well. `None` for what is neither.
pub(crate) fn short_account(account: &str) -> Option<&str> {
    let short = account.strip_prefix(SERVICE_ACCOUNT_PREFIX).unwrap_or(account);
    let (namespace, name) = short.split_once(':')?;
    let valid = !namespace.is_empty() && !name.is_empty() && !name.contains([':', '/']);
    valid.then_some(short)
}

/// One who may claim a tenant: `{kind: User | Group | ServiceAccount, name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.kind != 'ServiceAccount' || self.name.matches('^(system:serviceaccount:)?[^:]+:[^:]+$')",
    "message": "owners: write a service account as namespace:name",
}])))]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Whether it is a user, a group or a service account.
    pub kind: OwnerKind,
    /// User name, group name, or a service account as `namespace:name`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 253)))]
    pub name: String,
}

/// What an owner is, as in the subjects of a RoleBinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OwnerKind {
    /// A user, by the name that the API server authenticated.
    User,
    /// A group that a user is in.
    Group,
    /// A service account.
    ServiceAccount,
}

impl Owner {
    /// Whether `requester` is this owner. Service accounts may carry their full user name (Capsule
    /// writes it so).
    pub fn is(&self, requester: &Requester) -> bool {
        match self.kind {
            OwnerKind::User => !self.name.is_empty() && requester.username == self.name,
            OwnerKind::Group => requester.groups.contains(&self.name),
            OwnerKind::ServiceAccount => {
                let account = self.name.strip_prefix(SERVICE_ACCOUNT_PREFIX).unwrap_or(&self.name);
                requester.is_service_account(account)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(OwnerKind::User, "alice", true)]
    #[case(OwnerKind::User, "devs", false)]
    #[case(OwnerKind::Group, "devs", true)]
    #[case(OwnerKind::Group, "alice", false)]
    #[case(OwnerKind::ServiceAccount, "ci:alice", false)]
    fn owners_match_by_kind(#[case] kind: OwnerKind, #[case] name: &str, #[case] expected: bool) {
        let requester = Requester { username: "alice".into(), groups: vec!["devs".into()] };
        assert_eq!(Owner { kind, name: name.into() }.is(&requester), expected);
    }

    #[rstest]
    #[case("ci:robot")]
    #[case("system:serviceaccount:ci:robot")]
    fn service_accounts_match_in_both_spellings(#[case] name: &str) {
        let requester =
            Requester { username: "system:serviceaccount:ci:robot".into(), groups: vec![] };
        assert!(Owner { kind: OwnerKind::ServiceAccount, name: name.into() }.is(&requester));
    }

    #[test]
    fn nobody_is_the_empty_user() {
        assert!(!Owner { kind: OwnerKind::User, name: String::new() }.is(&Requester::default()));
    }
}
