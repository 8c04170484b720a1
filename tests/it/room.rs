//! Room: what users may put on a claimed namespace leaves room for what landlord writes there.

use std::sync::Arc;

use policy_host::Objects;
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::Native;

const KIB: usize = 1024;
const ANNOTATIONS: &str = "annotations have";
const BOTH: &str = "labels and annotations have";

/// A namespace with so many bytes of labels and of annotations beside its claim.
fn namespace(claim: Option<&str>, labels: usize, annotations: usize) -> Value {
    let mut all: serde_json::Map<String, Value> =
        (0..labels / 100).map(|one| (format!("label-{one:034}"), json!("x".repeat(60)))).collect();
    all.extend(claim.map(|claim| ("landlord.dev/tenant".to_owned(), json!(claim))));
    json!({"apiVersion": "v1", "kind": "Namespace",
           "metadata": {"name": "web", "labels": all, "annotations": {"note": "x".repeat(annotations)}}})
}

/// Why the policy refuses it; empty where it does not.
fn refusal(user: &str, old: Option<&Value>, new: &Value) -> String {
    let tenant = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"},
                        "spec": {"nodeSelector": {"pool": "solar"}, "owners": [{"kind": "User", "name": "olivia"}]}});
    let host = Arc::new(Objects::from_values([tenant]).expect("an object"));
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let request = json!({"uid": "1", "kind": {"group": "", "version": "v1", "kind": "Namespace"}, "operation": operation, "name": "web",
                         "userInfo": {"username": user}, "object": new, "oldObject": old});
    let settings = json!({"admins": {"users": ["root"]}});
    let payload = json!({"request": request, "settings": settings}).to_string();
    let answer = landlord_policy::validate(payload.as_bytes(), &Native(host.as_ref()));
    let answer: Value = serde_json::from_slice(&answer).expect("JSON");
    answer["message"].as_str().unwrap_or_default().to_owned()
}

#[rstest]
#[case::little("olivia", Some("solar"), (0, 0), (0, 199), "")]
#[case::annotations("olivia", Some("solar"), (0, 0), (0, 201), ANNOTATIONS)]
#[case::more_annotations("olivia", Some("solar"), (0, 210), (0, 211), ANNOTATIONS)]
#[case::as_many("olivia", Some("solar"), (0, 210), (1, 210), "")]
#[case::fewer("olivia", Some("solar"), (0, 240), (0, 201), "")]
#[case::labels("olivia", Some("solar"), (0, 0), (513, 0), BOTH)]
#[case::both("olivia", Some("solar"), (400, 0), (400, 150), BOTH)]
#[case::fewer_of_both("olivia", Some("solar"), (600, 150), (500, 150), "")]
#[case::an_admin("root", Some("solar"), (0, 0), (513, 201), "")]
#[case::nobodys("olivia", None, (0, 0), (0, 201), "")]
fn users_leave_room(
    #[case] user: &str,
    #[case] claim: Option<&str>,
    #[case] old: (usize, usize),
    #[case] new: (usize, usize),
    #[case] words: &str,
) {
    let [old, new] =
        [old, new].map(|(labels, annotations)| namespace(claim, labels * KIB, annotations * KIB));
    let told = refusal(user, Some(&old), &new);
    assert!(told.contains(words) && told.is_empty() == words.is_empty(), "{told}");
    if !words.is_empty() {
        assert!(refusal(user, None, &new).contains(words), "created so");
    }
}
