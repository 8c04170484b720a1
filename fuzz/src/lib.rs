//! What each fuzz target checks. Panics are findings, and so is a broken promise: what was read is
//! printed and read again as the same, a plan that was carried out leaves nothing to do, what is
//! selected is inside the document.
//!
//! The bodies are plain functions, so that they run under libFuzzer (`fuzz_targets/`) and on stable
//! (`src/bin/stable.rs`).

mod draw;
mod parsers;
mod policy;

use std::convert::Infallible;

use serde_json::{Value, json};
use tenancy::claim::{Evidence, Resolution, resolve};
use tenancy::hook::Stage;
use tenancy::json_path::JsonPath;
use tenancy::ledger::Ledger;
use tenancy::namespace::Namespace;
use tenancy::plan::{plan, read_ledger};
use tenancy::selector::NodeSelector;
use tenancy::settings::Settings;
use tenancy::template::{Grammar, Template};

pub use parsers::{glob, hooks, label_selector, namespace, tenant, toleration};
pub use policy::policy;

/// A target: its name, its body, and inputs to begin with.
pub type Target = (&'static str, fn(&[u8]), &'static [&'static str]);

/// Every target.
pub const TARGETS: &[Target] = &[
    ("settings", settings, SETTINGS),
    ("request", request, REQUESTS),
    ("selector", selector, &["a=b,c=d", "pool=solar", " a = b ", "a==b", "", "a.b/c=d_e", "a=,b="]),
    ("ledger", ledger, LEDGERS),
    ("template", template, &["{{tenant.name}}", "a-{{ namespace }}-b", "{{{tenant.name}}}", "{{", "}}{{", "{{\u{2003}namespace}}"]),
    ("json_path", json_path, PATHS),
    ("policy", policy, REQUESTS),
    ("glob", glob, &["kube-* kube-system", "*a?b* web", "?", "*a*a*a*b aaaaaaaaaaaaa"]),
    ("namespace", namespace, NAMESPACES),
    ("tenant", tenant, TENANTS),
    ("hooks", hooks, HOOKS),
    ("label_selector", label_selector, LABEL_SELECTORS),
    ("toleration", toleration, TOLERATIONS),
];

const NAMESPACES: &[&str] = &[
    r#"{"metadata":{"name":"web","labels":{"a":"b","n":null},"ownerReferences":[{"apiVersion":"landlord.dev/v1","kind":"Tenant","name":"solar"},{}]}}"#,
    r#"{"metadata":{"generateName":"web-","annotations":{"a":""},"deletionTimestamp":"x"},"username":"jane","groups":["a"]}"#,
];

const TENANTS: &[&str] = &[
    r#"{"metadata":{"name":"solar"},"spec":{"owners":[{"kind":"User","name":"jane"}],"nodeSelector":{"pool":"x"},"labels":{"a":"{{namespace}}"},"tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule"}],"overrides":[{"namespaceSelector":{"matchLabels":{"e":"p"}},"labels":{}}],"hooks":[{"name":"h","remove":{"labels":["x"]}}]}}"#,
    r#"{"metadata":{"name":"wind","namespace":"n"},"spec":{"owners":[],"nodeSelector":"pool=x,zone=y","cordoned":true,"ingressOptions":{"allowedClasses":{"allowed":["a"],"allowedRegex":"^b+$"}},"namespaceOptions":{"additionalMetadata":{"labels":{"a":"b"}},"additionalMetadataList":[{"namespaceSelector":{"matchExpressions":[{"key":"e","operator":"In","values":["p"]}]},"labels":{"{{ namespace }}":"x"}}],"forbiddenLabels":{"denied":["x"],"deniedRegex":"(a|b)+$"},"requiredMetadata":{"labels":{"a":"^x$"}}},"rules":[{"enforce":{"metadata":[{"kinds":["Namespace"]}]}}]}}"#,
];

const HOOKS: &[&str] = &[
    r#"[{"name":"a","when":[{"path":"$.namespace.metadata.labels.env","equals":"p"}],"set":{"nodeSelector":{"t":"p"},"annotations":{"team":{"fromPath":"$.tenant.spec.data.team"}}},"require":[{"path":"$.namespace.metadata.annotations['a.b/c']","matches":"^[0-9]{4}$","message":"m"}]}]"#,
    r#"[{"name":"a","stages":["admission"],"require":[{"path":"$.request.userInfo.groups[*]","not":{"matches":"^(a|b+)*?\\w{2,3}(?i:x)$"}}]},{"name":"b","priority":-5,"onFailure":"warn","conflicts":"keep","set":{"labels":{"{{namespace}}":"x"}}}]"#,
];

const LABEL_SELECTORS: &[&str] = &[
    r#"{"matchLabels":{"env":"prod"},"matchExpressions":[{"key":"env","operator":"NotIn","values":["a"]},{"key":"no/one","operator":"Exists"}]}"#,
    "{}",
];

const TOLERATIONS: &[&str] = &[
    r#"{"key":"pool","operator":"Equal","value":"x","effect":"NoSchedule"}"#,
    r#"{"key":"a/b","operator":"Exists","effect":"NoExecute"}"#,
];

const SETTINGS: &[&str] = &[
    r#"{"tenantSource":"capsule","identify":[{"label":"a/b"},{"jsonPath":{"path":"$.request.userInfo.groups[*]","prefix":"t:"}}]}"#,
    r#"{"tenantSource":{"custom":{"apiVersion":"x/v1","kind":"T","namespaced":true,"labels":"$.spec['a.b'][0:2]"}}}"#,
    r#"{"tenantSource":{"inline":[{"name":"solar","nodeSelector":{"pool":"a"},"overrides":[{"namespaceSelector":{"matchLabels":{"env":"p"}},"labels":{"a":"{{namespace}}"}}],"tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule"}]}]},"conflicts":"keep","release":"restore"}"#,
    r#"{"excludedNamespaces":["kube-*","?"],"protectedKeys":["*.io/*"],"admins":{"serviceAccounts":["a:b"]},"guard":{"scope":"all"}}"#,
];

const REQUESTS: &[&str] = &[
    r#"{"settings":{"tenantSource":{"inline":[{"name":"solar","labels":{"a":"x"},"nodeSelector":{"p":"q"}}]}},"request":{"operation":"CREATE","kind":{"kind":"Namespace"},"userInfo":{"username":"u","groups":["g"]},"object":{"metadata":{"name":"n","labels":{"landlord.dev/tenant":"solar","a":"y"}}}}}"#,
    r#"{"settings":{"tenantSource":{"inline":[{"name":"solar","labels":{"a":"x"}},{"name":"lunar","owners":[]}]},"conflicts":"reject"},"request":{"operation":"UPDATE","kind":{"kind":"Namespace"},"userInfo":{"groups":["system:masters"]},"object":{"metadata":{"name":"n","labels":{"landlord.dev/tenant":"lunar"}}},"oldObject":{"metadata":{"name":"n","labels":{"landlord.dev/tenant":"solar","a":"x"},"annotations":{"landlord.dev/ledger":"{\"tenant\":\"solar\",\"labels\":[\"a\"],\"annotations\":[]}"}}}}}"#,
    r#"{"settings":{"tenantSource":{"inline":[{"name":"a","labels":{"k":"{{namespace}}"},"namespaces":{"prefixes":["a-"]}}]},"identify":[{"namePrefix":{}}]},"request":{"operation":"CREATE","kind":{"kind":"Namespace"},"object":{"metadata":{"generateName":"a-","labels":null,"annotations":{"x":null}}}}}"#,
];

const LEDGERS: &[&str] = &[
    r#"{"tenant":"solar","labels":["a"],"annotations":["b"]}"#,
    r#"{"pending":"Conflict","tenant":"solar","labels":[],"annotations":[],"by":"label:x","release":"restore","previous":{"labels":{"a":"old"}}}"#,
];

const PATHS: &[&str] =
    &["$.a", "$..b[0]", "$['a.b'][1:]", "$[?(@.a == 'x' && @.b < 1.5)]", "$.a[::0]", "$[?(@.a == 1e999)]", "$]", "$.*[-1]"];

fn read_text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Settings that are accepted plan without panic, and a plan that was carried out leaves nothing to
/// do.
pub fn settings(data: &[u8]) {
    let Some(Ok(document)) = read_text(data).map(serde_json::from_str::<Value>) else { return };
    let Ok(settings) = Settings::from_value(&document) else { return };
    let object =
        json!({"metadata": {"name": "web", "labels": {"landlord.dev/tenant": "solar", "a": "y", "env": "p"}, "annotations": {"b": ""}}});
    assert_plans_come_to_rest(&settings, &object);
}

fn assert_plans_come_to_rest(settings: &Settings, object: &Value) {
    let Ok(mut namespace) = Namespace::from_value(object) else { return };
    for pass in 0..2 {
        let (ledger, _) = read_ledger(&namespace.metadata);
        let evidence = Evidence { namespace: &namespace, ledger: &ledger, document: None };
        let lookup = |name: &str| Ok::<_, Infallible>(settings.source.inline(name).cloned());
        let Ok(Resolution::Known(claim, tenant)) = resolve(settings, evidence, lookup) else { return };
        let Ok(plan) = plan(settings, &namespace, &ledger, &claim, &tenant, Stage::Reconcile) else { return };
        assert!(pass == 0 || plan.is_empty(), "a second plan is not empty: {plan:?}");
        namespace.metadata = plan.apply(&namespace.metadata);
    }
}

struct NoHost;

impl landlord_policy::Host for NoHost {
    fn call(&self, _: &str, _: &str, _: &str, _: &[u8]) -> Result<Vec<u8>, String> {
        Err("no host".to_owned())
    }
}

/// The whole policy: it always answers with JSON that says yes or no, and a no has a reason and a
/// code.
pub fn request(data: &[u8]) {
    let answer = landlord_policy::validate(data, &NoHost);
    let answer: Value = serde_json::from_slice(&answer).expect("the answer is JSON");
    let accepted = answer["accepted"].as_bool().expect("yes or no");
    assert!(accepted || answer["message"].is_string() && answer["code"].is_u64(), "a denial without reason: {answer}");
}

/// What is read is printed in a form that is read as the same.
pub fn selector(data: &[u8]) {
    let Some(Ok(selector)) = read_text(data).map(str::parse::<NodeSelector>) else { return };
    assert_eq!(selector.to_string().parse::<NodeSelector>().expect("readable"), selector);
}

/// As for selectors; and printing is stable.
pub fn ledger(data: &[u8]) {
    let Some(Ok(ledger)) = read_text(data).map(Ledger::parse) else { return };
    let printed = ledger.to_string_compact();
    assert_eq!(Ledger::parse(&printed).expect("readable"), ledger);
}

/// No tag that the strict grammar took is left over.
pub fn template(data: &[u8]) {
    let Some(text) = read_text(data) else { return };
    for grammar in [Grammar::Strict, Grammar::Lenient, Grammar::Literal] {
        let Ok(template) = Template::parse(text, grammar) else { continue };
        assert_eq!(template.render("t", None).is_none(), template.needs_namespace());
        let rendered = template.render("t", Some("n")).expect("everything is known");
        assert!(grammar != Grammar::Strict || !text.contains("{{tenant.name}}") || rendered.contains('t'));
    }
}

/// What is selected is inside the document.
pub fn json_path(data: &[u8]) {
    let Some(Ok(path)) = read_text(data).map(JsonPath::parse) else { return };
    let document =
        json!({"a": [{"a": "x", "b": 1}, {"b": 2.5}, "s"], "b": {"a": {"b": [0, true, null]}}, "a.b": ["y", "z"], "request": {}});
    for found in path.select(&document) {
        assert!(is_inside(&document, found), "{path} leads out of the document");
    }
}

fn is_inside(outer: &Value, inner: &Value) -> bool {
    std::ptr::eq(outer, inner)
        || match outer {
            Value::Array(elements) => elements.iter().any(|element| is_inside(element, inner)),
            Value::Object(members) => members.values().any(|member| is_inside(member, inner)),
            _ => false,
        }
}
