//! Rehearsal: what landlord would do with what is in the editors – the plan of
//! `landlord plan -o json`, and the policy's answer to a request.

use assessment::document::{self, Document};
use assessment::inventory::{Inventory, parse, policy_among, settings_among, settings_document};
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
        if let Some(objects) = self.read(&mut faults) {
            match self.inventory(&objects) {
                Ok(inventory) => {
                    faults.extend(inventory.faults().map(|(_, place, error)| {
                        Fault::of_tenant(place, error, self.read_editor(place.file()))
                    }));
                    answer = answer_to(&objects);
                    planned = Some((
                        assess_with_origins(&inventory, &inventory.namespaces),
                        inventory.notes(),
                    ));
                }
                Err(error) => faults.push(error),
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

    /// The objects; `None` where a text holds none, and then every such text is named.
    fn read(&self, faults: &mut Vec<Fault>) -> Option<Objects> {
        let mut read = |editor: &str| {
            let text = self.read_editor(editor);
            document::read(editor, text)
                .map_err(|error| faults.push(Fault::of_text(&error, text)))
                .ok()
        };
        let (settings, tenant, namespace, request) =
            (read("settings"), read("tenant"), read("namespace"), read("request"));
        let first = |documents: Vec<Document>| documents.into_iter().next();
        Some(Objects {
            settings: first(settings?),
            tenant: tenant?,
            namespace: namespace?,
            request: first(request?),
        })
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

    fn inventory(&self, objects: &Objects) -> Result<Inventory, Fault> {
        let documents: Vec<Document> =
            objects.tenant.iter().chain(&objects.namespace).cloned().collect();
        let settings: Result<Settings, _> =
            objects.settings.as_ref().map_or_else(|| settings_among(&documents), parse);
        let inventory =
            settings.and_then(|settings| Inventory::from_documents(settings, documents));
        inventory.map_err(|error| Fault::of_objects(&error, |editor| self.read_editor(editor)))
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
