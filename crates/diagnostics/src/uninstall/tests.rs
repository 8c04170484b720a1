use serde_json::{Value, json};

use super::policies::Policies;
use super::*;
use cluster::policy::Policy;

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
    let policy = |metadata: Value, settings: Value| {
        let kind = ("policies.kubewarden.io/v1", "ClusterAdmissionPolicy");
        let object = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": metadata, "spec": {"settings": settings}});
        Policy::from_object(serde_json::from_value(object).expect("an object"))
    };
    let settings = Some(policy(
        json!({"name": "landlord", "annotations": {"landlord.dev/strategy": "webhook"}}),
        json!({}),
    ));
    let placing = vec![policy(json!({"name": "landlord-pods"}), json!({"pods": {"place": true}}))];
    let all: Vec<_> = (0..12).map(meta).collect();
    let traces = Traces {
        policies: Policies { settings, placing },
        guard: Vec::new(),
        pods: Vec::new(),
        namespaces: namespaces::marked(&few, &all),
        reports: Reports::default(),
    };
    let shown = |orders: &Orders| traces.describe(orders);
    insta::assert_snapshot!(format!("{}\n{}", shown(&few), shown(&orders(true, true))));
}
