//! Builder: what kind of cluster is wanted.

use crate::binaries::Release;
use crate::user::User;

/// Arguments of every kube-apiserver, parted by spaces: `make compatibility` runs the tests with them.
pub const API_SERVER_ARGUMENTS: &str = "LOCAL_CLUSTER_API_SERVER_ARGUMENTS";

/// What kind of cluster is wanted.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) release: Option<Release>,
    pub(super) plugins: Vec<String>,
    pub(super) users: Vec<User>,
    pub(super) controller_manager: bool,
    pub(super) second_api_server: bool,
    pub(super) api_server_arguments: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        let plugins = vec!["PodNodeSelector".to_owned()];
        let arguments = std::env::var(API_SERVER_ARGUMENTS).unwrap_or_default();
        Self {
            release: None,
            plugins,
            users: User::standard(),
            controller_manager: false,
            second_api_server: false,
            api_server_arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

impl Builder {
    /// Runs this release, built into the cache, instead of `KUBEBUILDER_ASSETS` or the newest.
    pub fn release(self, release: Release) -> Self {
        Self { release: Some(release), ..self }
    }

    /// Turns on one more admission plugin; `PodNodeSelector` is on.
    pub fn plugin(mut self, name: &str) -> Self {
        self.plugins.push(name.to_owned());
        self
    }

    /// Turns off `PodNodeSelector`, as it is on EKS and GKE.
    pub fn without_pod_node_selector(mut self) -> Self {
        self.plugins.retain(|name| name != "PodNodeSelector");
        self
    }

    /// Adds a user who can be asked for with [`Cluster::client`].
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// Starts kube-controller-manager as well: Deployments, and namespaces that go when they are
    /// deleted.
    pub fn controller_manager(self) -> Self {
        Self { controller_manager: true, ..self }
    }

    /// Starts a second API server on the same etcd: it sees what the first one wrote a moment
    /// later.
    pub fn second_api_server(self) -> Self {
        Self { second_api_server: true, ..self }
    }

    /// Adds an argument of kube-apiserver.
    pub fn api_server_argument(mut self, argument: impl Into<String>) -> Self {
        self.api_server_arguments.push(argument.into());
        self
    }
}
