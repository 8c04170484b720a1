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

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn check_rule(rule: &Value) {
    let is_text = |field: &str| rule[field]["text"].as_str().is_some_and(|text| !text.is_empty());
    assert!(
        rule["id"].is_string()
            && ["shortDescription", "fullDescription", "help"].iter().all(|one| is_text(one)),
        "{rule}"
    );
    let level = &rule["defaultConfiguration"]["level"];
    assert!(["error", "warning"].iter().any(|word| level == word), "{rule}");
}

fn check_result(rules: &[Value], result: &Value) {
    let index = result["ruleIndex"].as_u64().expect("an index");
    assert_eq!(rules[usize::try_from(index).expect("an index")]["id"], result["ruleId"]);
    assert!(
        result["message"]["text"].as_str().is_some_and(|text| text.contains("pool=solar")),
        "{result}"
    );
    let location = &result["locations"][0];
    let place = &location["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str().expect("a URI");
    assert_eq!(place["region"]["startLine"], 1);
    let logical = &location["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(
        format!("namespaces/{}", logical.as_str().expect("a name").replace('/', "/pods/")),
        uri
    );
    assert!(result["partialFingerprints"]["landlord/v1"].is_string());
}

/// The members that the schema of SARIF 2.1.0 requires of each object, and those that GitHub's code
/// scanning requires beside them.
#[test]
fn sarif_has_what_code_scanning_requires() {
    let run = audit("-o sarif", CLUSTER);
    assert_eq!(run.code, Some(2), "{}", run.err);
    let log = json_of(&run);
    assert_eq!((&log["version"], list(&log["runs"]).len()), (&json!("2.1.0"), 1));
    assert!(
        log["$schema"]
            .as_str()
            .is_some_and(|text| text.contains("sarif") && text.contains("2.1.0"))
    );
    let scan = &log["runs"][0];
    let driver = &scan["tool"]["driver"];
    assert_eq!(driver["name"], "landlord");
    assert_eq!(scan["invocations"][0]["executionSuccessful"], json!(true));
    let rules = list(&driver["rules"]);
    rules.iter().for_each(check_rule);
    let results = list(&scan["results"]);
    results.iter().for_each(|result| check_result(rules, result));
    let rule = |result: &Value| {
        format!(
            "{} {}",
            result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
                .as_str()
                .unwrap_or_default(),
            result["ruleId"].as_str().unwrap_or_default()
        )
    };
    assert_eq!(
        results.iter().map(rule).collect::<Vec<_>>(),
        [
            "web/asked NodeName",
            "web/logs DaemonSet",
            "web/moved SelectorChanged",
            "web/older BeforeCompliance",
            "web/relabelled NodeRelabelled",
            "web/unexplained Unexplained",
        ]
    );
    let prints: std::collections::BTreeSet<_> =
        results.iter().map(|one| one["partialFingerprints"].to_string()).collect();
    assert_eq!(prints.len(), results.len(), "each is another alert");
    assert_eq!(audit("-o sarif", CLUSTER).out, run.out, "and the same in each run");
}

/// Attributes of the elements of this name.
fn elements<'a>(document: &'a roxmltree::Document<'a>, name: &str) -> Vec<roxmltree::Node<'a, 'a>> {
    document.descendants().filter(|node| node.has_tag_name(name)).collect()
}

#[test]
fn junit_has_a_suite_a_tenant_and_a_case_a_namespace() {
    let run = audit("-o junit", CLUSTER);
    assert_eq!(run.code, Some(2), "{}", run.err);
    let document = roxmltree::Document::parse(&run.out).expect("XML");
    let of = |name: &str, attributes: [&str; 3]| {
        let all = elements(&document, name).into_iter();
        all.map(|node| attributes.map(|one| node.attribute(one).unwrap_or_default().to_owned()))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("testsuites", ["tests", "failures", "errors"]), [["2", "1", "0"]]);
    assert_eq!(
        of("testsuite", ["name", "tests", "failures"]),
        [["lunar", "1", "0"], ["solar", "1", "1"]]
    );
    assert_eq!(
        of("testcase", ["classname", "name", ""]),
        [["lunar", "base", ""], ["solar", "web", ""]]
    );
    assert_eq!(
        of("failure", ["type", "message", ""]),
        [["NodeName", "6 Pods run outside the pool", ""]]
    );
    let [failure] = elements(&document, "failure").try_into().expect("one");
    let lines: Vec<&str> = failure.text().expect("text").lines().collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(
        lines[3],
        "Pod older on node lunar-1, belongs on pool=solar: BeforeCompliance: it is older than the selector on its namespace, of 2026-01-03T00:00:00Z"
    );
}

/// Names and labels come from others: nothing of them is markup, or no XML.
#[test]
fn junit_is_xml_whatever_names_hold() {
    let name = "\\\"<b>&amp;\\u0007\\u001b[31m]]>";
    let pod = POD.replace("name: a", &format!("name: \"{name}\""));
    let node = "{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {pool: lunar}}}";
    let run = audit("-o junit", &format!("{NAMESPACE}\n---\n{TENANT}\n---\n{node}\n---\n{pod}"));
    assert_eq!(run.code, Some(2), "{}", run.err);
    let document = roxmltree::Document::parse(&run.out).expect("XML");
    let [failure] = elements(&document, "failure").try_into().expect("one");
    assert!(
        failure.text().expect("text").starts_with("Pod \"<b>&amp;\\u{7}\\u{1b}[31m]]> on node n1"),
        "{}",
        run.out
    );
}

/// A namespace is reported as not judged, skipped, or with what waits there.
#[test]
fn junit_says_what_was_not_judged() {
    let input = format!(
        "{NAMESPACE}\n---\n{POD}\n---\n{TENANT}\n---\n{}\n---\n{}\n---\n{}",
        NAMESPACE.replace("name: web", "name: lost").replace("solar", "nobody"),
        NAMESPACE.replace("name: web", "name: plain").replace("solar", "plain"),
        TENANT
            .replace("name: solar", "name: plain")
            .replace("nodeSelector: {pool: solar}", "labels: {a: b}"),
    );
    let run = audit("-o junit", &input);
    assert_eq!(run.code, Some(1), "{}", run.err);
    let document = roxmltree::Document::parse(&run.out).expect("XML");
    let messages: Vec<_> =
        elements(&document, "error").iter().filter_map(|node| node.attribute("message")).collect();
    assert_eq!(
        messages,
        [
            "tenant \"nobody\" does not exist: create it, or fix the claim",
            "a: its node \"n1\" is not known: it may be gone, or was not given"
        ]
    );
    let [skipped] = elements(&document, "skipped").try_into().expect("one");
    assert_eq!(skipped.parent().and_then(|case| case.attribute("name")), Some("plain"));
    let log = json_of(&audit("-o sarif", &input));
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(
        (&invocation["executionSuccessful"], list(&invocation["toolExecutionNotifications"]).len()),
        (&json!(false), 2)
    );
}

#[test]
fn openreports_is_a_list_that_kubectl_applies() {
    let run = audit("-o openreports", CLUSTER);
    assert_eq!(run.code, Some(2), "{}", run.err);
    let reports: Value = serde_saphyr::from_str(&run.out).expect("YAML");
    assert_eq!((&reports["apiVersion"], &reports["kind"]), (&json!("v1"), &json!("List")));
    let of = |report: &Value| {
        let results = list(&report["results"]).iter();
        let results: Vec<String> = results
            .map(|one| {
                format!(
                    "{} {}",
                    one["rule"].as_str().unwrap_or_default(),
                    one["result"].as_str().unwrap_or_default()
                )
            })
            .collect();
        format!(
            "{}/{}: {}",
            report["metadata"]["namespace"].as_str().unwrap_or_default(),
            report["metadata"]["name"].as_str().unwrap_or_default(),
            results.join(", ")
        )
    };
    assert_eq!(
        list(&reports["items"]).iter().map(of).collect::<Vec<_>>(),
        [
            "base/landlord-audit: compliant fail, verified pass, placement pass",
            "web/landlord-audit: compliant pass, verified pass, placement fail",
        ]
    );
    let placement = &reports["items"][1]["results"][2];
    assert_eq!(
        (&placement["severity"], &placement["properties"]),
        (&json!("high"), &json!({"reason": "NodeName", "tenant": "solar"}))
    );
    assert_eq!(
        (
            list(&placement["resources"]).len(),
            &placement["resources"][0]["kind"],
            &placement["resources"][0]["name"]
        ),
        (6, &json!("Pod"), &json!("asked"))
    );
    assert_eq!(
        reports["items"][1]["summary"],
        json!({"pass": 2, "fail": 1, "warn": 0, "error": 0, "skip": 0})
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
