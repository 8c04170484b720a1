//! Hook tests: what settings and tenants make of a namespace, written down in YAML and judged at
//! each stage by what runs there: the policy itself for `create` and `update`, the controller's
//! assessment for `reconcile`.

mod document;
mod run;

use std::path::Path;

use anyhow::{Context, Result, bail};
use assessment::document::{Document, Place};
use assessment::inventory::{Inventory, settings_document};
use serde_json::Value;
use tenancy::settings::Settings;

use self::document::{Case, Suite};
use self::run::Judge;
use crate::files;

pub(crate) use self::document::StageName;

/// One case at one stage, and what was otherwise than expected.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) case: String,
    pub(crate) stage: StageName,
    /// Empty where all is as expected.
    pub(crate) differences: Vec<String>,
}

/// Runs every case of one file.
pub(crate) fn run_file(path: &Path) -> Result<Vec<Outcome>> {
    let document =
        files::read_one(path)?.with_context(|| format!("{} is empty", path.display()))?;
    let suite: Suite =
        tenancy::decode::decode(&document.object).with_context(|| path.display().to_string())?;
    if suite.cases.is_empty() {
        bail!("{}: cases: empty, so nothing is tested: add one", path.display());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let settings = settings(folder, &suite.settings)
        .with_context(|| format!("{}: settings", path.display()))?;
    let tenants =
        tenants(folder, &suite.tenants).with_context(|| format!("{}: tenants", path.display()))?;
    let objects: Vec<Value> = tenants.iter().map(|tenant| tenant.object.clone()).collect();
    let parsed =
        Settings::from_value(&settings).with_context(|| format!("{}: settings", path.display()))?;
    let inventory =
        Inventory::from_documents(parsed, tenants).with_context(|| path.display().to_string())?;
    let judge = Judge { settings: &settings, inventory: &inventory, tenants: &objects };
    let of_case = |(index, case): (usize, &Case)| {
        judge.case(case).with_context(|| format!("{}: cases[{index}]", path.display()))
    };
    let outcomes = suite.cases.iter().enumerate().map(of_case).collect::<Result<Vec<_>>>()?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// Settings as they are written, or the path of a file with them: the bare document, or a
/// ClusterAdmissionPolicy.
fn settings(folder: &Path, written: &Value) -> Result<Value> {
    let Value::String(file) = written else { return Ok(written.clone()) };
    let document = files::read_one(&folder.join(file))?
        .with_context(|| format!("settings: {file} is empty"))?;
    Ok(settings_document(&document.object).clone())
}

/// Tenant objects, or paths of files with them.
fn tenants(folder: &Path, listed: &[Value]) -> Result<Vec<Document>> {
    let mut documents = Vec::new();
    for item in listed {
        match item {
            Value::String(file) => documents.extend(files::read(&[folder.join(file)])?),
            object => {
                documents.push(Document { place: Place::named("tenants"), object: object.clone() })
            }
        }
    }
    Ok(documents)
}
