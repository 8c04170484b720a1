//! User: who talks to the API server, told by a token.

use std::fmt::Write;

use rcgen::KeyPair;
use sha2::{Digest, Sha256};

/// May do everything (group `system:masters`).
pub const ADMIN: &str = "admin";
/// The companion controller's service account.
pub const CONTROLLER: &str = "system:serviceaccount:landlord:controller";
/// The service account of Kubewarden's policy server, under which policies read the cluster.
pub const POLICY_SERVER: &str = "system:serviceaccount:kubewarden:policy-server";
/// The scheduler.
pub const SCHEDULER: &str = "system:kube-scheduler";
/// kube-controller-manager. Each of its controllers works under a service account of its own.
pub const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";

/// The group whose members may do with namespaces and Pods what they like, once [`MEMBERS_RIGHTS`]
/// is applied.
pub const MEMBERS: &str = "tenant-members";
/// Rights of [`MEMBERS`] (YAML). RBAC cannot tell whose a namespace is.
pub const MEMBERS_RIGHTS: &str = include_str!("user/members.yaml");

/// A user name and groups, as RBAC and admission see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
}

impl User {
    /// A user in these groups. `system:authenticated` is added by the API server.
    pub fn new<G: Into<String>>(
        name: impl Into<String>,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        Self { name: name.into(), groups: groups.into_iter().map(Into::into).collect() }
    }

    /// A user of [`MEMBERS`] who is in these groups as well.
    pub fn member<G: Into<String>>(
        name: impl Into<String>,
        groups: impl IntoIterator<Item = G>,
    ) -> Self {
        Self::new(name, groups.into_iter().map(Into::into).chain([MEMBERS.to_owned()]))
    }

    /// A service account, `system:serviceaccount:NAMESPACE:NAME`, with the groups that Kubernetes
    /// gives it.
    pub fn service_account(name: &str) -> Self {
        let namespace = name.split(':').nth(2).unwrap_or_default();
        Self::new(
            name,
            ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")],
        )
    }

    /// Those that every cluster has.
    pub(crate) fn standard() -> Vec<Self> {
        vec![
            Self::new(ADMIN, ["system:masters"]),
            Self::new(SCHEDULER, Vec::<String>::new()),
            Self::new(CONTROLLER_MANAGER, Vec::<String>::new()),
            Self::service_account(CONTROLLER),
            Self::service_account(POLICY_SERVER),
        ]
    }
}

/// A user's secret.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) user: User,
    pub(crate) token: String,
}

impl Credential {
    pub(crate) fn new(user: User) -> Result<Self, rcgen::Error> {
        let random = KeyPair::generate()?;
        let mut token = String::new();
        for byte in Sha256::digest(random.serialized_der()) {
            // Writing to a string does not fail.
            let _ = write!(token, "{byte:02x}");
        }
        Ok(Self { user, token })
    }

    /// A line of the API server's `--token-auth-file`.
    pub(crate) fn line(&self) -> String {
        format!(
            "{},{},{},\"{}\"\n",
            self.token,
            self.user.name,
            self.user.name,
            self.user.groups.join(",")
        )
    }
}
