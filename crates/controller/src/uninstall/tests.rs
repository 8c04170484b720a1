use serde_json::json;

use super::*;
use crate::output::screen::at_both_widths;

fn orders(with_policy: bool, with_crds: bool) -> Orders {
    Orders {
        settings: Settings::from_value(&json!({})).expect("settings"),
        policy: "landlord".to_owned(),
        namespace: "landlord".to_owned(),
        mode: ApplyMode::Apply,
        with_policy,
        with_crds,
        free_pods: false,
        claims: Claims::Go,
    }
}

/// What is shown before it is asked whether landlord is to leave.
#[test]
fn the_question_says_what_goes() {
    let meta = |number: usize| {
        let annotations = json!({"landlord.dev/ledger": json!({"tenant": "solar", "labels": ["a"], "annotations": []}).to_string()});
        let labels = json!({"landlord.dev/tenant": "solar", "a": "b"});
        serde_json::from_value(json!({"name": format!("solar-{number:02}"), "labels": labels, "annotations": annotations}))
            .expect("metadata")
    };
    let few = orders(false, false);
    let strategy = json!({"name": "landlord", "annotations": {"landlord.dev/strategy": "webhook"}});
    let policy = json!({"apiVersion": "policies.kubewarden.io/v1", "kind": "ClusterAdmissionPolicy", "metadata": strategy});
    let policy = Policy::of(serde_json::from_value(policy).expect("an object"));
    let all: Vec<_> = (0..12).map(meta).collect();
    let traces = Traces { policy: Some(policy), guard: Vec::new(), pods: Vec::new(), namespaces: namespaces::marked(&few, &all) };
    let shown = |orders: &Orders| at_both_widths(|_| traces.words(orders));
    insta::assert_snapshot!(format!("{}\n{}", shown(&few), shown(&orders(true, true))));
}
