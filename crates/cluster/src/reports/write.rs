//! Write: one report is stored, whether there was one before or not.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::{Client, Error, ResourceExt};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;

use super::document::set;
use super::{NAME, ReportKind, is_ours};
use crate::clock::ANSWER_TIMEOUT;
use crate::writer::{self, Failure, Scope, judge, late};
use assessment::Reason;

/// What became of a report.
#[derive(Debug)]
pub enum Stored {
    /// It is stored so, in this version.
    Done(String),
    /// The API server does not serve the kind any more.
    NotServed,
    /// It is not stored: the namespace is gone, another client writes the report, or it failed.
    Not(writer::Written),
}

/// Stores a report. `version` is the one that it replaces; without one it is created. One that is
/// there all the same is replaced if it is landlord's, and one that is not there is created.
pub async fn store(
    client: &Client,
    kind: ReportKind,
    object: &Value,
    version: Option<&str>,
) -> Stored {
    let report = Report { client, kind, object };
    match (report.send(version).await, version) {
        (Stored::Not(writer::Written::Conflict(_)), _) => report.replace().await,
        (Stored::Not(writer::Written::Gone), Some(_)) => report.send(None).await,
        (stored, _) => stored,
    }
}

/// Deletes the controller's report of a namespace, which is in this version; another one only if it
/// is landlord's all the same.
pub async fn remove(client: &Client, kind: ReportKind, namespace: &str, version: &str) -> Stored {
    let api = kind.api(client, namespace);
    match delete(&api, version).await {
        Stored::Not(writer::Written::Conflict(why)) => match answer(api.get(NAME)).await {
            Ok(found) if is_ours(&found) => {
                delete(&api, &found.resource_version().unwrap_or_default()).await
            }
            Ok(_) => Stored::Not(writer::Written::Conflict(why)),
            Err(stored) => stored,
        },
        stored => stored,
    }
}

async fn delete(api: &Api<DynamicObject>, version: &str) -> Stored {
    let preconditions = Preconditions { uid: None, resource_version: Some(version.to_owned()) };
    let params = DeleteParams::default().preconditions(preconditions);
    let call = async { api.delete(NAME, &params).await.map(drop) };
    answer(call).await.map_or_else(|stored| stored, |()| Stored::Done(String::new()))
}

struct Report<'a> {
    client: &'a Client,
    kind: ReportKind,
    object: &'a Value,
}

impl Report<'_> {
    fn text(&self, field: &str) -> &str {
        self.object["metadata"].get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Replaces the one that is there.
    async fn replace(&self) -> Stored {
        let api = self.kind.api(self.client, self.text("namespace"));
        match answer(api.get(self.text("name"))).await {
            Ok(found) if is_ours(&found) => {
                self.send(Some(&found.resource_version().unwrap_or_default())).await
            }
            Ok(found) => Stored::Not(writer::Written::Failed(Failure {
                reason: Reason::Conflicted,
                message: format!(
                    "{} {:?} is another client's: delete it, or turn the reports off",
                    self.kind.kind(),
                    found.name_any()
                ),
                retry_after: None,
                scope: Scope::Object,
            })),
            Err(stored) => stored,
        }
    }

    async fn send(&self, version: Option<&str>) -> Stored {
        let api = self.kind.api(self.client, self.text("namespace"));
        let answered = match version {
            Some(version) => {
                let params = PatchParams {
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                    ..PatchParams::default()
                };
                let mut object = self.object.clone();
                if let Some(metadata) = object.get_mut("metadata") {
                    set(metadata, "resourceVersion", json!(version));
                }
                answer(api.patch(self.text("name"), &params, &Patch::Merge(object))).await
            }
            None => {
                let params = PostParams {
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                    ..PostParams::default()
                };
                match serde_json::from_value(self.object.clone()) {
                    Ok(object) => answer(api.create(&params, &object)).await,
                    Err(error) => Err(Stored::Not(judge(Error::SerdeError(error)))),
                }
            }
        };
        answered.map_or_else(
            |stored| stored,
            |object| Stored::Done(object.resource_version().unwrap_or_default()),
        )
    }
}

/// The answer, or why there is none in time.
async fn answer<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Stored> {
    match tokio::time::timeout(ANSWER_TIMEOUT, call).await {
        Err(_) => Err(Stored::Not(late())),
        Ok(Err(error)) if is_not_served(&error) => Err(Stored::NotServed),
        Ok(answer) => answer.map_err(|error| Stored::Not(judge(error))),
    }
}

/// Whether the API server knows no such path; what is missing at one that it knows, it names.
pub fn is_not_served(error: &Error) -> bool {
    let Error::Api(status) = error else { return false };
    status.code == 404 && status.details.as_ref().is_none_or(|details| details.name.is_empty())
}
