//! Cases in which a write is refused, changed, or not answered.

use std::time::Duration;

use assessment::Reason;
use fake_apiserver::{Admission, InMemory};
use serde_json::json;

use super::case::{Case, Group, Told};
use super::objects::{
    LEDGER, NODE_SELECTOR, TENANT, admit, admit_all, annotate, deny, edit, good, namespace, pad,
    pad_annotations, pad_labels, pointer, put, put_annotated, solar, strip, unpad, wants,
};

/// Statuses that webhooks choose, and the words that they are reported by.
const DENIALS: [(u16, Reason); 11] = [
    (400, Reason::Refused),
    (403, Reason::Forbidden),
    (404, Reason::Refused),
    (409, Reason::Refused),
    (413, Reason::Refused),
    (422, Reason::Refused),
    (429, Reason::Refused),
    (500, Reason::ServerError),
    (502, Reason::ServerError),
    (503, Reason::Refused),
    (504, Reason::ServerError),
];
const WEBHOOK: &str = "the webhook or policy lets the write pass";
const NOT_BUSY: &str = "the API server answers again";

pub(super) fn all() -> Vec<Case> {
    [refused(), changed(), server(), clients(), room()].into_iter().flatten().collect()
}

fn refused() -> Vec<Case> {
    let case =
        |what: &str, reason| Case::new(Group::Refused, what, reason, WEBHOOK).restored(admit_all);
    let by_status = DENIALS.map(|(code, reason)| {
        case(&format!("the new node selector, with status {code}"), reason)
            .broken(move |server| deny(server, code))
    });
    let selector = || pointer("annotations", NODE_SELECTOR);
    let new = namespace("web", "solar");
    let others = [
        case("the new node selector, as the webhook does not answer", Reason::Timeout)
            .broken(move |server| admit(server, Admission::HangChange(selector()))),
        case("the first node selector of a new namespace", Reason::Forbidden).fresh().broken(
            move |server| {
                put(server, new.clone());
                deny(server, 403);
            },
        ),
        case(
            "every update of the namespace, or is down with `failurePolicy: Fail`",
            Reason::Forbidden,
        )
        .broken(|server| admit(server, Admission::Deny { code: 403, retry_after: 0 }))
        .open("nothing can be written, not even that it is not ready"),
        case("every update of the namespace, as the webhook does not answer", Reason::Timeout)
            .broken(|server| admit(server, Admission::Delay(Duration::from_secs(60))))
            .open("nothing can be written, not even that it is not ready"),
    ];
    by_status.into_iter().chain(others).collect()
}

fn changed() -> Vec<Case> {
    let case =
        |what| Case::new(Group::Changed, what, Reason::Reverted, WEBHOOK).restored(admit_all);
    let label = "another label of the tenant's is taken out";
    let plain = Case::new(Group::Changed, label, Reason::Contested, WEBHOOK);
    vec![
        case("the node selector is taken out").broken(|it| strip(it, "annotations", NODE_SELECTOR)),
        case("the ledger is taken out").broken(|it| strip(it, "annotations", LEDGER)),
        case("the tenant's label is taken out, which landlord writes from another claim; guard with `scope: all`")
            .set(json!({"identify": [{"annotation": "team"}], "guard": {"scope": "all"}}))
            .beginning(Some("pool=a"), put_annotated)
            .broken(|it| strip(it, "labels", TENANT)),
        plain
            .broken(|it| strip(it, "labels", "team"))
            .edited(|it| wants(it, &json!({"labels": {"team": "sun"}})))
            .restored(|it| {
                admit_all(it);
                good(it);
            }),
        case("everything is set back")
            .broken(|it| admit(it, Admission::Revert))
            .open("that it is not ready is set back as well"),
    ]
}

fn server() -> Vec<Case> {
    let case = |what, reason: Reason| Case::new(Group::Server, what, reason, NOT_BUSY);
    vec![
        case("it is not reached", Reason::Unreachable)
            .broken(|it| it.faults().go_down(Duration::from_secs(3600)))
            .restored(|it| it.faults().go_down(Duration::ZERO))
            .told(Told::Log)
            .open("no Pod can be created either"),
        case("it answers 429 of its own", Reason::Busy)
            .broken(|it| it.faults().push_backs = usize::MAX)
            .restored(|it| it.faults().push_backs = 0)
            .told(Told::Event)
            .open("it takes no write, and is waited for"),
        case("it answers 500 to every write, as etcd does not answer", Reason::ServerError)
            .broken(|it| it.faults().failures = usize::MAX)
            .restored(|it| it.faults().failures = 0)
            .told(Told::Event)
            .open("no Pod can be stored either"),
        Case::new(
            Group::Server,
            "it carries the write out, and the connection breaks before it answers",
            None,
            "by itself: the watch brings what was written",
        )
        .broken(|it| it.faults().lost_answers = 2),
    ]
}

fn clients() -> Vec<Case> {
    let case = |what, reason: Option<Reason>, cure| Case::new(Group::Server, what, reason, cure);
    let overtaken = |what, reason| {
        case(what, Some(reason), "it stops, or leaves a second between its changes").broken(|it| {
            put(it, json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": RESTLESS}}));
            it.faults().interfere(change_again);
        })
    };
    let before_each = overtaken(
        "another client changes the namespace before each write arrives",
        Reason::Refused,
    )
    .restored(|it| assert!(it.remove("Node", RESTLESS)));
    let unusable = overtaken(
        "the same, while its tenant cannot be used, which is corrected later",
        Reason::InvalidTenant,
    )
    .edited(|it| put(it, solar("==")))
    .restored(|it| {
        assert!(it.remove("Node", RESTLESS));
        good(it);
    });
    vec![
        case(
            "every write is answered 409, though nobody has changed the namespace",
            Some(Reason::Refused),
            NOT_BUSY,
        )
        .broken(|it| it.faults().conflicts = usize::MAX)
        .restored(|it| it.faults().conflicts = 0)
        .told(Told::Event)
        .open("nothing can be written, not even that it is not ready"),
        Case { max_tries: 320, ..before_each },
        Case { max_tries: 320, ..unusable },
        case(
            "the namespace is deleted and created anew before the write arrives",
            None,
            "by itself: the new one is written",
        )
        .broken(|it| it.faults().interfere(create_anew)),
        case(
            "the namespace is being deleted",
            None,
            "it is gone, and a new one of its name is created",
        )
        .broken(|it| {
            edit(it, |metadata| metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z"))
        })
        .restored(|it| it.recreate(namespace("web", "solar")).expect("a namespace"))
        .open("Kubernetes lets no new Pod in"),
    ]
}

/// For as long as there is a node of this name, a client changes `web` all the time.
const RESTLESS: &str = "restless";

fn change_again(server: &InMemory, name: &str) {
    if server.object("Node", RESTLESS).is_none() {
        return;
    }
    server.faults().interfere(change_again);
    if name == "web" {
        let version =
            server.object("Namespace", "web").expect("it")["metadata"]["resourceVersion"].clone();
        annotate(server, "seen", version.as_str().expect("a version"));
    }
}

fn create_anew(server: &InMemory, name: &str) {
    if name == "web" {
        server.recreate(namespace("web", "solar")).expect("a namespace");
    } else {
        server.faults().interfere(create_anew);
    }
}

fn room() -> Vec<Case> {
    let case = |what, reason: Reason| {
        Case::new(Group::Room, what, reason, "there is room again").restored(unpad)
    };
    vec![
        case("one annotation takes all of the 256 KiB", Reason::AnnotationsTooLarge)
            .broken(|it| pad_annotations(it, 1)),
        case("300 annotations take all of the 256 KiB", Reason::AnnotationsTooLarge)
            .broken(|it| pad_annotations(it, 300)),
        case("its labels take all that etcd stores", Reason::ObjectTooLarge).broken(pad_labels),
        case("an owner reference takes all that etcd stores", Reason::ObjectTooLarge)
            .broken(|it| pad(it, "ownerReferences")),
        Case::new(
            Group::Room,
            "other field managers take all that etcd stores",
            Reason::ObjectTooLarge,
            "by itself: `managedFields` are reset, and then there is room",
        )
        .broken(|it| pad(it, "managedFields"))
        .told(Told::Passed),
        case("annotations and the object are at their limits", Reason::AnnotationsTooLarge).broken(
            |it| {
                pad_annotations(it, 1);
                pad(it, "managedFields");
            },
        ),
    ]
}
