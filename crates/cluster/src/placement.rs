//! Placement: the nodes that a namespace lets its gated Pods go to.

use k8s_openapi::api::core::v1::Toleration;
use tenancy::keys::{DEFAULT_TOLERATIONS, NODE_SELECTOR};
use tenancy::metadata::{Key, Metadata};
use tenancy::plan::changes_placement;
use tenancy::ready::is_ready;
use tenancy::selector::NodeSelector;
use tenancy::settings::Settings;

use assessment::Assessment;

/// What a Pod of the namespace gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    pub tenant: Option<String>,
    pub selector: NodeSelector,
    pub tolerations: Vec<Toleration>,
}

impl Placement {
    /// Of a namespace that is ready as the guard judges it, and that carries the selector and the
    /// tolerations that its tenant wants now; `None` where its Pods have to wait. A namespace that
    /// nobody claims lets every Pod go.
    pub fn from_assessment(settings: &Settings, assessment: &Assessment) -> Option<Self> {
        let Assessment { tenant, before, record, plan, fault, .. } = assessment;
        let ledger = &record.ledger;
        let claimed = tenant
            .as_ref()
            .is_none_or(|tenant| ledger.tenant == *tenant && ledger.pending.is_none());
        let marked = tenant.is_some() || plan.is_empty();
        let is_right = fault.is_none() && claimed && marked && !changes_placement(plan);
        if !is_right || !is_ready(settings, before) {
            return None;
        }
        let selector = before
            .annotations
            .get(NODE_SELECTOR)
            .map_or(Ok(NodeSelector::default()), |text| text.parse())
            .ok()?;
        // Tolerations open nodes: only those count that landlord itself has written.
        let tolerations = if ledger.manages(&Key::annotation(DEFAULT_TOLERATIONS)) {
            tolerations(before)?
        } else {
            Vec::new()
        };
        Some(Self { tenant: tenant.clone(), selector, tolerations })
    }
}

/// `None` where they cannot be read.
fn tolerations(metadata: &Metadata) -> Option<Vec<Toleration>> {
    let text = metadata.annotations.get(DEFAULT_TOLERATIONS).map_or("[]", String::as_str);
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use assessment::is_in_scope;
    use rstest::rstest;
    use serde_json::{Value, json};
    use tenancy::keys::CREATOR;

    use super::*;
    use crate::cached_namespace::CachedNamespace;
    use crate::gated_pod::a_toleration;

    const LEDGER: &str = r#"{"tenant":"solar","labels":[],"annotations":["landlord.dev/tolerations","scheduler.alpha.kubernetes.io/defaultTolerations","scheduler.alpha.kubernetes.io/node-selector"]}"#;
    const TOLERATIONS: &str = r#"[{"key":"pool","operator":"Exists","effect":"NoSchedule"}]"#;

    /// The placement of a namespace with this metadata, where tenant `solar` selects a pool,
    /// tolerates its taint, and labels.
    fn placement(settings: Value, metadata: Value) -> Option<Placement> {
        let spec = json!({"nodeSelector": {"pool": "solar"}, "tolerations": [{"key": "pool", "operator": "Exists", "effect": "NoSchedule"}]});
        let object = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": spec});
        let settings = Settings::from_value(&settings).expect("settings");
        let tenant = Arc::new(settings.tenant(&object).expect("a tenant"));
        let known = |name: &str| match name {
            "solar" => Ok(Some(Arc::clone(&tenant))),
            "broken" => Err("bad".to_owned()),
            _ => Ok(None),
        };
        let cached =
            CachedNamespace::from_meta(&serde_json::from_value(metadata).expect("metadata"));
        let in_scope = is_in_scope(&settings, &cached.namespace);
        in_scope
            .then(|| Assessment::judge(&settings, &cached.namespace, || cached.document(), known))
            .and_then(|one| Placement::from_assessment(&settings, &one))
    }

    fn claimed(label: &str, ledger: &str, changed: Value) -> Value {
        let mut annotations = json!({"landlord.dev/ledger": ledger, NODE_SELECTOR: "pool=solar", DEFAULT_TOLERATIONS: TOLERATIONS,
                                     "landlord.dev/tolerations": "pool:NoSchedule"});
        annotations
            .as_object_mut()
            .expect("a map")
            .extend(changed.as_object().cloned().expect("a map"));
        json!({"name": "web", "labels": {"landlord.dev/tenant": label}, "annotations": annotations})
    }

    #[test]
    fn a_compliant_namespace_gives_selector_and_tolerations() {
        let wanted = Placement {
            tenant: Some("solar".to_owned()),
            selector: "pool=solar".parse().expect("a selector"),
            tolerations: vec![a_toleration("pool:NoSchedule")],
        };
        assert_eq!(
            placement(Value::Null, claimed("solar", LEDGER, json!({}))),
            Some(wanted.clone())
        );
        assert_eq!(
            placement(Value::Null, claimed("solar", LEDGER, json!({"foreign": "key"}))),
            Some(wanted),
            "other keys do not count"
        );
    }

    #[rstest]
    #[case::no_ledger(claimed("solar", "", json!({})))]
    #[case::pending(claimed("solar", &LEDGER.replacen('{', r#"{"pending":"Contested","#, 1), json!({})))]
    #[case::of_another(claimed("solar", &LEDGER.replace("solar", "lunar"), json!({})))]
    #[case::wrong_selector(claimed("solar", LEDGER, json!({NODE_SELECTOR: "pool=lunar"})))]
    #[case::more_selector(claimed("solar", LEDGER, json!({NODE_SELECTOR: "pool=solar,a=b"})))]
    #[case::wrong_tolerations(claimed("solar", LEDGER, json!({DEFAULT_TOLERATIONS: "[]"})))]
    #[case::unknown_tenant(claimed("nobody", &LEDGER.replace("solar", "nobody"), json!({})))]
    #[case::unusable_tenant(claimed("broken", &LEDGER.replace("solar", "broken"), json!({})))]
    #[case::left_behind(json!({"name": "web", "annotations": {"landlord.dev/ledger": LEDGER}}))]
    #[case::terminating({
        let mut going = claimed("solar", LEDGER, json!({}));
        going["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        going
    })]
    fn pods_of_other_namespaces_wait(#[case] metadata: Value) {
        assert_eq!(placement(Value::Null, metadata), None);
    }

    /// Where nobody claims it, nothing is demanded; what the annotation says, the plugin would
    /// demand as well.
    #[test]
    fn an_unclaimed_namespace_lets_every_pod_go() {
        let foreign = json!({"name": "web", "annotations": {NODE_SELECTOR: "a=b", DEFAULT_TOLERATIONS: TOLERATIONS}});
        let selector = "a=b".parse().expect("a selector");
        assert_eq!(
            placement(Value::Null, foreign.clone()),
            Some(Placement { selector, ..Placement::default() }),
            "foreign tolerations open nothing"
        );
        let everywhere = json!({"guard": {"scope": "all"}});
        assert_eq!(
            placement(everywhere.clone(), foreign),
            None,
            "until landlord has said that it has looked"
        );
        let marked = json!({"name": "web", "annotations": {"landlord.dev/unclaimed": "true"}});
        assert_eq!(placement(everywhere, marked), Some(Placement::default()));
        assert_eq!(
            placement(json!({"excludedNamespaces": ["web"]}), json!({"name": "web"})),
            None,
            "it is never looked at"
        );
    }

    /// `unclaimed: reject`, made up for: a mark that landlord would not set is none, and the
    /// annotation of a stranger asks for no pool.
    #[rstest]
    #[case::by_nobody_known(None, true)]
    #[case::by_an_admin(Some(json!({"username": "root", "groups": ["system:masters"]})), true)]
    #[case::by_a_stranger(Some(json!({"username": "mallory", "groups": ["strangers"]})), false)]
    fn whose_unclaimed_namespace_lets_pods_go(
        #[case] creator: Option<Value>,
        #[case] expected: bool,
    ) {
        let marks = [json!({"landlord.dev/unclaimed": "true"}), json!({})];
        for (mut annotations, marked) in marks.into_iter().zip([true, false]) {
            annotations[NODE_SELECTOR] = json!("pool=solar");
            annotations
                .as_object_mut()
                .expect("a map")
                .extend(creator.iter().map(|one| (CREATOR.to_owned(), json!(one.to_string()))));
            let settings = json!({"unclaimed": "reject", "guard": {"scope": "all"}});
            let placement = placement(settings, json!({"name": "web", "annotations": annotations}));
            assert_eq!(placement.is_some(), expected && marked, "{annotations}");
        }
    }
}
