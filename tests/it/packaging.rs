//! What the project says of itself in several files says the same in all of them.

use std::fs;

use landlord_policy::validate_settings;
use policy_host::metadata::Metadata;
use serde_json::{Value, json};
use tenancy::settings::{Pods, Settings};

use crate::compiled::root;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn yaml(path: &str) -> Value {
    let text =
        fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(path: &str) -> Vec<Value> {
    let text =
        fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metadata() -> Value {
    yaml("policy-metadata.yml")
}

fn message(settings: &Value) -> Value {
    let answer: Value =
        serde_json::from_slice(&validate_settings(settings.to_string().as_bytes())).expect("JSON");
    answer["message"].clone()
}

#[test]
fn one_version_everywhere() {
    assert_eq!(metadata()["annotations"]["io.kubewarden.policy.version"], VERSION);
    let package = yaml("artifacthub-pkg.yml");
    assert_eq!(package["version"], VERSION);
    let image = format!(
        "{}:v{VERSION}",
        metadata()["annotations"]["io.kubewarden.policy.ociUrl"].as_str().expect("a URL")
    );
    assert_eq!(package["containersImages"][0]["image"], json!(image));
    assert!(
        package["install"].as_str().expect("text").contains(&image),
        "the command pulls this version"
    );
    assert!(package["links"][0]["url"].as_str().expect("a URL").contains(&format!("/v{VERSION}/")));
    assert_eq!(
        yaml("deploy/cluster-admission-policy.yaml")["spec"]["module"],
        json!(format!("registry://{image}"))
    );
    let chart = yaml("charts/landlord/Chart.yaml");
    assert_eq!((&chart["version"], &chart["appVersion"]), (&json!(VERSION), &json!(VERSION)));
}

#[test]
fn one_set_of_rules_everywhere() {
    let rules = metadata()["rules"].clone();
    let package = yaml("artifacthub-pkg.yml");
    let listed = |name: &str| -> Value {
        serde_saphyr::from_str(package["annotations"][name].as_str().expect("text")).expect("YAML")
    };
    assert_eq!(listed("kubewarden/rules"), rules);
    assert_eq!(listed("kubewarden/contextAwareResources"), metadata()["contextAwareResources"]);
    let policy = yaml("deploy/cluster-admission-policy.yaml");
    assert_eq!(policy["spec"]["rules"], rules);
    assert_eq!(policy["spec"]["mutating"], metadata()["mutating"]);
    let granted = policy["spec"]["contextAwareResources"].as_array().expect("a list").clone();
    let known = metadata()["contextAwareResources"].as_array().expect("a list").clone();
    assert!(
        granted.iter().all(|resource| known.contains(resource)),
        "the policy is granted what its metadata asks for"
    );
}

/// The optional policy for Pods is the other one, but for what it is about.
#[test]
fn the_policy_for_pods_is_the_shipped_one_for_pods() {
    let (pods, shipped) = (
        documents("deploy/cluster-admission-policy-pods.yaml"),
        yaml("deploy/cluster-admission-policy.yaml"),
    );
    let [role, binding, policy] = pods.as_slice() else { panic!("{} documents", pods.len()) };
    for field in ["module", "mutating", "backgroundAudit", "failurePolicy", "timeoutSeconds"] {
        assert_eq!(policy["spec"][field], shipped["spec"][field], "{field}");
    }
    assert_eq!(
        policy["spec"]["rules"],
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE", "UPDATE"]}])
    );
    let granted = &policy["spec"]["contextAwareResources"];
    assert_eq!(granted, &json!([{"apiVersion": "v1", "kind": "Namespace"}]));
    assert!(metadata()["contextAwareResources"].as_array().expect("a list").contains(&granted[0]));
    assert_eq!(
        role["rules"],
        json!([{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
    );
    let rights = documents("deploy/rbac.yaml");
    let other = rights.iter().find(|one| {
        one["kind"] == "ClusterRoleBinding" && one["metadata"]["name"] == "landlord:policy-server"
    });
    assert_eq!(binding["subjects"], other.expect("the policy server's rights")["subjects"]);
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
}

/// What its settings and its conditions leave alone are the same namespaces.
#[test]
fn the_policy_for_pods_is_asked_about_the_namespaces_that_it_looks_at() {
    let documents = documents("deploy/cluster-admission-policy-pods.yaml");
    let policy = &documents
        .iter()
        .find(|one| one["kind"] == "ClusterAdmissionPolicy")
        .expect("a policy")["spec"];
    let settings = Settings::from_value(&policy["settings"]).expect("valid settings");
    assert_eq!(settings.pods, Pods { place: true, ..Pods::default() });
    assert_eq!(
        policy["settings"]["tenantSource"],
        yaml("deploy/cluster-admission-policy.yaml")["spec"]["settings"]["tenantSource"]
    );
    let excluded: Vec<String> = settings.excluded.iter().map(|glob| format!("'{glob}'")).collect();
    let expression = format!("!(request.namespace in [{}])", excluded.join(", "));
    assert_eq!(
        policy["matchConditions"][0],
        json!({"name": "not-excluded", "expression": expression})
    );
}

#[test]
fn one_description_everywhere() {
    let (metadata, package) = (metadata(), yaml("artifacthub-pkg.yml"));
    assert_eq!(metadata["annotations"]["io.kubewarden.policy.description"], package["description"]);
    assert_eq!(metadata["annotations"]["io.kubewarden.policy.license"], package["license"]);
    assert_eq!(metadata["annotations"]["io.artifacthub.displayName"], package["displayName"]);
    assert_eq!(metadata["annotations"]["io.kubewarden.policy.url"], package["homeURL"]);
}

/// Logo, pictures and pages that Artifact Hub shows or links are files of the repository.
#[test]
fn what_artifact_hub_links_is_there() {
    let mut found = 0;
    for file in ["artifacthub-pkg.yml", "charts/landlord/Chart.yaml"] {
        let text = fs::read_to_string(root().join(file)).expect("text");
        for address in [
            "raw.githubusercontent.com/landlord-dev/landlord/main/",
            "github.com/landlord-dev/landlord/blob/main/",
        ] {
            for rest in text.split(address).skip(1) {
                let end = |letter: char| letter.is_whitespace() || "\")]}".contains(letter);
                let path = rest.split(end).next().expect("a path");
                assert!(root().join(path).is_file(), "{file}: {path} is not there");
                found += 1;
            }
        }
    }
    assert!(found >= 7, "{found}");
}

#[test]
fn the_metadata_follows_kwctls_rules() {
    let text = fs::read_to_string(root().join("policy-metadata.yml")).expect("the file");
    Metadata::parse(&text).expect("valid metadata");
}

/// The code block of a page after this marker.
fn block(page: &str, marker: &str) -> String {
    let text = fs::read_to_string(root().join(page)).expect("the page");
    let (_, after) = text
        .split_once(&format!("<!-- {marker} -->\n"))
        .unwrap_or_else(|| panic!("no {marker:?} in {page}"));
    let lines = after
        .lines()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_shown_policy_is_the_shipped_one_in_short() {
    let block = block("docs/policy.md", "test: cluster-admission-policy");
    let short: Value = serde_saphyr::from_str(&block).expect("YAML");
    let shipped = yaml("deploy/cluster-admission-policy.yaml");
    for (field, value) in short["spec"].as_object().expect("a spec") {
        assert_eq!(&shipped["spec"][field], value, "spec.{field}");
    }
    assert_eq!(short["metadata"]["name"], shipped["metadata"]["name"]);
}

#[test]
fn the_page_of_settings_shows_each_with_its_default() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).expect("the page");
    let settings = Settings::from_value(&json!({})).expect("the defaults");
    let row = |field: &str| {
        page.lines()
            .find(|line| line.starts_with(&format!("| `{field}` |")))
            .unwrap_or_else(|| panic!("no row for {field}"))
    };
    for (field, default) in [
        ("tenantSource", "landlord".to_owned()),
        ("conflicts", format!("{:?}", settings.conflicts).to_lowercase()),
        ("release", format!("{:?}", settings.release).to_lowercase()),
        ("controller", settings.controller.clone()),
        ("unknownTenant", format!("{:?}", settings.unknown_tenant).to_lowercase()),
        ("unclaimed", format!("{:?}", settings.unclaimed).to_lowercase()),
        ("onError", format!("{:?}", settings.on_error).to_lowercase()),
        ("tenantLookup", format!("{:?}", settings.lookup).to_lowercase()),
    ] {
        assert!(
            row(field).contains(&format!("| `{default}` |")),
            "{field}: the default is {default}"
        );
    }
    for (field, parts) in [
        ("admins", settings.admins.groups.clone()),
        ("excludedNamespaces", settings.excluded.iter().map(ToString::to_string).collect()),
        ("protectedKeys", settings.protected.iter().map(ToString::to_string).collect()),
        ("schedulers", settings.schedulers.clone()),
        ("identify", Vec::new()),
        ("guard", vec!["labelled".to_owned(), "hold".to_owned()]),
        (
            "pods",
            vec![
                format!("place: {}", settings.pods.place),
                format!("daemonSets: {}", settings.pods.daemon_sets),
            ],
        ),
    ] {
        parts.iter().for_each(|part| {
            assert!(row(field).contains(part.as_str()), "{field}: {part} is a default")
        });
    }
}

#[test]
fn the_shipped_settings_are_valid() {
    assert_eq!(
        message(&yaml("deploy/cluster-admission-policy.yaml")["spec"]["settings"]),
        json!(null)
    );
}

#[test]
fn every_question_asks_for_a_setting_that_exists() {
    for question in yaml("questions-ui.yml")["questions"].as_array().expect("a list") {
        let variable = question["variable"].as_str().expect("a name");
        let options = question["options"].as_array().expect("options");
        assert!(options.contains(&question["default"]), "{variable}: the default is an option");
        for option in options {
            assert_eq!(message(&json!({variable: option})), json!(null), "{variable}: {option}");
        }
    }
}

/// The UIs read the annotation, and the file is what people edit.
#[test]
fn the_form_for_the_settings_is_where_the_uis_read_it() {
    let package = yaml("artifacthub-pkg.yml");
    let form = package["annotations"]["kubewarden/questions-ui"].as_str().expect("text");
    assert_eq!(serde_saphyr::from_str::<Value>(form).expect("YAML"), yaml("questions-ui.yml"));
}

/// Each condition is the design's; a change here is a change of what reaches the webhook.
#[test]
fn the_match_conditions_are_the_designs() {
    let policy = yaml("deploy/cluster-admission-policy.yaml");
    let conditions = policy["spec"]["matchConditions"].as_array().expect("a list");
    let expressions: Vec<&str> =
        conditions.iter().map(|condition| condition["expression"].as_str().expect("CEL")).collect();
    let side = |object: &str, field: &str, none: &str| {
        format!("(has({object}.metadata.{field}) ? {object}.metadata.{field} : {none})")
    };
    let differ = |field, none| {
        format!("{} != {}", side("object", field, none), side("oldObject", field, none))
    };
    let expected = [
        "request.operation == 'CREATE' || request.userInfo.username != 'system:serviceaccount:landlord:controller'".to_owned(),
        "request.operation == 'CREATE' || !has(oldObject.metadata.deletionTimestamp)".to_owned(),
        ["request.operation == 'CREATE'".to_owned(), differ("labels", "{}"), differ("annotations", "{}"), differ("ownerReferences", "[]")]
            .join(" || "),
        "!has(object.metadata.name) || object.metadata.name != 'kubewarden'".to_owned(),
    ];
    assert_eq!(expressions, expected);
}
