//! The server in memory answers what the real one answers: the same requests to both, and the same
//! codes, reasons and causes.

use std::fmt::Debug;
use std::time::Duration;

use fake_apiserver::{Admission, AdmissionRule, InMemory};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{
    Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::{Client, Error, Resource, ResourceExt};
use local_cluster::Cluster;
use serde::de::DeserializeOwned;
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
    outcomes.push(patch(&api, json!({"uid": "another-object", "annotations": {"a": "c"}})).await);
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
                    Duration::from_secs(5),
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
    tokio::time::sleep(Duration::from_secs(1)).await;
    let arrived: Vec<_> = server
        .recorded()
        .into_iter()
        .map(|commit| {
            (commit.who, commit.after.map(|after| after["metadata"]["annotations"].clone()))
        })
        .collect();
    assert_eq!(arrived, [(Some("frozen".to_owned()), Some(json!({"late": "said"})))]);
}

fn a_namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn a_pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}})
}

fn version(meta: &impl ResourceExt) -> u64 {
    meta.resource_version().and_then(|version| version.parse().ok()).expect("a version")
}

/// What is left of the annotations `a` and `b` after a patch that sets both, or the code.
async fn annotated<K>(api: &Api<K>, name: &str) -> Result<String, u16>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"a": "1", "b": "2"}}}));
    match api.patch(name, &PatchParams::default(), &patch).await {
        Ok(object) => Ok(["a", "b"]
            .into_iter()
            .filter(|key| object.annotations().contains_key(*key))
            .collect()),
        Err(Error::Api(status)) => Err(status.code),
        Err(error) => panic!("no answer: {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn admission_is_about_some_objects_for_some_time() {
    let server = InMemory::default();
    for name in ["bad-0", "good-0"] {
        server.put(a_namespace(name)).expect("a namespace");
        server.put(a_pod(name, "bad-pod")).expect("a Pod");
        server.put(a_pod(name, "good-pod")).expect("a Pod");
    }
    let namespaces: Api<Namespace> = Api::all(server.client());
    let pods = |namespace: &str| Api::<Pod>::namespaced(server.client(), namespace);
    let strip = Admission::Strip(vec!["/metadata/annotations/b".to_owned()]);
    let minute = Duration::from_secs(60);
    server.faults().admit_by(
        AdmissionRule::new(strip).only("pods").named("bad-").within("bad-").lasting(minute),
    );
    server.faults().admit("bad-", Admission::Deny { code: 429, retry_after: 7 });
    assert_eq!(annotated(&namespaces, "bad-0").await, Err(429));
    assert_eq!(annotated(&namespaces, "good-0").await, Ok("ab".to_owned()));
    assert_eq!(annotated(&pods("bad-0"), "bad-pod").await, Ok("a".to_owned()));
    assert_eq!(annotated(&pods("bad-0"), "good-pod").await, Ok("ab".to_owned()));
    assert_eq!(annotated(&pods("good-0"), "bad-pod").await, Err(429));
    tokio::time::sleep(2 * minute).await;
    assert_eq!(annotated(&pods("bad-0"), "bad-pod").await, Err(429), "the next rule counts");
    server.faults().clear_admission();
    assert_eq!(annotated(&pods("bad-0"), "bad-pod").await, Ok("ab".to_owned()));
}

/// Only what changes the key hangs.
#[tokio::test(start_paused = true)]
async fn a_change_of_one_key_is_never_answered() {
    let server = InMemory::default();
    server.put(a_namespace("web")).expect("a namespace");
    let hang = Admission::HangChange("/metadata/annotations/a".to_owned());
    server.faults().admit("web", hang);
    let namespaces: Api<Namespace> = Api::all(server.client());
    let annotate = async |key: &str| {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {key: "1"}}}));
        let params = PatchParams::default();
        let answer = namespaces.patch("web", &params, &patch);
        tokio::time::timeout(Duration::from_secs(3600), answer).await
    };
    assert!(annotate("b").await.is_ok_and(|answer| answer.is_ok()));
    assert!(annotate("a").await.is_err());
    let stored = namespaces.get("web").await.expect("it").metadata.annotations.unwrap_or_default();
    assert_eq!(stored.keys().collect::<Vec<_>>(), ["b"]);
}

/// The types of the events that a watch from this version gives within a second.
async fn watched(api: &Api<Namespace>, version: u64) -> Vec<&'static str> {
    let params = WatchParams::default().timeout(1);
    let events = api.watch(&params, &version.to_string()).await.expect("a watch");
    let events = events.map(|event| match event {
        Ok(WatchEvent::Added(_)) => "added",
        Ok(WatchEvent::Modified(_)) => "modified",
        Ok(WatchEvent::Deleted(_)) => "deleted",
        Ok(WatchEvent::Bookmark(_)) => "bookmark",
        Ok(WatchEvent::Error(status)) if status.code == 410 => "gone",
        Ok(WatchEvent::Error(_)) | Err(_) => "error",
    });
    events.filter(|event| std::future::ready(*event != "bookmark")).collect().await
}

#[tokio::test(start_paused = true)]
async fn a_restored_store_has_the_objects_and_versions_of_then() {
    let server = InMemory::default();
    let api: Api<Namespace> = Api::all(server.client());
    server.put(a_namespace("kept")).expect("a namespace");
    server.put(a_namespace("changed")).expect("a namespace");
    let before = version(&api.get("changed").await.expect("it"));
    let snapshot = server.snapshot();
    annotated(&api, "changed").await.expect("an edit");
    server.put(a_namespace("lost")).expect("a namespace");
    let lost = api.get("lost").await.expect("it");
    server.record();
    server.restore(&snapshot);
    assert!(api.get("kept").await.is_err(), "API servers are restarted");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let recorded: Vec<String> = server.recorded().into_iter().map(|one| one.name).collect();
    assert_eq!(recorded, ["changed", "lost"]);
    assert_eq!(version(&api.get("changed").await.expect("it")), before);
    assert!(api.get_opt("lost").await.expect("an answer").is_none());

    server.put(a_namespace("new")).expect("a namespace");
    let new = api.get("new").await.expect("it");
    assert!(version(&new) < version(&lost) && new.uid() != lost.uid());
    let list = api.list(&ListParams::default()).await.expect("a list");
    assert_eq!(list.metadata.resource_version, new.resource_version());
    assert_eq!(watched(&api, before - 1).await, ["gone"]);
    assert_eq!(watched(&api, before).await, ["added"]);
    assert_eq!(watched(&api, version(&lost)).await, [""; 0], "a later version waits");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_come_after_the_next_change() {
    let server = InMemory::default();
    server.put(a_namespace("web")).expect("a namespace");
    let api: Api<Namespace> = Api::all(server.client());
    let first = api.get("web").await.expect("it").uid();
    server.faults().interfere_after_read(|server, name| {
        server.recreate(a_namespace(name)).expect("another one");
    });
    let late = api.get("web").await.expect("it").uid();
    let second = api.get("web").await.expect("it").uid();
    assert!(late == first && second != first);

    server.faults().late_reads = 1;
    let (answer, ()) = tokio::join!(api.get("web"), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.remove("Namespace", "web");
    });
    assert_eq!(answer.expect("the one that was there").uid(), second);
    assert!(api.get_opt("web").await.expect("an answer").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_withdrawn_and_defined_again() {
    let server = InMemory::default();
    let api: Api<Namespace> = Api::all(server.client());
    server.put(a_namespace("web")).expect("a namespace");
    let version = version(&api.get("web").await.expect("it"));
    let list = || async { api.list(&ListParams::default()).await.map(|list| list.items.len()) };
    let is_refused =
        |answer, code| matches!(answer, Err(Error::Api(status)) if status.code == code);
    let events = tokio::spawn({
        let api = api.clone();
        async move { watched(&api, version).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (kind, objects) = server.withdraw("Namespace").expect("it was served");
    assert!(is_refused(list().await, 404));
    assert_eq!(events.await.expect("events"), ["deleted"], "who watches hears of it");
    server.define(kind);
    assert_eq!(list().await.expect("a list"), 0);
    objects.iter().for_each(|object| server.put((**object).clone()).expect("it is back"));
    assert_eq!(list().await.expect("a list"), 1);

    server.faults().refuse_lists("namespaces", 403, 1);
    server.faults().refuse_lists("namespaces", 404, 1);
    assert!(is_refused(list().await, 403) && is_refused(list().await, 404));
    assert_eq!(list().await.expect("a list"), 1);
}
