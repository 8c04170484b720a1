//! Readiness: whether landlord has written on a namespace what its claim asks for, so that Pods may be
//! created there. It is judged on the namespace alone, by how the ledger's text begins and by what it
//! mentions, because the guard has to judge it in CEL, where no ledger can be parsed.
//!
//! The guard's expression is among its variables for Pods (`ready`); a test on a real API server holds
//! the two together. The policy on Pods asks here, and so do the controller before it releases a gated
//! Pod, and `landlord doctor`.

use crate::keys::{NODE_SELECTOR, UNCLAIMED};
use crate::ledger;
use crate::metadata::Metadata;
use crate::settings::{GuardScope, Settings};

/// How a ledger of a namespace whose placement is right begins; the tenant's name and a quote follow.
const HEAD: &str = "{\"tenant\":\"";

/// What stands before the list of annotations. No key holds a bracket, so that the first one after it
/// ends the list.
pub const LIST: &str = "\"annotations\":[";

/// Whether Pods may be created in a namespace with these labels and annotations. One that names no
/// tenant is ready where the guard does not watch it, else once it is marked as nobody's.
pub fn is_ready(settings: &Settings, metadata: &Metadata) -> bool {
    match labelled_tenant(settings, metadata) {
        Some(tenant) => is_written_for(metadata, tenant),
        None => {
            settings.guard.scope == GuardScope::Labelled
                || metadata.annotations.contains_key(UNCLAIMED)
        }
    }
}

/// The tenant that the namespace's label names. An empty label names none.
pub fn labelled_tenant<'a>(settings: &Settings, metadata: &'a Metadata) -> Option<&'a str> {
    metadata
        .labels
        .get(settings.tenant_label())
        .map(String::as_str)
        .filter(|tenant| !tenant.is_empty())
}

/// Whether landlord manages the annotation, as the ledger lists it. The text is asked, as in CEL, and
/// only its list of annotations: what it remembers of values could be anything.
pub fn manages_annotation(metadata: &Metadata, key: &str) -> bool {
    let ledger = metadata.annotations.get(ledger::ANNOTATION).map(String::as_str);
    let rest = ledger.and_then(|text| text.split_once(LIST)).map(|(_, rest)| rest);
    let list = rest.and_then(|rest| rest.split_once(']')).map(|(list, _)| list);
    list.is_some_and(|list| list.contains(&format!("{key:?}")))
}

/// The metadata as they are once Pods may not be created there any more: smaller, so that they fit
/// wherever these did, and with every record of managed keys. `None` where Pods may not be created
/// already, or where the guard does not look: a namespace without the tenant's label under scope
/// `labelled`.
pub fn withdraw(settings: &Settings, metadata: &Metadata) -> Option<Metadata> {
    if !is_ready(settings, metadata) {
        return None;
    }
    let mut after = metadata.clone();
    if labelled_tenant(settings, metadata).is_some() {
        let ledger = after.annotations.get_mut(ledger::ANNOTATION)?;
        *ledger = ledger::withdraw(ledger)?;
    } else {
        after.annotations.remove(UNCLAIMED);
    }
    (!is_ready(settings, &after)).then_some(after)
}

/// Whether the ledger is the tenant's and not pending, and a node selector that it mentions is there.
/// A label holds nothing that JSON would escape.
fn is_written_for(metadata: &Metadata, tenant: &str) -> bool {
    let ledger =
        metadata.annotations.get(ledger::ANNOTATION).map(String::as_str).unwrap_or_default();
    let named = ledger
        .strip_prefix(HEAD)
        .and_then(|rest| rest.strip_prefix(tenant))
        .is_some_and(|rest| rest.starts_with('"'));
    named
        && (metadata.annotations.contains_key(NODE_SELECTOR)
            || !manages_annotation(metadata, NODE_SELECTOR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespace::Namespace;
    use crate::plan::read_ledger;
    use rstest::rstest;
    use serde_json::{Value, json};

    const SELECTED: &str = r#"{"tenant":"solar","labels":[],"annotations":["scheduler.alpha.kubernetes.io/node-selector"]}"#;

    fn in_scope(scope: &str) -> Settings {
        Settings::from_value(&json!({"guard": {"scope": scope}})).expect("settings")
    }

    fn metadata(labels: Value, annotations: Value) -> Metadata {
        let namespace = Namespace::from_value(
            &json!({"metadata": {"name": "web", "labels": labels, "annotations": annotations}}),
        );
        namespace.expect("a namespace").metadata
    }

    /// Also withdraws it: what was ready is not ready then, and smaller, where the guard looks.
    fn ready(scope: &str, labels: Value, annotations: Value) -> bool {
        let (settings, before) = (in_scope(scope), metadata(labels, annotations));
        let is_looked_at = scope == "all" || labelled_tenant(&settings, &before).is_some();
        let after = withdraw(&settings, &before);
        assert_eq!(after.is_some(), is_looked_at && is_ready(&settings, &before));
        if let Some(after) = after {
            assert!(!is_ready(&settings, &after), "{after:?}");
            assert!(bytes(&after) < bytes(&before), "{after:?}");
            let keys = |metadata| read_ledger(metadata).0.keys().collect::<Vec<_>>();
            assert_eq!(keys(&after), keys(&before));
        }
        is_ready(&settings, &before)
    }

    fn bytes(metadata: &Metadata) -> usize {
        serde_json::to_string(metadata).expect("JSON").len()
    }

    #[rstest]
    #[case::no_ledger(json!({}), false)]
    #[case::written(json!({ledger::ANNOTATION: SELECTED, NODE_SELECTOR: "pool=solar"}), true)]
    #[case::an_empty_selector(json!({ledger::ANNOTATION: SELECTED, NODE_SELECTOR: ""}), true)]
    #[case::the_selector_is_gone(json!({ledger::ANNOTATION: SELECTED}), false)]
    #[case::no_selector_wanted(json!({ledger::ANNOTATION: r#"{"tenant":"solar","labels":[],"annotations":[]}"#}), true)]
    #[case::of_another(json!({ledger::ANNOTATION: SELECTED.replace("solar", "solar-2"), NODE_SELECTOR: "pool=solar"}), false)]
    #[case::pending(json!({ledger::ANNOTATION: SELECTED.replacen('{', r#"{"pending":"Conflict","#, 1), NODE_SELECTOR: "pool=solar"}), false)]
    #[case::withdrawn(json!({ledger::ANNOTATION: SELECTED.replacen("tenant", "was", 1), NODE_SELECTOR: "pool=solar"}), false)]
    #[case::not_parsable(json!({ledger::ANNOTATION: r#"{"tenant":"solar","of":"a newer version"}"#}), true)]
    #[case::not_landlords(json!({ledger::ANNOTATION: "{}", NODE_SELECTOR: "pool=solar"}), false)]
    #[case::marked(json!({UNCLAIMED: "true"}), false)]
    fn claimed(#[case] annotations: Value, #[case] expected: bool) {
        for scope in ["labelled", "all"] {
            assert_eq!(
                ready(scope, json!({"landlord.dev/tenant": "solar"}), annotations.clone()),
                expected,
                "{scope}"
            );
        }
    }

    #[rstest]
    #[case::listed(r#"{"tenant":"solar","labels":["a"],"annotations":["b","KEY"]}"#, true)]
    #[case::not_listed(r#"{"tenant":"solar","labels":[],"annotations":["b"]}"#, false)]
    #[case::a_label(r#"{"tenant":"solar","labels":["KEY"],"annotations":[]}"#, false)]
    #[case::a_value_remembered(r#"{"tenant":"solar","labels":[],"annotations":["a"],"release":"restore","previous":{"annotations":{"a":"KEY"}}}"#, false)]
    #[case::a_list_remembered(r#"{"tenant":"solar","labels":[],"annotations":["a"],"release":"restore","previous":{"annotations":{"a":"\"annotations\":[\"KEY\"]"}}}"#, false)]
    #[case::a_key_remembered(r#"{"tenant":"solar","labels":[],"annotations":["a"],"release":"restore","previous":{"annotations":{"KEY":"x"}}}"#, false)]
    #[case::a_longer_key(r#"{"tenant":"solar","labels":[],"annotations":["KEY2"]}"#, false)]
    #[case::no_ledger("KEY", false)]
    fn managed(#[case] ledger: &str, #[case] expected: bool) {
        let ledger = ledger.replace("KEY", NODE_SELECTOR);
        let mut metadata = Metadata::default();
        metadata.annotations.insert(ledger::ANNOTATION.to_owned(), ledger.clone());
        assert_eq!(manages_annotation(&metadata, NODE_SELECTOR), expected);
        if let Ok(parsed) = ledger::Ledger::parse(&ledger) {
            let key = crate::metadata::Key::annotation(NODE_SELECTOR);
            assert_eq!(parsed.manages(&key), expected, "as the parsed ledger says");
        }
    }

    #[rstest]
    #[case::not_watched("labelled", json!({}), true)]
    #[case::nobody_looked("all", json!({}), false)]
    #[case::marked("all", json!({UNCLAIMED: "true"}), true)]
    #[case::left_behind("all", json!({ledger::ANNOTATION: SELECTED, NODE_SELECTOR: "pool=solar"}), false)]
    fn unclaimed(#[case] scope: &str, #[case] annotations: Value, #[case] expected: bool) {
        for labels in [json!({}), json!({"landlord.dev/tenant": ""})] {
            assert_eq!(ready(scope, labels, annotations.clone()), expected);
        }
    }
}
