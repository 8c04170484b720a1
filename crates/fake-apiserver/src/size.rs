//! Size: what an API server and etcd store at most, and what `managedFields` add to it.

use serde_json::{Value, json};

use super::answer::Refusal;
use super::target::Target;

/// Of the keys and values of all annotations together (`TotalAnnotationSizeLimitB`).
const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;
/// Of a request to etcd (`--max-request-bytes`); here of the object's JSON.
const MAX_OBJECT_BYTES: usize = 1536 * 1024;

/// Refuses what is too large, in the words of the real ones.
pub(super) fn check(target: &Target, object: &Value) -> Result<(), Refusal> {
    let annotations = object["metadata"]["annotations"].as_object();
    let bytes: usize = annotations
        .into_iter()
        .flatten()
        .map(|(key, value)| key.len() + value.as_str().unwrap_or_default().len())
        .sum();
    if bytes > MAX_ANNOTATIONS_BYTES {
        return Err(Refusal::too_long(&target.plural, &target.name, MAX_ANNOTATIONS_BYTES));
    }
    if object.to_string().len() > MAX_OBJECT_BYTES {
        return Err(Refusal::too_large());
    }
    Ok(())
}

/// Where an object has `managedFields`, a manager that writes it for the first time gets an entry of
/// its own; `[{}]` resets them.
pub(super) fn track_manager(target: &Target, object: &mut Value) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if metadata.get("managedFields") == Some(&json!([{}])) {
        metadata.remove("managedFields");
    }
    let entries = metadata.get_mut("managedFields").and_then(Value::as_array_mut);
    let (Some(entries), Some(manager)) = (entries, target.query.get("fieldManager")) else {
        return;
    };
    if entries.iter().all(|entry| entry["manager"] != **manager) {
        entries.push(json!({"manager": manager, "operation": "Update", "apiVersion": "v1"}));
    }
}
