//! Readiness: the guard's expression, evaluated by a real API server, and the engine's function
//! give one answer for every namespace that differs in what either of them reads.

use local_cluster::user::ADMIN;
use serde_json::{Map, Value, json};
use tenancy::namespace::Namespace;
use tenancy::ready::is_ready;
use tenancy::settings::Settings;

use super::super::world::{LEDGER, NODE_SELECTOR, eventually};
use super::stage::{STRANGER, Stage, builder, is_held, ledger};

const MARK: &str = "landlord.dev/unclaimed";

/// Labels and annotations in every combination.
fn cases(label: &str) -> Vec<(Value, Value)> {
    let labels = [json!({}), json!({label: ""}), json!({label: "solar"})];
    let pending = format!(r#"{{"pending":"Contested",{}"#, &ledger("solar")[1..]);
    let without = r#"{"tenant":"solar","labels":[],"annotations":[]}"#.to_owned();
    let withdrawn = tenancy::ledger::withdraw(&ledger("solar"));
    let ledgers = [
        None,
        withdrawn,
        Some(ledger("solar")),
        Some(ledger("solar-2")),
        Some(pending),
        Some(without),
        Some("{".to_owned()),
    ];
    let mut cases = Vec::new();
    for (labels, ledger) in
        labels.iter().flat_map(|labels| ledgers.iter().map(move |ledger| (labels, ledger)))
    {
        for (selector, mark) in [
            (None, None),
            (Some("pool=solar"), None),
            (None, Some("true")),
            (Some(""), Some("true")),
        ] {
            let entries = [(LEDGER, ledger.as_deref()), (NODE_SELECTOR, selector), (MARK, mark)];
            let annotations = entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), json!(value?))));
            cases.push((labels.clone(), Value::Object(annotations.collect::<Map<_, _>>())));
        }
    }
    cases
}

#[tokio::test]
async fn the_guard_and_the_engine_agree_on_when_a_namespace_is_ready() {
    let mut stage = Stage::new(builder(), "landlord", "").await;
    let cases = cases(stage.label());
    for (number, (labels, annotations)) in cases.iter().enumerate() {
        let name = format!("case-{number}");
        stage.create(ADMIN, json!({"name": name, "labels": labels})).await.expect("created");
        stage.patch(ADMIN, &name, json!({"annotations": annotations})).await.expect("patched");
    }
    for scope in ["labelled", "all"] {
        stage.settings["guard"] = json!({"scope": scope});
        stage.install("").await;
        let settings = Settings::from_value(&stage.settings).expect("settings");
        let mut answers = [0, 0];
        for (number, case) in cases.iter().enumerate() {
            let name = format!("case-{number}");
            let object = serde_json::to_value(stage.get(&name).await).expect("JSON");
            let ready =
                is_ready(&settings, &Namespace::from_value(&object).expect("a namespace").metadata);
            let agrees = async || {
                stage
                    .try_pod(STRANGER, &name, json!({}))
                    .await
                    .is_ok_and(|pod| is_held(&pod) != ready)
            };
            eventually(&format!("{scope}: ready is {ready} for {case:?}"), agrees).await;
            answers[usize::from(ready)] += 1;
        }
        assert!(answers.iter().all(|times| *times > 5), "{scope}: {answers:?}");
    }
}
