//! `convert`: what it prints leaves every namespace as it is, once its commands are run; what does
//! not fit is named.

use std::collections::BTreeMap;
use std::fs;

use rstest::rstest;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_support::capsule;

use crate::landlord::{Run, run, run_on};
use crate::single::Crowd;

const SELECTOR: &str = "scheduler.alpha.kubernetes.io/node-selector";
const TOLERATIONS: &str = "scheduler.alpha.kubernetes.io/defaultTolerations";
const PROJECT: &str = "field.cattle.io/projectId";

/// Namespaces in a file, and what `convert` made of them in another.
struct Move {
    folder: TempDir,
    namespaces: Vec<Value>,
}

impl Move {
    fn new(namespaces: Vec<Value>, others: &[Value]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let one = Self { folder, namespaces };
        one.write_namespaces();
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        fs::write(one.file("others.yaml"), others.join("\n---\n")).expect("a file");
        one
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write_namespaces(&self) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": self.namespaces});
        fs::write(self.file("namespaces.json"), list.to_string()).expect("a file");
    }

    fn convert(&self, words: &str) -> Run {
        let (namespaces, others) = (self.file("namespaces.json"), self.file("others.yaml"));
        let run = run(&format!("convert {words} -f {namespaces} -f {others}"));
        fs::write(self.file("result.yaml"), &run.out).expect("a file");
        run
    }

    /// Runs the commands that `convert` asks for, as kubectl would.
    fn label(&mut self, run: &Run) -> usize {
        let commands = run.err.lines().filter_map(|line| line.strip_prefix("needed first: "));
        let mut count = 0;
        for command in commands {
            let words = shlex::split(command).expect("a command");
            let (label, selected) = words[3..].split_last().expect("a label");
            let (key, value) = label.split_once('=').expect("a label");
            for namespace in &mut self.namespaces {
                if is_selected(&namespace["metadata"], selected) {
                    namespace["metadata"]["labels"][key] = json!(value);
                    count += 1;
                }
            }
        }
        self.write_namespaces();
        count
    }

    /// What `plan` would change of the namespaces, but for landlord's own record; and how many it
    /// gives a tenant.
    fn plan(&self) -> (Vec<String>, usize) {
        let (result, namespaces) = (self.file("result.yaml"), self.file("namespaces.json"));
        let run = run(&format!("plan -f {result} -f {namespaces} -o json"));
        let plan: Value = serde_json::from_str(&run.out).expect(&run.err);
        let planned = plan["namespaces"].as_array().expect("namespaces");
        let before: BTreeMap<&str, &Value> = self
            .namespaces
            .iter()
            .map(|one| (one["metadata"]["name"].as_str().expect("a name"), &one["metadata"]))
            .collect();
        let mut changed = Vec::new();
        for one in planned {
            let name = one["name"].as_str().expect("a name");
            if one["error"].is_string() {
                changed.push(format!("{name}: {}", one["error"]));
            }
            for field in ["labels", "annotations"] {
                let [was, is] = [&before[name][field], &one["result"][field]].map(foreign);
                if was != is {
                    changed.push(format!("{name}: {was:?} became {is:?}"));
                }
            }
        }
        (changed, planned.iter().filter(|one| one["tenant"].is_string()).count())
    }
}

fn foreign(map: &Value) -> Map<String, Value> {
    let entries = map.as_object().cloned().unwrap_or_default().into_iter();
    entries.filter(|(key, _)| !key.starts_with("landlord.dev/")).collect()
}

fn is_selected(metadata: &Value, selected: &[String]) -> bool {
    match selected {
        [flag, selector] if flag == "-l" => {
            let label = |key: &str| metadata["labels"][key].as_str();
            match selector.split_once('=') {
                Some((key, value)) => label(key) == Some(value),
                None => label(selector).is_some(),
            }
        }
        names => names.iter().any(|name| metadata["name"] == json!(name)),
    }
}

fn namespace(name: &str, labels: Value, annotations: Value) -> Value {
    let mut labels = labels;
    labels["kubernetes.io/metadata.name"] = json!(name);
    let metadata = json!({"name": name, "labels": labels, "annotations": annotations});
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

/// A cluster of some years: fourteen teams that place their namespaces in several ways, and what
/// nobody has put in order.
fn years_of_hand_work() -> Vec<Value> {
    let mut all = Vec::new();
    for number in 0..480 {
        let team = format!("team{}", number % 14);
        let env = ["prod", "test", "dev"][number / 14 % 3];
        let mut labels = json!({"team": team, "env": env, "cost-center": format!("c{}", number % 14),
                                "app": format!("app{}", number % 97)});
        let mut annotations = json!({"example.com/team": team, SELECTOR: format!("pool={team}"),
            PROJECT: format!("c-m-1:p-{team}"), "contact": format!("user{}", number % 31)});
        match number % 14 {
            1 if env == "prod" => annotations[SELECTOR] = json!(format!("pool={team},tier=prod")),
            2 if number % 5 == 0 => annotations[SELECTOR] = json!("pool=gpu"),
            3 if number % 40 == 3 => drop(annotations.as_object_mut().unwrap().remove(SELECTOR)),
            4 => {
                let value = format!(
                    r#"[{{"key":"pool","operator":"Equal","value":"{team}","effect":"NoSchedule"}}]"#
                );
                annotations[TOLERATIONS] = json!(value);
                labels["tier"] = json!(if env == "prod" { "gold" } else { "iron" });
            }
            5 if number % 3 == 0 => annotations[SELECTOR] = json!("no selector at all"),
            6 => annotations[SELECTOR] = json!(""),
            _ => {}
        }
        all.push(namespace(&format!("{team}-{number}"), labels, annotations));
    }
    for number in 0..20 {
        let labels = if number < 4 { json!({"team": "Team_A"}) } else { json!({"app": "x"}) };
        all.push(namespace(&format!("odd{number}"), labels, json!({})));
    }
    all
}

#[rstest]
#[case::label("label:team", 15, 484, 4)]
#[case::annotation("annotation:example.com/team", 14, 480, 0)]
#[case::prefix("prefix", 14, 480, 0)]
#[case::project("rancher", 14, 480, 0)]
fn five_hundred_namespaces_stay_as_they_are(
    #[case] by: &str,
    #[case] tenants: usize,
    #[case] claimed: usize,
    #[case] labelled: usize,
) {
    let mut moved = Move::new(years_of_hand_work(), &[]);
    let words = if by == "rancher" {
        "--from rancher".to_owned()
    } else {
        format!("--from namespaces --by {by}")
    };
    let run = moved.convert(&words);
    assert!(!run.err.contains("differs: "), "{}", run.err);
    assert_eq!(run.code, Some(if labelled > 0 { 2 } else { 0 }), "{}", run.err);
    assert_eq!(run.out.matches("\nkind: Tenant\n").count(), tenants);
    assert_eq!(moved.label(&run), labelled, "{}", run.err);
    assert_eq!(moved.plan(), (vec![], claimed));
    if labelled > 0 {
        assert_eq!(moved.convert(&words).code, Some(0), "nothing is left to do");
    }
}

/// By what places them: where a label says the same it is the claim, and else the own label.
#[test]
fn namespaces_with_the_same_selector_are_a_tenants() {
    let mut moved = Move::new(years_of_hand_work(), &[]);
    let run = moved.convert("--from namespaces --by selector");
    assert_eq!(run.code, Some(2), "{}", run.err);
    assert!(moved.label(&run) > 300, "{}", run.err);
    let (changed, claimed) = moved.plan();
    assert_eq!((changed, claimed > 300), (vec![], true));
}

#[test]
fn trees_of_hnc_become_tenants() {
    let depth = |of: &str| format!("{of}.tree.hnc.x-k8s.io/depth");
    let mut all = vec![namespace("alone", json!({depth("alone"): "0"}), json!({}))];
    for root in ["acme", "initech"] {
        let selector = json!({ SELECTOR: format!("pool={root}") });
        all.push(namespace(root, json!({depth(root): "0"}), selector.clone()));
        for number in 0..20 {
            let (parent, name) = (format!("{root}-{}", number % 3), format!("{root}-{number}"));
            let labels = if number < 3 {
                json!({depth(&name): "0", depth(root): "1"})
            } else {
                json!({depth(&name): "0", depth(&parent): "1", depth(root): "2"})
            };
            all.push(namespace(&name, labels, selector.clone()));
        }
    }
    let mut moved = Move::new(all, &[]);
    let run = moved.convert("--from hnc");
    assert_eq!(
        (run.code, run.out.matches("\nkind: Tenant\n").count()),
        (Some(2), 2),
        "{}",
        run.err
    );
    assert_eq!(moved.label(&run), 42);
    assert_eq!(moved.plan(), (vec![], 42));
    assert!(run.err.contains("in no tree: alone"), "{}", run.err);
}

/// Each of Capsule's cases, with the namespace where Capsule rests. What a Tenant cannot say is left
/// alone and named.
#[test]
fn capsules_namespaces_stay_as_they_are() {
    let mut named = 0;
    for case in capsule::cases() {
        let expected = &case.document()["expect"];
        if expected["error"].is_string() {
            continue;
        }
        let mut rested = case.document()["namespace"].clone();
        rested["metadata"]["labels"] = expected["labels"].clone();
        rested["metadata"]["annotations"] = expected["annotations"].clone();
        let moved = Move::new(vec![rested], &[case.tenant().clone()]);
        let run = moved.convert("--from capsule");
        assert_eq!(run.code, Some(0), "{}: {}", case.name(), run.err);
        assert_eq!(moved.plan(), (vec![], 1), "{}", case.name());
        named += usize::from(run.err.contains("not carried over"));
    }
    assert!(named > 20, "{named}");
}

/// A controller without Kubewarden has its settings in a ConfigMap, which `plan -f` reads as well.
#[test]
fn settings_may_be_a_config_map() {
    let moved = Move::new(years_of_hand_work(), &[]);
    let run = moved
        .convert("--from namespaces --by annotation:example.com/team --settings-as config-map");
    assert!(run.out.contains("\nkind: ConfigMap\n"), "{}", run.out);
    assert_eq!(moved.plan(), (vec![], 480));
    // What is there is kept.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "landlord-settings", "namespace": "home"},
                     "data": {"settings.yaml": "conflicts: keep\n"}});
    let moved = Move::new(years_of_hand_work(), &[map]);
    let run = moved.convert("--from namespaces --by annotation:example.com/team");
    for part in ["kind: ConfigMap", "namespace: home", "conflicts: keep", "example.com/team"] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
}

#[rstest]
#[case::no_capsule("--from capsule", 1, "no capsule.clastix.io/v1beta2 Tenant found in -")]
#[case::no_tree("--from hnc", 1, "no namespace has a label NAME.tree.hnc.x-k8s.io/depth")]
#[case::no_project(
    "--from rancher",
    1,
    "no namespace has the annotation field.cattle.io/projectId"
)]
#[case::no_grouping("--from namespaces", 1, "--by")]
#[case::wrong_grouping("--from namespaces --by team", 1, "\"team\" is not a way to find tenants")]
#[case::no_key(
    "--from namespaces --by label:squad",
    1,
    "none of 1 namespaces has a label \"squad\""
)]
#[case::superfluous("--from hnc --by prefix", 1, "--by")]
#[case::spelled_differently(
    "--from namespaces --by label:team",
    2,
    "differs: namespace \"web\": annotation \"scheduler.alpha.kubernetes.io/node-selector\" is \"b=2, a=1\" and would be \"a=1,b=2\""
)]
fn what_does_not_fit_is_named(#[case] words: &str, #[case] code: i32, #[case] says: &str) {
    let web = namespace("web", json!({"team": "solar"}), json!({SELECTOR: "b=2, a=1"}));
    let run = run_on(&format!("convert {words} -f -"), &web.to_string());
    assert_eq!(run.code, Some(code), "{}", run.err);
    assert!(run.err.contains(says), "{}", run.err);
}

/// In a cluster it lists, page by page, and writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_only_read() {
    let crowd = Crowd::start().await;
    let words = "convert --from namespaces --by prefix";
    let (run, asked) = crowd.run(words, json!([{"label": "landlord.dev/tenant"}])).await;
    assert!(run.out.contains("name: other\n"), "{}{}", run.out, run.err);
    assert!(run.err.contains("1 tenants have 20"), "{}", run.err);
    let verbs: Vec<&str> = asked.keys().map(|(verb, _)| *verb).collect();
    assert!(verbs.iter().all(|verb| ["get", "list"].contains(verb)), "{asked:?}");
}
