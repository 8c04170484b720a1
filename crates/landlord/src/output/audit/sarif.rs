//! An audit as SARIF 2.1.0, for code scanning: a rule for each cause, a result for each Pod.

use diagnostics::audit::waiting::Outdated;
use diagnostics::audit::{Report, Stray, Unjudged};
use serde_json::{Value, json};

use super::namespaces::{remaining, unjudged_text};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const REPOSITORY: &str = "https://github.com/landlord-dev/landlord";
const HELP: &str = "https://github.com/landlord-dev/landlord/blob/main/docs/operations.md#audit-pods-outside-their-tenants-pool";
/// The rule about Pods without a node that would run outside.
const WAITING: &str = "WaitingOutside";

/// A rule: its identifier, what it says in a line, and what helps.
struct Rule {
    id: &'static str,
    title: &'static str,
    help: &'static str,
}

/// One for each cause, and the one about Pods that wait.
const RULES: [Rule; 9] = [
    Rule {
        id: "DaemonSet",
        title: "A DaemonSet's Pod runs outside its tenant's pool",
        help: "A DaemonSet chooses its nodes itself: give it the tenant's node selector, or move it to a namespace that landlord does not look after.",
    },
    Rule {
        id: "NodeName",
        title: "A Pod named its node, past the scheduler",
        help: "Take spec.nodeName out of the Pod's template.",
    },
    Rule {
        id: "NodeRelabelled",
        title: "A Pod's node was relabelled",
        help: "Put the node's labels back, or evict the Pod: landlord audit --evict.",
    },
    Rule {
        id: "SelectorChanged",
        title: "A Pod was created under another selector",
        help: "Evict the Pod, so that its controller creates it again: landlord audit --evict.",
    },
    Rule {
        id: "BeforeCompliance",
        title: "A Pod is older than the selector on its namespace",
        help: "Evict the Pod, so that its controller creates it again: landlord audit --evict.",
    },
    Rule {
        id: "Unguarded",
        title: "A Pod did not get the selector, and no guard stopped it",
        help: "Install the guard (landlord controller --guard), then evict the Pod: landlord audit --evict.",
    },
    Rule {
        id: "GuardUnknown",
        title: "A Pod did not get the selector; whether there is a guard is not known",
        help: "Let the audit list admission policies; then it says whether a guard was there.",
    },
    Rule {
        id: "Unexplained",
        title: "A Pod runs outside its tenant's pool, and nothing on record explains it",
        help: "Run landlord doctor: it says what lets Pods out.",
    },
    Rule {
        id: WAITING,
        title: "A Pod that waits would run outside its tenant's pool",
        help: "Delete the Pod, so that its controller creates it again with the namespace's selector.",
    },
];

/// The log of one run.
pub(crate) fn log(report: &Report) -> Value {
    let results: Vec<Value> =
        remaining(report).map(stray).chain(report.outdated.iter().map(waiting)).collect();
    let driver = json!({
        "name": "landlord",
        "informationUri": REPOSITORY,
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": RULES.iter().map(rule).collect::<Vec<_>>(),
    });
    let invocation = json!({
        "executionSuccessful": report.unjudged.is_empty(),
        "toolExecutionNotifications": report.unjudged.iter().map(notification).collect::<Vec<_>>(),
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "automationDetails": {"id": "landlord-audit/"},
            "invocations": [invocation],
            "results": results,
        }],
    })
}

fn rule(Rule { id, title, help }: &Rule) -> Value {
    json!({
        "id": id,
        "name": id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": format!("{title}. {help}")},
        "help": {"text": help},
        "helpUri": HELP,
        "defaultConfiguration": {"level": level(id)},
        "properties": {"tags": ["kubernetes", "multi-tenancy"]},
    })
}

fn level(id: &str) -> &'static str {
    if id == WAITING { "warning" } else { "error" }
}

fn stray(Stray { pod, pool, cause, .. }: &Stray) -> Value {
    let text = format!(
        "Pod {}/{} of tenant {} runs on node {} and belongs on {}: {cause}",
        pod.namespace, pod.name, pool.tenant, pod.node, pool.selector
    );
    let mut properties =
        json!({"tenant": pool.tenant, "node": pod.node, "selector": pool.selector.to_string()});
    if let (Some(since), Some(fields)) = (pod.since, properties.as_object_mut()) {
        fields.insert("since".to_owned(), json!(since.to_string()));
    }
    result(cause.word(), &pool.tenant, &pod.namespace, &pod.name, &text, properties)
}

fn waiting(Outdated { pod, pool }: &Outdated) -> Value {
    let text = format!(
        "Pod {}/{} of tenant {} waits and would run outside {}",
        pod.namespace, pod.name, pool.tenant, pool.selector
    );
    let properties = json!({"tenant": pool.tenant, "selector": pool.selector.to_string()});
    result(WAITING, &pool.tenant, &pod.namespace, &pod.name, &text, properties)
}

fn result(
    id: &str,
    tenant: &str,
    namespace: &str,
    pod: &str,
    text: &str,
    properties: Value,
) -> Value {
    // The same Pod for the same cause is the same alert in each run.
    let fingerprint = format!("{:016x}", fnv([id, tenant, namespace, pod]));
    json!({
        "ruleId": id,
        "ruleIndex": RULES.iter().position(|rule| rule.id == id),
        "level": level(id),
        "message": {"text": text},
        "locations": [location(namespace, Some(pod))],
        "partialFingerprints": {"landlord/v1": fingerprint, "primaryLocationLineHash": format!("{fingerprint}:1")},
        "properties": properties,
    })
}

fn notification(unjudged: &Unjudged) -> Value {
    let text = format!("namespace {}: {}", unjudged.namespace, unjudged_text(unjudged));
    json!({
        "level": "error",
        "message": {"text": text},
        "descriptor": {"id": "NotJudged"},
        "locations": [location(&unjudged.namespace, unjudged.pod.as_deref())],
    })
}

/// What is meant is the object. Code scanning shows nothing without a file and a line, so its path in
/// the API stands for one.
fn location(namespace: &str, pod: Option<&str>) -> Value {
    let (uri, name, full) = match pod {
        Some(pod) => (
            format!("namespaces/{}/pods/{}", encoded(namespace), encoded(pod)),
            pod,
            format!("{namespace}/{pod}"),
        ),
        None => (format!("namespaces/{}", encoded(namespace)), namespace, namespace.to_owned()),
    };
    json!({
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": name, "fullyQualifiedName": full, "kind": "resource"}],
    })
}

/// A segment of a URI's path (RFC 3986).
fn encoded(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

/// FNV-1a, which is the same with every version of the program.
fn fnv<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use diagnostics::audit::cause::Cause;

    use super::*;

    #[test]
    fn every_cause_has_a_rule() {
        let causes = [
            Cause::DaemonSet(String::new()),
            Cause::NamedItsNode,
            Cause::NodeRelabelled,
            Cause::SelectorChanged(String::new()),
            Cause::BeforeCompliance(None),
            Cause::Unguarded(None),
            Cause::GuardUnknown(String::new()),
            Cause::Unexplained,
        ];
        let words = causes.iter().map(Cause::word).chain([WAITING]);
        assert!(words.eq(RULES.iter().map(|rule| rule.id)));
    }

    /// A version that counts otherwise would open every alert anew.
    #[test]
    fn fingerprints_stay_what_they_are() {
        let hash = |pod| fnv(["NodeRelabelled", "solar", "web", pod]);
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
        assert_ne!(fnv(["a", "b"]), fnv(["ab", ""]));
        // The published test vectors of FNV-1a end without a separator; this is "a" and one.
        assert_eq!(fnv([""]), 0xaf63_bd4c_8601_b7df);
    }

    #[test]
    fn a_name_is_one_segment() {
        assert_eq!(encoded("web-1.a"), "web-1.a");
        assert_eq!(encoded("../ü?"), "..%2F%C3%BC%3F");
    }
}
