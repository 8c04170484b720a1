//! The worked examples of hooks through the compiled policy: what a real API server stores, and
//! what it answers where a hook rejects.

use std::fs;

use local_cluster::kubewarden::{Options, apply_policy};
use local_cluster::user::{ADMIN, MEMBERS_RIGHTS};
use local_cluster::{Cluster, Kubewarden, User};
use serde_json::{Value, json};

use super::world::{Refusal, World, shipped};
use crate::compiled::{policy_host, root, wasm};
use test_support::examples::{self, Example};

/// Who asks in the examples that say so.
const CREATOR: &str = "ada";

#[tokio::test]
async fn every_example_at_admission() {
    let cluster =
        Cluster::builder().user(User::member(CREATOR, ["devs"])).start().await.expect("a cluster");
    let file =
        |path: &str| fs::read_to_string(root().join(path)).expect("a file of the repository");
    for yaml in [MEMBERS_RIGHTS, &file("deploy/crds.yaml"), &file("deploy/rbac.yaml")] {
        cluster.apply(yaml).await.expect("a manifest that the API server takes");
    }
    let module = shipped("landlord")["spec"]["module"].as_str().expect("a module").to_owned();
    let options = Options {
        policy_host: policy_host().to_owned(),
        modules: [(module, wasm().to_owned())].into(),
        sources: None,
    };
    let kubewarden = Kubewarden::start(&cluster, options).await.expect("Kubewarden");
    let world = World { kubewarden, cluster };
    for object in examples::rancher() {
        world.apply(object).await.expect("taken");
    }
    let all = examples::all(root());
    // Before there is a policy: what an edit finds may break the rules already.
    for case in all
        .iter()
        .flat_map(|example| &example.cases)
        .filter(|case| case.get("oldNamespace").is_some())
    {
        world.create(ADMIN, case["oldNamespace"].clone()).await.expect("created");
    }
    for (number, example) in all.iter().enumerate() {
        put_in_force(&world, example).await;
        if number == 0 {
            world
                .kubewarden
                .wait_until_asked(&world.client(ADMIN), "landlord")
                .await
                .expect("a webhook that is asked");
        }
        check_cases(&world, example).await;
    }
}

async fn put_in_force(world: &World, example: &Example) {
    for tenant in &example.tenants {
        world.apply(tenant.clone()).await.expect("a tenant");
    }
    let mut policy = shipped("landlord");
    policy["spec"]["settings"] = example.settings.clone();
    policy["spec"]["contextAwareResources"] = json!([
        {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant"}, {"apiVersion": "management.cattle.io/v3", "kind": "Project"},
    ]);
    apply_policy(&world.client(ADMIN), &policy.to_string()).await.expect("an active policy");
}

async fn check_cases(world: &World, example: &Example) {
    for case in example
        .cases
        .iter()
        .filter(|case| ["create", "update"].iter().any(|stage| examples::is_at(case, stage)))
    {
        check(world, example, case).await;
    }
}

async fn check(world: &World, example: &Example, case: &Value) {
    let what = format!("{}: {}", example.name, case["name"]);
    let user = case["request"]["userInfo"]["username"].as_str().unwrap_or(ADMIN);
    let name = case["namespace"]["name"].as_str().expect("a name");
    let answer = match case.get("oldNamespace") {
        None => world.create(user, case["namespace"].clone()).await,
        Some(old) => world.patch(user, name, edit(old, &case["namespace"])).await,
    };
    let parts = examples::denied(case);
    match answer {
        Err(Refusal { message, .. }) => {
            let parts = parts.unwrap_or_else(|| panic!("{what}: denied: {message}"));
            assert!(parts.iter().all(|part| message.contains(part)), "{what}: {message}");
        }
        Ok(stored) => {
            assert!(parts.is_none(), "{what}: accepted");
            let (labels, annotations) = (
                stored.metadata.labels.unwrap_or_default(),
                stored.metadata.annotations.unwrap_or_default(),
            );
            assert_eq!(
                examples::differences(case, &labels, &annotations),
                Vec::<String>::new(),
                "{what}"
            );
        }
    }
}

/// The merge patch from one namespace to another.
fn edit(old: &Value, new: &Value) -> Value {
    let field = |name: &str| -> Value {
        let gone =
            old[name].as_object().into_iter().flatten().map(|(key, _)| (key.clone(), Value::Null));
        gone.chain(new[name].as_object().cloned().unwrap_or_default())
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    json!({"metadata": {"labels": field("labels"), "annotations": field("annotations")}})
}
