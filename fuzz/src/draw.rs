//! Draw: requests, settings and tenants that fit together, made from any bytes. Their alphabets are
//! small, so that claims meet tenants and keys meet keys; texts of other shapes come in now and
//! then.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Keys that neither tenants nor hooks nor landlord write.
pub(crate) const FOREIGN: [&str; 3] = ["foreign", "foreign.example/key", "app.kubernetes.io/name"];

const TENANTS: [&str; 3] = ["solar", "lunar", "mars"];
const KEYS: [&str; 5] = ["a", "b", "team", "env", "cost.example/center"];
const VALUES: [&str; 7] = ["a", "b", "prod", "", "{{namespace}}", "{{ tenant.name }}-x", "é"];
const NAMES: [&str; 5] = ["web", "solar-web", "kube-system", "lunar-", "x"];
const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
const OWN: [&str; 4] = ["landlord.dev/ledger", "landlord.dev/creator", "landlord.dev/unclaimed", "landlord.dev/tolerations"];
const LEDGERS: [&str; 5] = [
    r#"{"tenant":"solar","labels":["a","team"],"annotations":["b"]}"#,
    r#"{"pending":"Conflict","tenant":"lunar","labels":[],"annotations":["scheduler.alpha.kubernetes.io/node-selector"]}"#,
    r#"{"tenant":"solar","labels":["a"],"annotations":[],"by":"ownerReference:landlord.dev/Tenant","release":"restore","previous":{"labels":{"a":"old"}}}"#,
    r#"{"username":"jane","groups":["solar-admins"]}"#,
    "{}",
];

pub(crate) type Choices<'a> = Unstructured<'a>;

/// Everything that one evaluation sees.
pub(crate) struct Case {
    pub(crate) settings: Value,
    pub(crate) tenants: Vec<Value>,
    /// Where the host cannot answer: its words.
    pub(crate) fault: Option<String>,
    pub(crate) request: Value,
}

pub(crate) fn case(choices: &mut Choices<'_>) -> Result<Case> {
    let capsule = choices.ratio(1, 4)?;
    let settings = settings(choices, capsule)?;
    let tenants = TENANTS[..2].iter().map(|name| if capsule { capsule_tenant(choices, name) } else { tenant(choices, name) });
    let tenants = tenants.collect::<Result<Vec<_>>>()?;
    let fault = choices.ratio(1, 16)?.then(|| draw_text(choices, &["timed out", "forbidden"])).transpose()?;
    Ok(Case { settings, tenants, fault, request: request(choices, capsule)? })
}

fn one<'a>(choices: &mut Choices<'_>, from: &[&'a str]) -> Result<&'a str> {
    choices.choose(from).copied()
}

/// Mostly one of these, at times anything.
fn draw_text(choices: &mut Choices<'_>, from: &[&str]) -> Result<String> {
    match choices.ratio(1, 24)? {
        true => Ok(choices.arbitrary::<&str>()?.to_owned()),
        false => Ok(one(choices, from)?.to_owned()),
    }
}

fn list<T>(choices: &mut Choices<'_>, most: usize, mut each: impl FnMut(&mut Choices<'_>) -> Result<T>) -> Result<Vec<T>> {
    (0..choices.int_in_range(0..=most)?).map(|_| each(choices)).collect()
}

fn entries(choices: &mut Choices<'_>, keys: &[&str], values: &[&str]) -> Result<Map<String, Value>> {
    let pairs = list(choices, 4, |choices| Ok((draw_text(choices, keys)?, json!(draw_text(choices, values)?))))?;
    Ok(pairs.into_iter().collect())
}

/// A field that is often left out.
fn some(choices: &mut Choices<'_>, into: &mut Value, field: &str, value: impl FnOnce(&mut Choices<'_>) -> Result<Value>) -> Result<()> {
    if choices.arbitrary::<bool>()? {
        into[field] = value(choices)?;
    }
    Ok(())
}

fn word(choices: &mut Choices<'_>, from: &[&str]) -> Result<Value> {
    Ok(json!(one(choices, from)?))
}

fn settings(choices: &mut Choices<'_>, capsule: bool) -> Result<Value> {
    let mut settings = json!({});
    if capsule {
        settings["tenantSource"] = if choices.arbitrary()? { json!({"capsule": {"validations": true}}) } else { json!("capsule") };
    }
    some(choices, &mut settings, "conflicts", |choices| word(choices, &["override", "keep", "reject"]))?;
    some(choices, &mut settings, "release", |choices| word(choices, &["remove", "restore", "keep"]))?;
    some(choices, &mut settings, "unclaimed", |choices| word(choices, &["allow", "reject"]))?;
    some(choices, &mut settings, "unknownTenant", |choices| word(choices, &["allow", "reject"]))?;
    some(choices, &mut settings, "onError", |choices| word(choices, &["allow", "reject"]))?;
    some(choices, &mut settings, "guard", |choices| Ok(json!({"scope": one(choices, &["all", "labelled"])?})))?;
    some(choices, &mut settings, "pods", |choices| Ok(json!({"place": choices.arbitrary::<bool>()?})))?;
    some(choices, &mut settings, "identify", |choices| Ok(Value::Array(list(choices, 3, rule)?)))?;
    some(choices, &mut settings, "protectedKeys", |choices| {
        Ok(json!(list(choices, 2, |choices| draw_text(choices, &["a", "cost.*", "*b", "?"]))?))
    })?;
    some(choices, &mut settings, "excludedNamespaces", |choices| Ok(json!([draw_text(choices, &["kube-*", "x", "*-b?b*"])?])))?;
    some(choices, &mut settings, "hooks", |choices| Ok(Value::Array(list(choices, 3, hook)?)))?;
    Ok(settings)
}

fn rule(choices: &mut Choices<'_>) -> Result<Value> {
    Ok(match choices.int_in_range(0..=4)? {
        0 => json!({"label": draw_text(choices, &KEYS)?}),
        1 => json!({"annotation": draw_text(choices, &KEYS)?}),
        2 => json!({"namePrefix": {"separator": "-", "segments": choices.int_in_range(1..=2)?}}),
        3 => json!({"ownerReference": {"group": "landlord.dev", "kind": "Tenant"}}),
        _ => {
            json!({"jsonPath": {"path": draw_text(choices, &["$.request.userInfo.groups[*]", "$.namespace.metadata.annotations.*", "$.namespace..team",
                                             "$.namespace.metadata.labels.*"])?,
                                 "prefix": draw_text(choices, &["", "tenant:"])?}})
        }
    })
}

fn condition(choices: &mut Choices<'_>) -> Result<Value> {
    let paths = [
        "$.namespace.metadata.labels.env",
        "$.namespace.metadata.annotations.*",
        "$.namespace.metadata.labels[?(@ != 'a')]",
        "$.request.userInfo.username",
        "$.tenant.metadata.name",
        "$.namespace.metadata.name",
    ];
    let path = draw_text(choices, &paths)?;
    Ok(match choices.int_in_range(0..=3)? {
        0 => json!({"path": path, "equals": draw_text(choices, &VALUES)?}),
        1 => json!({"path": path, "not": {"matches": draw_text(choices, &["^(a|b)+$", "[0-9]{4}", "a{2,3}?", "(?i)PROD"])?}}),
        2 => json!({"path": path, "exists": choices.arbitrary::<bool>()?}),
        _ => json!({"path": path, "in": ["a", "prod", "solar"]}),
    })
}

fn hook(choices: &mut Choices<'_>) -> Result<Value> {
    let mut hook = json!({"name": draw_text(choices, &["one", "two", "three", "four"])?, "set": {"labels": entries(choices, &KEYS, &VALUES)?}});
    some(choices, &mut hook, "when", |choices| Ok(Value::Array(list(choices, 2, condition)?)))?;
    some(choices, &mut hook, "require", |choices| Ok(Value::Array(list(choices, 2, condition)?)))?;
    some(choices, &mut hook, "remove", |choices| Ok(json!({"labels": [draw_text(choices, &KEYS)?]})))?;
    some(choices, &mut hook, "stages", |choices| Ok(json!([one(choices, &["admission", "reconcile"])?])))?;
    some(choices, &mut hook, "onFailure", |choices| word(choices, &["reject", "warn", "ignore"]))?;
    some(choices, &mut hook, "conflicts", |choices| word(choices, &["override", "keep", "reject"]))?;
    Ok(hook)
}

fn wants(choices: &mut Choices<'_>, wants: &mut Value) -> Result<()> {
    some(choices, wants, "nodeSelector", |choices| Ok(Value::Object(entries(choices, &["pool", "zone"], &["x", "y", ""])?)))?;
    some(choices, wants, "labels", |choices| Ok(Value::Object(entries(choices, &KEYS, &VALUES)?)))?;
    some(choices, wants, "annotations", |choices| Ok(Value::Object(entries(choices, &KEYS, &VALUES)?)))?;
    some(choices, wants, "tolerations", |choices| {
        let toleration = |choices: &mut Choices<'_>| {
            Ok(json!({"key": draw_text(choices, &["pool", "spot"])?, "operator": one(choices, &["Exists", "Equal"])?, "effect": "NoSchedule"}))
        };
        Ok(Value::Array(list(choices, 2, toleration)?))
    })
}

fn owners(choices: &mut Choices<'_>) -> Result<Value> {
    let owner = |choices: &mut Choices<'_>| {
        Ok(
            json!({"kind": one(choices, &["User", "Group", "ServiceAccount"])?, "name": draw_text(choices, &["jane", "solar-admins", "ci:robot"])?}),
        )
    };
    Ok(Value::Array(list(choices, 2, owner)?))
}

fn selector(choices: &mut Choices<'_>) -> Result<Value> {
    Ok(match choices.int_in_range(0..=2)? {
        0 => json!({"matchLabels": entries(choices, &KEYS, &VALUES)?}),
        1 => json!({"matchExpressions": [{"key": draw_text(choices, &KEYS)?, "operator": draw_text(choices, &["Exists", "DoesNotExist"])?}]}),
        _ => json!({"matchExpressions": [{"key": draw_text(choices, &KEYS)?, "operator": "NotIn", "values": [draw_text(choices, &VALUES)?]}]}),
    })
}

fn tenant(choices: &mut Choices<'_>, name: &str) -> Result<Value> {
    let mut spec = json!({});
    wants(choices, &mut spec)?;
    some(choices, &mut spec, "owners", owners)?;
    some(choices, &mut spec, "conflicts", |choices| word(choices, &["override", "keep", "reject"]))?;
    some(choices, &mut spec, "release", |choices| word(choices, &["remove", "restore", "keep"]))?;
    some(choices, &mut spec, "namespaces", |_| Ok(json!({"prefixes": [format!("{name}-")]})))?;
    some(choices, &mut spec, "hooks", |choices| Ok(Value::Array(list(choices, 2, hook)?)))?;
    some(choices, &mut spec, "overrides", |choices| {
        let layer = |choices: &mut Choices<'_>| {
            let mut layer = json!({"namespaceSelector": selector(choices)?});
            wants(choices, &mut layer)?;
            Ok(layer)
        };
        Ok(Value::Array(list(choices, 3, layer)?))
    })?;
    Ok(json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name}, "spec": spec}))
}

fn capsule_tenant(choices: &mut Choices<'_>, name: &str) -> Result<Value> {
    let mut spec = json!({"owners": owners(choices)?});
    some(choices, &mut spec, "nodeSelector", |choices| Ok(Value::Object(entries(choices, &["pool", "zone"], &["x", "y"])?)))?;
    some(choices, &mut spec, "cordoned", |choices| Ok(json!(choices.arbitrary::<bool>()?)))?;
    some(choices, &mut spec, "namespaceOptions", |choices| {
        let item = |choices: &mut Choices<'_>| {
            Ok(
                json!({"namespaceSelector": selector(choices)?, "labels": entries(choices, &KEYS, &VALUES)?, "annotations": entries(choices, &KEYS, &VALUES)?}),
            )
        };
        let forbidden = json!({"denied": [draw_text(choices, &KEYS)?], "deniedRegex": draw_text(choices, &["^a.*", "(b|c)+$"])?});
        Ok(json!({"additionalMetadata": {"labels": entries(choices, &KEYS, &VALUES)?}, "additionalMetadataList": list(choices, 3, item)?,
                  "forbiddenLabels": forbidden}))
    })?;
    Ok(json!({"apiVersion": "capsule.clastix.io/v1beta2", "kind": "Tenant", "metadata": {"name": name}, "spec": spec}))
}

fn namespace(choices: &mut Choices<'_>, capsule: bool) -> Result<Value> {
    let label = if capsule { "capsule.clastix.io/tenant" } else { "landlord.dev/tenant" };
    let mut labels = entries(choices, &KEYS, &VALUES)?;
    let mut annotations = entries(choices, &KEYS, &VALUES)?;
    if choices.ratio(3, 4)? {
        labels.insert(label.to_owned(), json!(draw_text(choices, &TENANTS)?));
    }
    labels.extend(entries(choices, &FOREIGN, &["x", "y"])?);
    annotations.extend(entries(choices, &FOREIGN, &["x", "a longer text"])?);
    annotations.extend(entries(choices, &OWN, &LEDGERS)?);
    annotations.extend(entries(choices, &[SELECTOR, TOLERATIONS], &["pool=x", "pool=y,zone=x", "[]", "a==b"])?);
    let mut metadata = json!({"labels": labels, "annotations": annotations, "uid": "1"});
    metadata[if choices.ratio(1, 6)? { "generateName" } else { "name" }] = json!(draw_text(choices, &NAMES)?);
    some(choices, &mut metadata, "ownerReferences", |choices| {
        let owner = |choices: &mut Choices<'_>| {
            Ok(json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "name": draw_text(choices, &TENANTS)?}))
        };
        Ok(Value::Array(list(choices, 2, owner)?))
    })?;
    if choices.ratio(1, 16)? {
        metadata["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    Ok(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"], "odd": [1.5, null]}}))
}

fn request(choices: &mut Choices<'_>, capsule: bool) -> Result<Value> {
    let update = choices.arbitrary::<bool>()?;
    let object = namespace(choices, capsule)?;
    let mut old = Value::Null;
    if update {
        old = if choices.arbitrary()? { object.clone() } else { namespace(choices, capsule)? };
        // What a request changes, its name is not.
        old["metadata"]["name"] = object["metadata"]["name"].clone();
    }
    let groups = list(choices, 2, |choices| draw_text(choices, &["system:masters", "solar-admins", "tenant:solar", "tenant:lunar"]))?;
    let user = draw_text(choices, &["jane", "system:serviceaccount:ci:robot", "system:serviceaccount:landlord:controller"])?;
    Ok(
        json!({"uid": "1", "operation": if update { "UPDATE" } else { "CREATE" }, "kind": {"group": "", "version": "v1", "kind": "Namespace"},
              "userInfo": {"username": user, "groups": groups}, "object": object, "oldObject": old}),
    )
}
