//! `landlord plan`: forms, exit codes, and what it says of bad input.

use insta::assert_snapshot;
use rstest::rstest;

use crate::landlord::{root, run, run_on};

const EXAMPLE: &str = "plan -f examples/getting-started";

#[rstest]
#[case::table("table")]
#[case::diff("diff")]
#[case::json("json")]
fn the_example(#[case] output: &str) {
    let run = run(&format!("{EXAMPLE} -o {output}"));
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_snapshot!(format!("example_{output}"), run.out);
}

#[test]
fn the_readme_shows_the_examples_plan() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README");
    let run = run(EXAMPLE);
    assert!(readme.contains(&run.out), "the README shows another plan than:\n{}", run.out);
}

#[test]
fn the_rancher_example_is_what_its_readme_says() {
    let readme = std::fs::read_to_string(root().join("examples/rancher-projects/README.md"))
        .expect("the README");
    let words = "plan -f examples/rancher-projects/project.yaml -f examples/rancher-projects/namespace.yaml --settings \
                 examples/rancher-projects/settings.yaml -o diff";
    let run = run(words);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(readme.contains(&run.out), "the README shows other output than:\n{}", run.out);
}

#[rstest]
#[case::changes("", 0)]
#[case::changes_in_detail("--detailed-exitcode", 2)]
#[case::none_in_detail("--detailed-exitcode --tenant lunar", 0)]
fn exit_codes(#[case] flags: &str, #[case] code: i32) {
    assert_eq!(run(&format!("{EXAMPLE} {flags}")).code, Some(code));
}

/// A tenant that nothing claims yet is what a pull request brings.
#[test]
fn a_tenant_that_cannot_be_used_is_named_though_nothing_claims_it() {
    let tenant = "{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: mars}, spec: {tolerations: [{key: pool, operator: Exists}]}}";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenant.yaml");
    std::fs::write(&file, tenant).expect("written");
    let plan = |flags: &str| run(&format!("{EXAMPLE} -f {} {flags}", file.display()));
    let whole = plan("");
    let words = "tenant \"mars\" cannot be used: ";
    assert_eq!((whole.code, whole.err.contains(words)), (Some(1), true), "{}", whole.err);
    assert!(whole.err.contains("spec.tolerations[0]: toleration \"pool\" has no effect"));
    assert_eq!(plan("--tenant solar").code, Some(0), "of others it is said, and no more");
}

#[rstest]
#[case("-l env=prod", &["solar-web"])]
#[case("-l env!=prod", &["lunar-lab", "scratch", "solar-batch"])]
#[case("-l env", &["solar-web"])]
#[case("-l !landlord.dev/tenant", &["scratch"])]
#[case("--tenant solar", &["solar-batch", "solar-web"])]
fn filters(#[case] flags: &str, #[case] names: &[&str]) {
    let run = run(&format!("{EXAMPLE} -o json {flags}"));
    let plan: serde_json::Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    let found: Vec<_> = plan["namespaces"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|namespace| namespace["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(found, names);
}

#[test]
fn colours_are_asked_for() {
    assert!(run(&format!("{EXAMPLE} -o diff --color always")).out.contains("\x1b[32m"));
    assert!(!run(&format!("{EXAMPLE} -o diff")).out.contains('\x1b'), "not on a pipe");
}

#[test]
fn a_plan_that_was_carried_out_is_empty() {
    let first = run(&format!("{EXAMPLE} -o json"));
    let plan: serde_json::Value = serde_json::from_str(&first.out).expect("JSON");
    let tenants = std::fs::read_to_string(root().join("examples/getting-started/tenants.yaml"))
        .expect("tenants");
    let namespaces = plan["namespaces"].as_array().expect("a list").iter().map(|namespace| {
        let metadata = serde_json::json!({"name": namespace["name"], "labels": namespace["result"]["labels"], "annotations": namespace["result"]["annotations"]});
        format!("---\n{}\n", serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}))
    });
    let after = run_on(
        "plan -f - --detailed-exitcode -o diff",
        &(tenants + "\n" + &namespaces.collect::<String>()),
    );
    assert_eq!((after.code, after.out.as_str()), (Some(0), "no changes\n"), "{}", after.err);
}

const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {landlord.dev/tenant: solar}}}";
const TENANT: &str =
    "{apiVersion: landlord.dev/v1alpha1, kind: Tenant, metadata: {name: solar}, spec: {}}";

#[rstest]
#[case::yaml("a: [", &["standard input:1:4 is neither YAML nor JSON"])]
#[case::no_object("- 1", &["standard input, document 1 is not an object"])]
#[case::two_tenants(&format!("{TENANT}\n---\n{TENANT}"), &["tenant \"solar\" is defined twice", "document 1 and in standard input, document 2"])]
#[case::two_namespaces(&format!("{NAMESPACE}\n---\n{NAMESPACE}"), &["document 2: namespace \"web\" is defined twice"])]
#[case::two_policies("{kind: ClusterAdmissionPolicy}\n---\n{kind: ClusterAdmissionPolicy}", &["both a ClusterAdmissionPolicy", "--settings"])]
#[case::settings("{kind: ClusterAdmissionPolicy, spec: {settings: {conflict: keep}}}", &["settings in standard input, document 1", "did you mean `conflicts`?"])]
#[case::nameless("{apiVersion: v1, kind: Namespace, metadata: {}}", &["no metadata.name"])]
#[case::labels("{apiVersion: v1, kind: Namespace, metadata: {name: web, labels: {a: 1}}}", &["document 1: metadata.labels[\"a\"] is a number, expected a string"])]
fn bad_input(#[case] input: &str, #[case] parts: &[&str]) {
    let run = run_on("plan -f -", input);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    parts.iter().for_each(|part| assert!(run.err.contains(part), "no {part:?} in {:?}", run.err));
}

#[rstest]
#[case::unknown_tenant(NAMESPACE.to_owned(), "tenant \"solar\" does not exist")]
#[case::broken_tenant(format!("{NAMESPACE}\n---\n{}", TENANT.replace("{}", "{nodeSelector: {pool: a b}}")), "document 2: spec.nodeSelector: node selector \"pool\"=\"a b\"")]
fn errors_of_a_namespace(#[case] input: String, #[case] part: &str) {
    let run = run_on("plan -f -", &input);
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains(part), "no {part:?} in {}", run.out);
}

/// The settings of the one for namespaces count.
#[test]
fn the_policy_for_pods_stands_beside_the_other_one() {
    let with = run(&format!("{EXAMPLE} -f deploy/cluster-admission-policy-pods.yaml"));
    assert_eq!(
        (with.code, with.out.as_str()),
        (Some(0), run(EXAMPLE).out.as_str()),
        "{}",
        with.err
    );
}

#[test]
fn what_is_passed_over_is_told() {
    let input = format!(
        "{TENANT}\n---\n{{apiVersion: v1, kind: Namespace, metadata: {{name: kube-system}}}}\n---\n{{apiVersion: v1, kind: Namespace, \
         metadata: {{name: kube-public}}}}\n---\n{{apiVersion: v1, kind: Secret}}"
    );
    let run = run_on("plan -f -", &input);
    assert_eq!(run.code, Some(0));
    assert!(
        run.err.contains("note: the settings exclude \"kube-system\", \"kube-public\"\n"),
        "{}",
        run.err
    );
    assert!(run.err.contains("1 object of other kinds passed over"), "{}", run.err);
}

#[test]
fn help_teaches() {
    let help = run("plan --help").out;
    for part in ["Exit codes:", "Examples:", "--detailed-exitcode", "LANDLORD_SETTINGS"] {
        assert!(help.contains(part), "no {part:?} in {help}");
    }
}

/// More than the readers of YAML take by default, as `kubectl get … -o json` dumps it.
#[test]
fn a_large_dump_is_planned_and_audited() {
    let namespace = |number: usize| {
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
            "metadata": {"name": format!("n{number}"), "uid": number.to_string(), "labels": {"landlord.dev/tenant": "solar"}}})
    };
    let pod = |number: usize| {
        serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("p{number}"), "namespace": "n1"},
            "spec": {"nodeName": "a", "containers": [{"name": "a", "image": "a", "env": [{"name": "A", "value": "1"}]}]}, "status": {"phase": "Running"}})
    };
    let tenant = serde_json::json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "solar"}, "spec": {"nodeSelector": {"pool": "solar"}}});
    let node = serde_json::json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "a", "labels": {"pool": "lunar"}}});
    let list = |items: Vec<serde_json::Value>| {
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
    };
    let namespaces = (0..10_000).map(namespace);
    let plan = run_on(
        "plan -f - -o name",
        &list([tenant.clone()].into_iter().chain(namespaces).collect()),
    );
    assert_eq!((plan.code, plan.out.lines().count()), (Some(0), 10_000), "{}", plan.err);

    let pods = (0..10_000).map(pod);
    let items = [tenant, node].into_iter().chain((0..2).map(namespace)).chain(pods);
    let audit = run_on("audit -f - -o json", &list(items.collect()));
    let report: serde_json::Value = serde_json::from_str(&audit.out).expect("JSON");
    assert_eq!(audit.code, Some(2), "{}", audit.err);
    assert_eq!(report["pods"].as_array().map(Vec::len), Some(10_000));
}

#[test]
fn a_name_may_follow_the_files() {
    let input = format!("{TENANT}\n---\n{NAMESPACE}");
    let run = run_on("explain -f - web", &input);
    assert_eq!(run.code, Some(0), "{}", run.err);
    assert!(run.out.starts_with("namespace web\ntenant: solar"), "{}", run.out);
}

/// OpenShift's own annotation places nothing that landlord can see.
#[test]
fn a_selector_that_landlord_does_not_read_is_noted() {
    let tenant = |spec: &str| {
        run_on("plan -f -", &format!("{NAMESPACE}\n---\n{}", TENANT.replace("spec: {}", spec))).err
    };
    let note = "note: tenant \"solar\" writes openshift.io/node-selector and has no nodeSelector: landlord's guard and audit do not read that key, write nodeSelector as well\n";
    let openshift = "annotations: {openshift.io/node-selector: pool=solar}";
    assert_eq!(tenant(&format!("spec: {{{openshift}}}")), note);
    assert_eq!(tenant(&format!("spec: {{nodeSelector: {{pool: solar}}, {openshift}}}")), "");
    assert_eq!(tenant("spec: {}"), "");
}

#[test]
fn a_tenant_with_a_fault_is_named_by_explain() {
    let broken = TENANT.replace("{}", "{labels: {landlord.dev/tenant: x}}");
    let run = run_on("explain -f - web", &format!("{NAMESPACE}\n---\n{broken}"));
    assert!(run.out.contains("tenant: solar, which cannot be used"), "{}", run.out);
}

/// An edit of the settings that gives namespaces to another tenant: how many, and which of them are
/// not followed.
#[test]
fn a_move_of_many_is_said_beforehand() {
    const TENANTS: &str = "
apiVersion: landlord.dev/v1alpha1
kind: Tenant
metadata: {name: solar}
spec: {owners: [{kind: User, name: sol}, {kind: User, name: both}]}
---
apiVersion: landlord.dev/v1alpha1
kind: Tenant
metadata: {name: lunar}
spec: {owners: [{kind: User, name: both}]}
";
    let namespace = |(name, user): (&str, &str)| {
        let annotations = serde_json::json!({"team": "lunar", "landlord.dev/ledger": r#"{"tenant":"solar","labels":[],"annotations":[]}"#,
            "landlord.dev/creator": serde_json::json!({"username": user, "groups": []}).to_string()});
        let metadata = serde_json::json!({"name": name, "labels": {"landlord.dev/tenant": "solar"}, "annotations": annotations});
        format!(
            "---\n{}\n",
            serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        )
    };
    let namespaces: String = [("a", "sol"), ("b", "both"), ("c", "sol")].map(namespace).concat();
    let input = format!("{TENANTS}{namespaces}");
    let before = run_on("plan -f -", &input);
    assert_eq!((before.code, before.err.as_str()), (Some(0), ""), "{}", before.out);
    let settings = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    std::fs::write(settings.path(), "identify: [{annotation: team}]").expect("written");
    let after = run_on(&format!("plan -f - --settings {}", settings.path().display()), &input);
    assert_eq!(after.code, Some(1));
    assert!(after.err.contains("3 namespaces would leave the tenant on record; 2 of them would be Unverified and keep that tenant"), "{}", after.err);
    assert!(
        after.err.contains(": a c\n")
            && after.err.contains("`landlord adopt`")
            && after.err.contains("2 namespaces would stop being ready because of errors, and with the guard no new Pod starts there: a c"),
        "{}",
        after.err
    );
}
