//! The server in memory answers what the real one answers: the same requests to both, and the same
//! codes, reasons and causes.

use fake_apiserver::InMemory;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Error, ResourceExt};
use local_cluster::Cluster;
use serde_json::{Value, json};

/// What can be compared of an answer: names and versions differ from server to server.
fn outcome(answer: Result<Namespace, Error>) -> String {
    match answer {
        Ok(namespace) => format!("{:?}", namespace.annotations()),
        Err(Error::Api(status)) => {
            let causes: Vec<_> = status
                .details
                .iter()
                .flat_map(|details| &details.causes)
                .map(|cause| cause.field.clone())
                .collect();
            format!(
                "{} {} about {:?} {causes:?}",
                status.code,
                status.reason,
                status.details.as_ref().map(|details| &details.name)
            )
        }
        Err(error) => panic!("no answer: {error}"),
    }
}

async fn patch(api: &Api<Namespace>, patch: Value) -> String {
    outcome(
        api.patch("web", &PatchParams::default(), &Patch::Merge(json!({"metadata": patch}))).await,
    )
}

/// Everything that a guarded writer can meet.
async fn writes(client: Client) -> Vec<String> {
    let api: Api<Namespace> = Api::all(client);
    let body: Namespace =
        serde_json::from_value(json!({"metadata": {"name": "web"}})).expect("a namespace");
    let mut outcomes =
        vec![outcome(api.get("web").await), patch(&api, json!({"annotations": {"a": "b"}})).await];
    let first = api.create(&PostParams::default(), &body).await.expect("created");
    outcomes.push(outcome(api.create(&PostParams::default(), &body).await));
    let (uid, version) = (first.uid(), first.resource_version());
    let guarded =
        |value: &str| json!({"uid": uid, "resourceVersion": version, "annotations": {"a": value}});
    outcomes.push(patch(&api, guarded("first")).await);
    outcomes.push(patch(&api, guarded("second")).await);
    let now = api.get("web").await.expect("it").resource_version();
    outcomes.push(patch(&api, json!({"annotations": {"a": "first"}})).await);
    assert_eq!(
        api.get("web").await.expect("it").resource_version(),
        now,
        "a patch that changes nothing has no new version"
    );
    outcomes.push(patch(&api, json!({"uid": "somebody-else", "annotations": {"a": "c"}})).await);
    let dry = PatchParams { dry_run: true, ..PatchParams::default() };
    let dry = api
        .patch("web", &dry, &Patch::Merge(json!({"metadata": {"annotations": {"a": "dry"}}})))
        .await;
    outcomes.push(outcome(dry));
    outcomes.push(outcome(api.get("web").await));
    let mut stale = api.get("web").await.expect("it");
    stale.metadata.resource_version = first.resource_version();
    outcomes.push(outcome(api.replace("web", &PostParams::default(), &stale).await));
    outcomes.push(format!(
        "{:?}",
        api.delete("nobody", &DeleteParams::default())
            .await
            .map(drop)
            .map_err(|error| matches!(error, Error::Api(status) if status.code == 404))
    ));
    outcomes
}

/// Pages of a list, and a token that is none.
async fn pages(client: Client) -> Vec<String> {
    let api: Api<Namespace> = Api::all(client);
    for number in 0..7 {
        let body = serde_json::from_value(json!({"metadata": {"name": format!("page-{number}")}}))
            .expect("a namespace");
        api.create(&PostParams::default(), &body).await.expect("created");
    }
    let first = api.list(&ListParams::default().limit(3)).await.expect("a page");
    // What is created between the pages is not in them.
    let late =
        serde_json::from_value(json!({"metadata": {"name": "page-late"}})).expect("a namespace");
    api.create(&PostParams::default(), &late).await.expect("created");
    let (mut names, mut token): (Vec<String>, _) =
        (first.iter().map(ResourceExt::name_any).collect(), first.metadata.continue_.clone());
    while let Some(next) = token.filter(|token| !token.is_empty()) {
        let page =
            api.list(&ListParams::default().limit(3).continue_token(&next)).await.expect("a page");
        assert_eq!(
            page.metadata.resource_version, first.metadata.resource_version,
            "one list, one version"
        );
        names.extend(page.iter().map(ResourceExt::name_any));
        token = page.metadata.continue_;
    }
    names.into_iter().filter(|name| name.starts_with("page-")).collect()
}

#[tokio::test]
async fn it_answers_as_the_real_one() {
    let cluster = Cluster::builder().start().await.expect("a cluster");
    let (real, memory) = (cluster.admin().expect("a client"), InMemory::default().client());
    assert_eq!(writes(memory.clone()).await, writes(real.clone()).await);
    assert_eq!(pages(memory).await, pages(real).await);
}

/// The last words of a frozen process come late, and those of a dead one never.
#[tokio::test(start_paused = true)]
async fn what_is_sent_over_a_held_line_arrives_when_it_is_open_again() {
    let server = InMemory::default();
    server
        .put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}))
        .expect("a namespace");
    server.record();
    let note = |client: &Client, text: &'static str| {
        let api: Api<Namespace> = Api::all(client.clone());
        async move {
            let patch = Patch::Merge(json!({"metadata": {"annotations": {text: "said"}}}));
            drop(
                tokio::time::timeout(
                    std::time::Duration::from_secs(5),
                    api.patch("web", &PatchParams::default(), &patch),
                )
                .await,
            );
        }
    };
    let (frozen, line) = server.connect("frozen");
    let (dead, cut) = server.connect("dead");
    line.hold();
    drop(cut);
    tokio::join!(note(&frozen, "late"), note(&dead, "never"));
    assert_eq!(server.recorded().len(), 0, "nobody waits any more, and nothing has arrived");
    line.open();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let arrived: Vec<_> = server
        .recorded()
        .into_iter()
        .map(|commit| {
            (commit.who, commit.after.map(|after| after["metadata"]["annotations"].clone()))
        })
        .collect();
    assert_eq!(arrived, [(Some("frozen".to_owned()), Some(json!({"late": "said"})))]);
}
