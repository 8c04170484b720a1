//! The other stage, for the scenarios that landlord's own tests share with these: its binary, and
//! the policy beside it.

use local_cluster::{Cluster, Kubewarden};

use crate::compiled::{policy_host, wasm};

pub(crate) use crate::compiled::{landlord as binary, root};

/// The policy behind its webhook, as it is shipped, for this source.
pub(crate) async fn start_policy(cluster: &Cluster, source: &str) -> Option<Kubewarden> {
    Some(test_support::policy::start(cluster, source, policy_host(), wasm()).await)
}
