//! Trial: the engine asked what a conversion would change.

use anyhow::{Context, Result};
use assessment::document::{Document, Place};
use assessment::inventory::Inventory;
use assessment::{Assessment, assess};
use serde_json::{Value, json};
use tenancy::keys::{OWN_PREFIX, TENANT_LABEL};
use tenancy::metadata::Key;
use tenancy::settings::Settings;
use tenancy::tenant::landlord::{API_VERSION, KIND};

use super::conversion::Conversion;

/// What the plan of a conversion says.
#[derive(Debug, Default)]
pub(crate) struct Trial {
    /// What would differ, a sentence each.
    pub(crate) differences: Vec<String>,
    /// Namespaces that get a tenant.
    pub(crate) claimed: usize,
    /// Namespaces that were looked at.
    pub(crate) namespaces: usize,
    /// What the settings exclude, and the like.
    pub(crate) notes: Vec<String>,
}

impl Trial {
    /// Plans what the conversion makes of the namespaces among these objects, with the labels that
    /// its commands set. Tenants of landlord's that are there already stay.
    pub(crate) fn run(
        conversion: &Conversion,
        settings: &Value,
        mut documents: Vec<Document>,
    ) -> Result<Self> {
        let settings = Settings::from_value(settings).context("the settings of this conversion")?;
        let tenants = conversion.objects().map(|object| {
            let name = object.pointer("/metadata/name").and_then(Value::as_str);
            let place = Place::named(&format!("the tenant {:?}", name.unwrap_or_default()));
            Document { place, object }
        });
        documents.retain(|document| is_looked_at(&document.object, conversion));
        let labelled = documents.into_iter().map(|document| label(document, conversion));
        let inventory = Inventory::from_documents(settings, labelled.chain(tenants).collect())?;
        let faults = inventory.faults().map(|(_, place, fault)| format!("{place}: {fault}"));
        let mut trial = Self { notes: inventory.notes(), ..Self::default() };
        trial.differences.extend(faults);
        for assessment in assess(&inventory) {
            trial.namespaces += 1;
            trial.claimed += usize::from(assessment.tenant.is_some());
            trial.differences.extend(differences(&assessment));
        }
        Ok(trial)
    }
}

/// A namespace, or a Tenant that the conversion does not replace.
fn is_looked_at(object: &Value, conversion: &Conversion) -> bool {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    match (text("/apiVersion"), text("/kind")) {
        ("v1", "Namespace") => true,
        (API_VERSION, KIND) => !conversion.tenants.contains_key(text("/metadata/name")),
        _ => false,
    }
}

fn label(mut document: Document, conversion: &Conversion) -> Document {
    let name = document.object.pointer("/metadata/name").and_then(Value::as_str);
    let tenant = name.and_then(|name| conversion.labelled.get(name)).cloned();
    if let (Some(tenant), Some(metadata)) = (tenant, document.object.pointer_mut("/metadata")) {
        let fields = metadata.as_object_mut();
        let labels = fields.map(|fields| fields.entry("labels").or_insert(Value::Null));
        if let Some(labels) = labels {
            let labels_are_absent = labels.is_null();
            if labels_are_absent {
                *labels = json!({});
            }
            if let Some(labels) = labels.as_object_mut() {
                labels.insert(TENANT_LABEL.to_owned(), json!(tenant));
            }
        }
    }
    document
}

/// What of a namespace would not stay as it is, but for landlord's own record.
fn differences(assessment: &Assessment) -> Vec<String> {
    let name = &assessment.name;
    let (before, after) = (&assessment.before, assessment.after());
    let is_foreign = |key: &&Key| !key.name.starts_with(OWN_PREFIX);
    let shown =
        |value: Option<&String>| value.map_or("absent".to_owned(), |text| format!("{text:?}"));
    let changed = |key: &Key| {
        let of = |metadata: &tenancy::metadata::Metadata| {
            shown(metadata.field(key.field).get(&key.name))
        };
        format!("namespace {name:?}: {key} is {} and would be {}", of(before), of(&after))
    };
    let keys = assessment.plan.set.keys().chain(assessment.plan.remove.keys());
    let fault = assessment.error().map(|error| format!("namespace {name:?}: {error}"));
    let refused = assessment
        .plan
        .refused
        .iter()
        .map(|clash| format!("namespace {name:?}: {} would be refused", clash.key));
    keys.filter(is_foreign).map(changed).chain(fault).chain(refused).collect()
}
