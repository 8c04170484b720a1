//! `landlord audit` from files: forms, exit codes, and what cannot be judged.

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use crate::landlord::{Run, run_on};
use crate::screens::break_lines;

const CLUSTER: &str = include_str!("audit/cluster.yaml");

fn audit(flags: &str, input: &str) -> Run {
    run_on(&format!("audit -f - {flags}"), input)
}

#[rstest]
#[case::table("table")]
#[case::markdown("markdown")]
#[case::json("json")]
#[case::html("html")]
fn every_cause_in_every_form(#[case] output: &str) {
    let run = audit(&format!("-o {output}"), CLUSTER);
    assert_eq!(run.code, Some(2), "{}", run.err);
    let shown = if output == "html" { break_lines(&run.out) } else { run.out };
    assert_snapshot!(format!("audit_{output}"), shown);
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = audit("-o html", CLUSTER).out;
    for foreign in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("color-scheme: light dark"));
}

#[rstest]
#[case::all("", &["web/asked", "web/logs", "web/moved", "web/older", "web/relabelled", "web/unexplained"], 2)]
#[case::of_a_tenant("--tenant solar", &["web/asked", "web/logs", "web/moved", "web/older", "web/relabelled", "web/unexplained"], 2)]
#[case::of_another_tenant("--tenant lunar", &[], 0)]
#[case::by_label("-l landlord.dev/tenant=lunar", &[], 0)]
fn whose(#[case] flags: &str, #[case] expected: &[&str], #[case] code: i32) {
    let run = audit(&format!("-o json {flags}"), CLUSTER);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let name = |pod: &Value| {
        format!(
            "{}/{}",
            pod["namespace"].as_str().unwrap_or_default(),
            pod["name"].as_str().unwrap_or_default()
        )
    };
    let names: Vec<String> = report["pods"].as_array().expect("a list").iter().map(name).collect();
    assert_eq!(
        (names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), run.code),
        (expected, Some(code)),
        "{}",
        run.err
    );
}

const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {landlord.dev/tenant: solar}}}";
const POD: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: web}, spec: {nodeName: n1, containers: []}}";
const TENANT: &str = "{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}, spec: {nodeSelector: {pool: solar}}}";

#[rstest]
#[case::unknown_tenant(format!("{NAMESPACE}\n---\n{POD}"), json!(null), "tenant \"solar\" does not exist")]
#[case::unknown_node(format!("{NAMESPACE}\n---\n{POD}\n---\n{TENANT}"), json!("a"), "its node \"n1\" is not known")]
fn what_cannot_be_judged_is_no_success(
    #[case] input: String,
    #[case] pod: Value,
    #[case] part: &str,
) {
    let run = audit("-o json", &input);
    assert_eq!(run.code, Some(1), "{}", run.err);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    assert_eq!(report["notJudged"][0]["pod"], pod);
    assert!(
        report["notJudged"][0]["error"].as_str().is_some_and(|error| error.contains(part)),
        "{report}"
    );
}

#[test]
fn a_tenant_without_a_selector_has_no_outside() {
    let tenant = TENANT.replace("nodeSelector: {pool: solar}", "nodeSelector: {}");
    let run = audit("", &format!("{NAMESPACE}\n---\n{POD}\n---\n{tenant}"));
    assert_eq!(
        (run.code, run.out.lines().next()),
        (
            Some(0),
            Some(
                "0 of 0 Pods outside their tenant's pool; whether there is a guard is not known: files do not tell"
            )
        )
    );
}

#[test]
fn files_are_not_evicted_from() {
    let run = audit("--evict", CLUSTER);
    assert!(run.code == Some(1) && run.err.contains("cannot be used with"), "{}", run.err);
}

/// Pods without a node keep the selector that they have: a stock of them waits for a pool that the
/// tenant may lose.
#[test]
fn pods_that_wait_for_another_pool_are_listed() {
    let waiting = |name: &str, spec: &str| {
        format!(
            "\n---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: web}}, spec: {{containers: []{spec}}}}}"
        )
    };
    let pods = [
        waiting("hoard", ", nodeSelector: {pool: lunar}, schedulingGates: [{name: mine.io/later}]"),
        waiting("unbound", ", nodeSelector: {pool: lunar}"),
        waiting("fair", ", nodeSelector: {pool: solar}, schedulingGates: [{name: mine.io/later}]"),
        waiting("held", ", schedulingGates: [{name: landlord.dev/provisioning}]"),
    ]
    .concat();
    let input = format!("{NAMESPACE}\n---\n{TENANT}{pods}");
    let run = audit("-o json", &input);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let list = report["waiting"].as_array().expect("a list");
    let names: Vec<&str> = list.iter().filter_map(|pod| pod["name"].as_str()).collect();
    assert_eq!((run.code, names), (Some(0), vec!["hoard", "unbound"]), "{}", run.err);
    assert_eq!(
        (&list[0]["selector"], &list[0]["podSelector"], &list[0]["gates"]),
        (&json!("pool=solar"), &json!({"pool": "lunar"}), &json!(["mine.io/later"]))
    );
    let table = audit("", &input).out;
    assert!(
        table.contains("; 2 more wait and would run outside;") && table.contains("mine.io/later"),
        "{table}"
    );
}
