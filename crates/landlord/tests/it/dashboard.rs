//! The dashboard of a controller that works on a real cluster: its API, who may see it, and its
//! page in a real browser.

use std::fs;

use serde_json::{Value, json};

use crate::cluster::world::{World, eventually};
use test_support::http_client::Http;

mod access;
mod api;
mod findings;
mod page;
mod pictures;
mod scene;

/// The address that a controller says its dashboard has.
pub(crate) fn address(world: &World, identity: &str) -> String {
    let log = world.log(identity);
    log.lines().find_map(|line| line.strip_prefix("dashboard on ")).expect("its address").to_owned()
}

/// A user's token, as the cluster's kubeconfig has it.
pub(crate) fn token(world: &World, user: &str) -> String {
    let text = fs::read_to_string(world.cluster.kubeconfig_of(user)).expect("a kubeconfig");
    let kubeconfig: Value = serde_saphyr::from_str(&text).expect("YAML");
    kubeconfig["users"][0]["user"]["token"].as_str().expect("a token").to_owned()
}
