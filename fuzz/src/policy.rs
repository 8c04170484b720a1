//! The whole policy on requests that fit its settings and its host: there is always an answer that
//! can be read, nothing foreign is touched, and an admin who sends the result once more finds
//! nothing changed.

use serde_json::{Value, json};

use crate::draw::{self, Case, Choices, FOREIGN};

/// Longest message of an answer.
const MOST_TEXT: usize = 4096 + 64;

/// A cluster that holds these tenants, or cannot answer.
struct Cluster<'a>(&'a Case);

impl landlord_policy::Host for Cluster<'_> {
    fn call(&self, _: &str, _: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
        let asked: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        match (operation, &self.0.fault) {
            ("get_resource", None) => {}
            ("get_resource", Some(words)) => return Err(words.clone()),
            _ => return Ok(Vec::new()),
        }
        let is_asked_for = |object: &&Value| object["apiVersion"] == asked["api_version"] && object["metadata"]["name"] == asked["name"];
        let found = self.0.tenants.iter().find(is_asked_for).map(|object| object.to_string().into_bytes());
        let place = |field: &str| asked[field].as_str().unwrap_or_default().to_owned();
        found.ok_or_else(|| {
            format!("Cannot find {}/{} named '{}' inside of namespace 'None'", place("api_version"), place("kind"), place("name"))
        })
    }
}

/// See the module.
pub fn policy(data: &[u8]) {
    let Ok(case) = draw::case(&mut Choices::new(data)) else { return };
    // Kubewarden has settings judged before they are in force; only those that pass are promised
    // anything.
    let verdict: Value = serde_json::from_slice(&landlord_policy::validate_settings(case.settings.to_string().as_bytes())).expect("JSON");
    let Some(after) = judged(&case, &case.request).filter(|_| verdict["valid"] == true) else { return };
    assert_foreign_stays(&case.request["object"], &after);
    let admin = json!({"username": "admin", "groups": ["system:masters"]});
    let named = after["metadata"]["name"].is_string();
    let again =
        json!({"uid": "1", "operation": "UPDATE", "kind": case.request["kind"], "userInfo": admin, "object": after, "oldObject": after});
    if let Some(once_more) = judged(&case, &again).filter(|_| named && case.fault.is_none()) {
        assert_settles(&case, &after, once_more);
    }
}

/// What may be written late is written then: a claim that only now may be adopted, a key that
/// waited. After that nothing is.
fn assert_settles(case: &Case, first: &Value, second: Value) {
    if *first == second {
        return;
    }
    let admin = json!({"username": "admin", "groups": ["system:masters"]});
    let again =
        json!({"uid": "1", "operation": "UPDATE", "kind": case.request["kind"], "userInfo": admin, "object": second, "oldObject": second});
    if let Some(third) = judged(case, &again) {
        assert_eq!(
            second, third,
            "the result of an update is updated again\nsettings {}\ntenants {:?}\nrequest {}",
            case.settings, case.tenants, case.request
        );
    }
}

/// The object after the request, if it is accepted.
fn judged(case: &Case, request: &Value) -> Option<Value> {
    let payload = json!({"request": request, "settings": case.settings}).to_string();
    let answer: Value = serde_json::from_slice(&landlord_policy::validate(payload.as_bytes(), &Cluster(case))).expect("the answer is JSON");
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.len() <= MOST_TEXT, "a message of {} bytes", message.len());
    match answer["accepted"].as_bool().expect("yes or no") {
        true => Some(Some(&answer["mutated_object"]).filter(|object| !object.is_null()).unwrap_or(&request["object"]).clone()),
        false => {
            assert!(!message.is_empty() && answer["code"].is_u64(), "a denial without reason: {answer}");
            assert!(answer["mutated_object"].is_null(), "a denial that mutates: {answer}");
            None
        }
    }
}

fn assert_foreign_stays(before: &Value, after: &Value) {
    for field in ["labels", "annotations"] {
        for key in FOREIGN {
            assert_eq!(before["metadata"][field].get(key), after["metadata"][field].get(key), "{field} {key:?}");
        }
    }
    let rest = |object: &Value| {
        let mut rest = object.clone();
        let metadata = rest["metadata"].as_object_mut().expect("metadata");
        metadata.remove("labels");
        metadata.remove("annotations");
        rest
    };
    assert_eq!(rest(before), rest(after), "something else than labels and annotations");
}
