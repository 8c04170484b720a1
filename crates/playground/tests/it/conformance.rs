//! The compiled page says what `landlord plan -o json` says: of every conformance case, of every
//! example, and of what is broken.

use playground_bundle::examples::{Example, conformance_case};
use serde_json::{Value, json};
use test_support::browser::Browser;
use test_support::capsule;

use crate::built::{TURN, plan};
use crate::examples;
use crate::site::Site;

/// All cases in one session of the page's own module.
async fn compiled(cases: &[Example]) -> Vec<Value> {
    let _turn = TURN.lock().await;
    let (site, browser) = (Site::start().await, Browser::start().await);
    browser.open(&site.url).await;
    let script = "const {default: load, rehearse} = await import('./engine.js'); await load();
                  return arguments[0].map((texts) => JSON.parse(rehearse(JSON.stringify(texts))));";
    let results = browser.run_async(script, json!([cases])).await;
    browser.close().await;
    results.as_array().unwrap_or_else(|| panic!("{results}")).clone()
}

fn conformance_cases() -> Vec<Example> {
    capsule::cases().iter().map(|case| conformance_case(case.document()).expect("a case")).collect()
}

/// What Capsule rests at, of what the page says.
fn rests_at(case: &Value, planned: &Value) -> bool {
    if case["expect"]["error"].is_string() {
        return planned["error"].is_string();
    }
    let mut annotations = planned["result"]["annotations"].clone();
    annotations
        .as_object_mut()
        .and_then(|all| all.remove("landlord.dev/ledger"))
        .expect("a ledger");
    planned["result"]["labels"] == case["expect"]["labels"]
        && annotations == case["expect"]["annotations"]
}

#[tokio::test]
async fn the_page_plans_what_the_command_line_plans() {
    let cases: Vec<Example> = conformance_cases()
        .into_iter()
        .chain(examples::all())
        .chain(tenants_that_cannot_be_used())
        .collect();
    let results = compiled(&cases).await;
    assert_eq!(results.len(), cases.len());
    for (case, result) in cases.iter().zip(&results) {
        let expected = plan(&case.settings, &case.tenant, &case.namespace)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(result["plan"], expected, "{}", case.name);
    }
    for (case, result) in capsule::cases().iter().zip(&results) {
        assert!(
            rests_at(case.document(), &result["plan"]["namespaces"][0]),
            "{}: {result}",
            case.name()
        );
    }
}

/// There is a plan, and in it the error and its place.
fn tenants_that_cannot_be_used() -> Vec<Example> {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web, labels: {landlord.dev/tenant: solar}}\n";
    let tenant = |spec: &str| {
        format!(
            "apiVersion: landlord.dev/v1alpha1\nkind: Tenant\nmetadata: {{name: solar}}\nspec: {spec}\n"
        )
    };
    let example = |name: &str, tenant: String| Example {
        name: name.to_owned(),
        tenant,
        namespace: namespace.to_owned(),
        ..Example::default()
    };
    vec![
        example("a broken selector", tenant("{nodeSelector: {pool: a b}}")),
        example("a typing error", tenant("{nodeselector: {pool: a}}")),
        example(
            "in a list",
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- {}",
                tenant("{labels: 1}").replace('\n', "\n  ")
            ),
        ),
        example("no tenant", String::new()),
    ]
}

/// Texts of which one cannot be used.
#[derive(Default)]
struct Broken {
    settings: &'static str,
    tenant: &'static str,
    namespace: &'static str,
    /// Where the fault is: editor, line and column.
    at: (&'static str, u64, u64),
    /// What page and command line both say of it.
    says: &'static str,
}

const WEB: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}";

fn broken() -> Vec<Broken> {
    let settings = |settings, at, says| Broken { settings, at, says, ..Broken::default() };
    let tenant = |tenant, at, says| Broken { tenant, at, says, ..Broken::default() };
    let namespace = |namespace, at, says| Broken { namespace, at, says, ..Broken::default() };
    let policy = "kind: ClusterAdmissionPolicy\nspec:\n  settings:\n    release: never\n";
    let number =
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n  labels:\n    a: b\n    c: 1\n";
    vec![
        settings(
            "conflicts: keep\nunknwonTenant: allow\n",
            ("settings", 2, 1),
            "did you mean `unknownTenant`?",
        ),
        settings("identify:\n- label: a\n- label: [b]\n", ("settings", 3, 3), "identify[1].label"),
        tenant(policy, ("tenant", 4, 5), "unknown variant `never`"),
        tenant("a: 1\nb: [", ("tenant", 2, 4), ""),
        namespace(
            "{\"kind\": \"Namespace\",\n \"metadata\": {\"name\": \"a\" \"b\"}}",
            ("namespace", 2, 27),
            "",
        ),
        namespace("a: 1\nb: 2\na: 3\n", ("namespace", 3, 1), ""),
        namespace("- 1\n", ("namespace", 1, 1), "is not an object: write Kubernetes objects"),
        namespace(number, ("namespace", 5, 3), "metadata.labels[\"c\"] is a number"),
        namespace(
            "apiVersion: v1\nkind: Namespace\nmetadata: {}\n",
            ("namespace", 3, 1),
            "the Namespace has no metadata.name",
        ),
        Broken {
            tenant: WEB,
            namespace: WEB,
            at: ("namespace", 1, 46),
            says: "namespace \"web\" is defined twice",
            ..Broken::default()
        },
    ]
}

/// Where there is no plan on the command line there is none on the page, but a fault at a line.
#[tokio::test]
async fn the_page_refuses_what_the_command_line_refuses() {
    let broken = broken();
    let example = |Broken { settings, tenant, namespace, .. }: &Broken| Example {
        settings: (*settings).to_owned(),
        tenant: (*tenant).to_owned(),
        namespace: (*namespace).to_owned(),
        ..Example::default()
    };
    let results = compiled(&broken.iter().map(example).collect::<Vec<_>>()).await;
    assert_eq!(results.len(), broken.len());
    for (Broken { settings, tenant, namespace, at: (editor, line, column), says }, result) in
        broken.iter().zip(&results)
    {
        let error = plan(settings, tenant, namespace).expect_err("the command line refuses it");
        let fault = &result["faults"][0];
        let place = json!([result["plan"], fault["editor"], fault["line"], fault["column"]]);
        assert_eq!(place, json!([null, editor, line, column]), "{error}: {result}");
        let message = fault["message"].as_str().expect("a message");
        assert!(
            message.contains(says) && error.contains(says),
            "{says:?} is not in both of {message:?} and {error:?}"
        );
    }
}
