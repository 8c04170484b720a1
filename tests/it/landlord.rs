//! The other stage, for the scenarios that the controller's own tests share with these: its binary, and the policy beside it.

use local_cluster::kubewarden::{Options, apply_policy};
use local_cluster::{Cluster, Kubewarden};

use crate::cluster::shipped;
use crate::compiled::{policy_host, wasm};

pub(crate) use crate::compiled::{landlord as binary, root};
pub(crate) use crate::run::{Run, run};

/// The policy behind its webhook.
pub(crate) type Policy = Kubewarden;

/// Starts it as it is shipped, for this source.
pub(crate) async fn start_policy(cluster: &Cluster, source: &str) -> Option<Policy> {
    let policy = shipped(source);
    let module = policy["spec"]["module"].as_str().expect("a module").to_owned();
    let options = Options { policy_host: policy_host().to_owned(), modules: [(module, wasm().to_owned())].into(), sources: None };
    let (kubewarden, admin) = (Kubewarden::start(cluster, options).await.expect("Kubewarden"), cluster.admin().expect("a client"));
    apply_policy(&admin, &policy.to_string()).await.expect("an active policy");
    kubewarden.wait_until_asked(&admin, "landlord").await.expect("a webhook that is asked");
    Some(kubewarden)
}

/// Takes the policy server down for good, where the webhook is told to let requests through then.
pub(crate) async fn take_policy_down(cluster: &Cluster, source: &str, policy: &Policy) {
    let mut ignoring = shipped(source);
    ignoring["spec"]["failurePolicy"] = "Ignore".into();
    apply_policy(&cluster.admin().expect("a client"), &ignoring.to_string()).await.expect("an active policy");
    policy.kill_policy_server();
}
