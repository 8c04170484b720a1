//! Rehearsal: what landlord would do with what is in the editors – the plan of
//! `landlord plan -o json`, and the policy's answer to a request.

use assessment::document::{self, Document};
use assessment::inventory::{
    Inventory, InventoryError, parse, policy_among, settings_among, settings_document,
};
use assessment::{Assessment, admission, assess_with_origins, plan_json};
use serde_json::{Map, Value, json};
use tenancy::settings::Settings;

use crate::fault::Fault;
use crate::request;

/// Texts, by what they are called on the page; each YAML or JSON, and perhaps empty.
#[derive(Debug, Default)]
pub(crate) struct Editors {
    settings: String,
    tenant: String,
    namespace: String,
    request: String,
}

/// What was read of the editors.
struct Objects {
    settings: Option<Document>,
    tenant: Vec<Document>,
    namespace: Vec<Document>,
    request: Option<Document>,
}

impl Editors {
    /// Reads `{"settings", "tenant", "namespace", "request"}`; what is absent is empty.
    pub(crate) fn parse(json: &str) -> Self {
        let editors: Value = serde_json::from_str(json).unwrap_or_default();
        let text =
            |name: &str| editors.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            settings: text("settings"),
            tenant: text("tenant"),
            namespace: text("namespace"),
            request: text("request"),
        }
    }

    /// `plan` and `answer` are `null` where there is a fault, and `answer` where nothing is asked.
    /// Beside the plan, which is `landlord.dev/plan/v1`, stand the state of each namespace in a
    /// word and its metadata before.
    pub(crate) fn rehearse(&self) -> Value {
        let mut faults = Vec::new();
        let (mut planned, mut answer) = (None, Value::Null);
        let objects = self.read(&mut faults);
        let is_read = faults.is_empty();
        match self.inventory(&objects, is_read) {
            Ok(Some(inventory)) => {
                faults.extend(inventory.faults().flat_map(|(_, place, error)| {
                    Fault::of_tenant(place, error, self.read_editor(place.file()))
                }));
                if is_read {
                    answer = answer_to(&objects);
                    planned = Some((
                        assess_with_origins(&inventory, &inventory.namespaces),
                        inventory.notes(),
                    ));
                }
            }
            Ok(None) => {}
            Err(error) => {
                faults.extend(Fault::of_objects(&error, |editor| self.read_editor(editor)))
            }
        }
        let faults: Vec<Value> = faults.iter().map(Fault::to_json).collect();
        let (assessments, notes) = planned.unzip();
        let assessments = assessments.as_deref();
        json!({
            "plan": assessments.map(plan_json::document),
            "namespaces": assessments.map(|all| all.iter().map(beside).collect::<Vec<_>>()),
            "answer": answer,
            "faults": faults,
            "notes": notes.unwrap_or_default(),
        })
    }

    /// The objects; a text that holds none is named, and taken for an empty one.
    fn read(&self, faults: &mut Vec<Fault>) -> Objects {
        let mut read = |editor: &str| {
            let text = self.read_editor(editor);
            let read = document::read(editor, text);
            read.map_err(|error| faults.push(Fault::of_text(&error, text))).unwrap_or_default()
        };
        let (settings, tenant, namespace, request) =
            (read("settings"), read("tenant"), read("namespace"), read("request"));
        let first = |documents: Vec<Document>| documents.into_iter().next();
        Objects { settings: first(settings), tenant, namespace, request: first(request) }
    }

    fn read_editor(&self, editor: &str) -> &str {
        match editor {
            "settings" => &self.settings,
            "tenant" => &self.tenant,
            "namespace" => &self.namespace,
            "request" => &self.request,
            _ => "",
        }
    }

    /// `None` where the settings are not known, because a text that could hold them is not read.
    fn inventory(
        &self,
        objects: &Objects,
        is_read: bool,
    ) -> Result<Option<Inventory>, InventoryError> {
        let documents: Vec<Document> =
            objects.tenant.iter().chain(&objects.namespace).cloned().collect();
        let settings: Settings = match &objects.settings {
            Some(settings) => parse(settings)?,
            None if !is_read && !self.settings.trim().is_empty() => return Ok(None),
            None => settings_among(&documents)?,
        };
        Inventory::from_documents(settings, documents).map(Some)
    }
}

/// What is shown beside the plan of a namespace.
fn beside(assessment: &Assessment) -> Value {
    let before = &assessment.before;
    json!({
        "state": assessment.state().word(),
        "before": {"labels": before.labels, "annotations": before.annotations},
        "waiting": assessment.plan.waiting,
        "ledgerFault": assessment.record.fault.as_deref(),
    })
}

/// The policy's answer, where a request is written.
fn answer_to(objects: &Objects) -> Value {
    let Some(Document { object: written, .. }) = &objects.request else { return Value::Null };
    let at_hand: Vec<Document> = objects.tenant.iter().chain(&objects.namespace).cloned().collect();
    let policy = policy_among(&at_hand).ok().flatten();
    let settings =
        objects.settings.as_ref().or(policy).map(|document| settings_document(&document.object));
    let empty = Value::Object(Map::new());
    let settings = settings.filter(|settings| !settings.is_null()).unwrap_or(&empty);
    let is_namespace =
        |object: &&Value| object.get("kind").and_then(Value::as_str) == Some("Namespace");
    let objects: Vec<Value> = at_hand.iter().map(|document| document.object.clone()).collect();
    let request = request::complete(written, objects.iter().find(is_namespace));
    let answer = admission::answer(settings, &request, &objects);
    json!({"request": request, "response": answer})
}
