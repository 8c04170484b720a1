//! Pod event: a warning about one Pod, in the Pod's own namespace.
//!
//! kube's Recorder is not asked: it tells an Event of the same reason again with the note of the
//! first, but a clash with an edited tenant is another one; and for that it would need the right to
//! patch Events everywhere.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};

use cluster::gated_pod::PodKey;

/// Writes a warning.
pub(super) async fn create(client: Client, event: Event) -> Result<(), kube::Error> {
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client, &namespace);
    api.create(&PostParams::default(), &event).await.map(drop)
}

/// One of this name is the same, however often it is sent.
pub(super) fn warning(key: &PodKey, uid: &str, reason: &str, note: String) -> Event {
    let now = Timestamp::now();
    let (namespace, name) =
        (Some(key.namespace.to_string()), Some(format!("{}.{:x}", key.name, now.as_nanosecond())));
    Event {
        metadata: ObjectMeta { namespace, name, ..ObjectMeta::default() },
        type_: Some("Warning".to_owned()),
        reason: Some(reason.to_owned()),
        note: Some(note),
        action: Some("Release".to_owned()),
        event_time: Some(MicroTime(now)),
        regarding: Some(regarding(key, uid)),
        reporting_controller: Some("landlord".to_owned()),
        reporting_instance: Some(
            std::env::var("HOSTNAME").unwrap_or_else(|_| "landlord".to_owned()),
        ),
        ..Event::default()
    }
}

fn regarding(key: &PodKey, uid: &str) -> ObjectReference {
    ObjectReference {
        namespace: Some(key.namespace.to_string()),
        ..super::reference("v1", "Pod", &key.name, uid)
    }
}
