//! Examples: what the playground's editors can be filled with, read from where the repository has
//! it already.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The texts of all editors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Under which heading it is listed.
    pub group: &'static str,
    pub name: String,
    /// What it shows, in a sentence; perhaps empty.
    pub why: String,
    pub settings: String,
    pub tenant: String,
    pub namespace: String,
    pub request: String,
}

/// Fixtures of `e2e-tests/` that show what is asked at admission: the settings, the tenants and who
/// asks.
const REQUESTS: [&str; 8] = [
    "create-with-tenant-label",
    "create-with-foreign-tenant-label",
    "create-conflict-rejected",
    "create-conflict-kept",
    "create-with-forged-ledger",
    "create-with-unknown-tenant-rejected",
    "update-tampers-with-node-selector",
    "update-moves-namespace-by-admin",
];

/// Under which the page lists what most readers come for.
pub const STORIES: &str = "Stories";

/// Every example, as they are listed: six stories first.
pub fn read(root: &Path) -> Result<Vec<Example>> {
    let mut examples = stories(root)?;
    examples.push(getting_started(root)?);
    examples.extend(hooks(root)?);
    examples.extend(REQUESTS.iter().map(|name| request(root, name)).collect::<Result<Vec<_>>>()?);
    examples.extend(conformance(root)?);
    Ok(examples)
}

fn stories(root: &Path) -> Result<Vec<Example>> {
    let story = |name: &str, why: &str, example: Example| Example {
        group: STORIES,
        name: name.to_owned(),
        why: why.to_owned(),
        ..example
    };
    Ok(vec![
        story(
            "A tenant’s pool",
            "A new namespace claims tenant solar. It gets the pool’s node selector, so that its Pods run on the nodes of that pool.",
            only(getting_started(root)?, "solar-web"),
        ),
        story(
            "A stolen claim",
            "Mallory creates a namespace with the label of tenant solar. She does not own that tenant, so the policy refuses.",
            request(root, "create-with-foreign-tenant-label")?,
        ),
        story(
            "Drift",
            "A user has edited the node selector of a namespace that landlord manages. The controller sets it back.",
            only(getting_started(root)?, "solar-batch"),
        ),
        story(
            "Production needs a cost centre",
            "A hook rejects namespaces of production without a cost centre and a contact. In development nothing is required.",
            hook(&root.join("examples/hooks/cost-centre"))?,
        ),
        story(
            "Capsule",
            "A Tenant of Capsule is the tenant: its node selector and metadata are written as Capsule would.",
            request(root, "create-for-capsule-tenant")?,
        ),
        story(
            "Rancher",
            "A Project of Rancher is the tenant: any kind of object can be one.",
            rancher(root)?,
        ),
    ])
}

/// The same with the one namespace of this name.
fn only(example: Example, name: &str) -> Example {
    let line = format!("  name: {name}\n");
    let namespace = example.namespace.split("---\n").find(|document| document.contains(&line));
    let namespace = namespace.unwrap_or_default().to_owned();
    Example { namespace, ..example }
}

fn getting_started(root: &Path) -> Result<Example> {
    let folder = root.join("examples/getting-started");
    Ok(Example {
        group: "First steps",
        name: "getting-started".to_owned(),
        why: "Two tenants, and namespaces that are new, edited, compliant, and unclaimed."
            .to_owned(),
        settings: read_file(&folder.join("policy.yaml"))?,
        tenant: read_file(&folder.join("tenants.yaml"))?,
        namespace: read_file(&folder.join("namespaces.yaml"))?,
        request: String::new(),
    })
}

fn rancher(root: &Path) -> Result<Example> {
    let folder = root.join("examples/rancher-projects");
    Ok(Example {
        settings: read_file(&folder.join("settings.yaml"))?,
        tenant: read_file(&folder.join("project.yaml"))?,
        namespace: read_file(&folder.join("namespace.yaml"))?,
        ..Example::default()
    })
}

/// Each folder of `examples/hooks`, with the namespaces of its tests.
fn hooks(root: &Path) -> Result<Vec<Example>> {
    let mut folders: Vec<_> = fs::read_dir(root.join("examples/hooks"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    folders.retain(|path| path.join("tests.yaml").is_file());
    folders.sort();
    folders.iter().map(|folder| hook(folder)).collect()
}

fn hook(folder: &Path) -> Result<Example> {
    let tests: Value = serde_saphyr::from_str(&read_file(&folder.join("tests.yaml"))?)
        .with_context(|| folder.display().to_string())?;
    let cases = tests.get("cases").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut namespaces: Vec<&Value> = Vec::new();
    for namespace in cases.iter().filter_map(|case| case.get("namespace")) {
        if namespaces.iter().all(|other| other.get("name") != namespace.get("name")) {
            namespaces.push(namespace);
        }
    }
    let object =
        |metadata: &&Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
    Ok(Example {
        group: "Hooks",
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        why: String::new(),
        settings: read_file(&folder.join("settings.yaml"))?,
        tenant: read_file(&folder.join("tenants.yaml"))?,
        namespace: yaml(&namespaces.iter().map(object).collect::<Vec<_>>())?,
        request: String::new(),
    })
}

fn request(root: &Path, name: &str) -> Result<Example> {
    let folder = root.join("e2e-tests");
    let expected = json_file(&folder.join(format!("expected/{name}.json")))?;
    let settings =
        expected.get("settings").and_then(Value::as_str).context("expected: no settings")?;
    let request = json_file(&folder.join(format!("requests/{name}.json")))?;
    let is_update = request.get("operation") == Some(&json!("UPDATE"));
    let namespace =
        request.get(if is_update { "oldObject" } else { "object" }).cloned().unwrap_or_default();
    let asked: &[&str] =
        if is_update { &["operation", "userInfo", "object"] } else { &["operation", "userInfo"] };
    let asked: Map<String, Value> = asked
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), request.get(*member)?.clone())))
        .collect();
    Ok(Example {
        group: "Requests",
        name: name.to_owned(),
        why: sentence(&expected),
        settings: yaml(&[json_file(&folder.join(format!("settings/{settings}.json")))?])?,
        tenant: yaml(&tenants(&read_file(&folder.join(format!("sessions/{name}.yml")))?)?)?,
        namespace: yaml(&[namespace])?,
        request: yaml(&[Value::Object(asked)])?,
    })
}

/// The tenants that a recorded session hands out.
fn tenants(session: &str) -> Result<Vec<Value>> {
    let exchanges: Value = serde_saphyr::from_str(&session.replace("!KubernetesGetResource", ""))?;
    let payloads = exchanges
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|exchange| exchange.pointer("/response/payload")?.as_str());
    let mut tenants: Vec<Value> = payloads.map(serde_json::from_str).collect::<Result<_, _>>()?;
    tenants.dedup();
    Ok(tenants)
}

/// The cases of `tests/conformance` that were written by hand and have a plan; the random ones show
/// nothing to a reader.
fn conformance(root: &Path) -> Result<Vec<Example>> {
    let cases = json_file(&root.join("tests/conformance/capsule-metadata.json"))?;
    let shown = |case: &&Value| {
        !name_of(case).starts_with("random-") && case.pointer("/expect/error").is_none()
    };
    cases.as_array().into_iter().flatten().filter(shown).map(conformance_case).collect()
}

/// A case as `tests/conformance/README.md` says that it is run.
pub fn conformance_case(case: &Value) -> Result<Example> {
    let settings = json!({"tenantSource": "capsule", "identify": [{"ownerReference": {"group": "capsule.clastix.io", "kind": "Tenant"}}]});
    let tenant = case.get("tenant").context("a case without a tenant")?;
    let tenant_name = tenant.pointer("/metadata/name").cloned().unwrap_or_default();
    let mut namespace = case.get("namespace").cloned().context("a case without a namespace")?;
    let metadata = namespace
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .context("a namespace without metadata")?;
    let owner = json!({"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "name": tenant_name, "uid": "1"});
    metadata.insert("ownerReferences".to_owned(), json!([owner]));
    let managed = |field: &str| {
        case.pointer(&format!("/managedBefore/{field}")).cloned().unwrap_or_else(|| json!([]))
    };
    let (labels, annotations) = (managed("labels"), managed("annotations"));
    if labels != json!([]) || annotations != json!([]) {
        let ledger = json!({"tenant": tenant_name, "labels": labels, "annotations": annotations})
            .to_string();
        let mut all =
            metadata.get("annotations").and_then(Value::as_object).cloned().unwrap_or_default();
        all.insert("landlord.dev/ledger".to_owned(), Value::String(ledger));
        metadata.insert("annotations".to_owned(), Value::Object(all));
    }
    Ok(Example {
        group: "Capsule’s rules",
        name: name_of(case).to_owned(),
        why: sentence(case),
        settings: yaml(&[settings])?,
        tenant: yaml(std::slice::from_ref(tenant))?,
        namespace: yaml(&[namespace])?,
        request: String::new(),
    })
}

fn name_of(case: &Value) -> &str {
    case.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn sentence(case: &Value) -> String {
    case.get("why").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn read_file(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn json_file(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_file(path)?).with_context(|| path.display().to_string())
}

/// The objects as documents of one text.
fn yaml(objects: &[Value]) -> Result<String> {
    let documents: Vec<String> =
        objects.iter().map(serde_saphyr::to_string).collect::<Result<_, _>>()?;
    Ok(documents.join("---\n"))
}
