//! `examples/kind`: what can be known of it without docker. The files fit each other, the commands
//! of its README and those of the repository's.

use std::fs;

use serde_json::Value;

use crate::helm::render;
use crate::landlord::root;

const FOLDER: &str = "examples/kind";

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(file: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(&format!("{FOLDER}/{file}"))).expect("YAML")
}

fn one(file: &str) -> Value {
    documents(file).pop().expect("a document")
}

/// Commands of a page, in order.
fn commands(page: &str) -> Vec<String> {
    let text = text(page);
    let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
    lines.map(|line| line.split(" #").next().unwrap_or_default().trim_end().to_owned()).collect()
}

/// What follows a word in a command.
fn after<'a>(command: &'a str, word: &str) -> Option<&'a str> {
    command.split_once(word)?.1.split_whitespace().next()
}

/// Workers as kind names them: after the cluster, and from the second one on with a number.
fn workers(cluster: &Value) -> Vec<String> {
    let nodes = cluster["nodes"].as_array().expect("nodes");
    let count = nodes.iter().filter(|node| node["role"] == "worker").count();
    let name = cluster["name"].as_str().expect("a name");
    let number = |index: usize| if index == 0 { String::new() } else { format!("{}", index + 1) };
    (0..count).map(|index| format!("{name}-worker{}", number(index))).collect()
}

/// The flag replaces kubeadm's own value, which is `NodeRestriction`. With a version of the API the
/// patch would fit only one version of kubeadm.
#[test]
fn the_plugin_is_turned_on_beside_the_default() {
    let cluster = one("cluster.yaml");
    let patch = cluster["kubeadmConfigPatches"][0].as_str().expect("a patch");
    let patch: Value = serde_saphyr::from_str(patch).expect("YAML");
    assert_eq!(
        (&patch["kind"], &patch["apiVersion"]),
        (&"ClusterConfiguration".into(), &Value::Null)
    );
    let plugins = patch["apiServer"]["extraArgs"]["enable-admission-plugins"].as_str();
    assert_eq!(plugins, Some("NodeRestriction,PodNodeSelector"));
}

/// One node for each tenant, labelled as its selector asks, after it has joined.
#[test]
fn each_tenant_has_a_node() {
    let selectors = documents("tenants.yaml").into_iter().map(|tenant| {
        let selector = tenant["spec"]["nodeSelector"].as_object().expect("a selector").clone();
        let pairs = selector.into_iter();
        pairs.map(|(key, value)| format!("{key}={}", value.as_str().expect("text"))).next()
    });
    let labelled = commands(&format!("{FOLDER}/README.md")).into_iter().filter_map(|command| {
        let (_, rest) = command.split_once("kubectl label node ")?;
        rest.split_once(' ').map(|(node, label)| (node.to_owned(), label.to_owned()))
    });
    let (nodes, labels): (Vec<_>, Vec<_>) = labelled.unzip();
    assert_eq!(nodes, workers(&one("cluster.yaml")));
    assert_eq!(labels, selectors.flatten().collect::<Vec<_>>());
}

#[test]
fn the_image_that_is_loaded_is_the_one_that_is_installed() {
    let objects = render("landlord", &one("values.yaml")).expect("the chart takes the values");
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
    let container = &deployment.expect("a Deployment")["spec"]["template"]["spec"]["containers"][0];
    let commands = commands(&format!("{FOLDER}/README.md"));
    let find = |word: &str| commands.iter().find_map(|command| after(command, word));
    assert_eq!(container["image"].as_str(), find("make image IMAGE="));
    assert_eq!(container["image"].as_str(), find("kind load docker-image "));
    assert_eq!(container["imagePullPolicy"], "IfNotPresent", "it is in no registry");
    let arguments = container["args"].as_array().expect("arguments");
    assert!(arguments.contains(&"--guard".into()), "{arguments:?}");
    assert_eq!(one("cluster.yaml")["name"].as_str(), find("--name "));
}

/// Its short form: no command that the example does not have, in the same order.
#[test]
fn the_readme_runs_the_same_commands() {
    let all = commands(&format!("{FOLDER}/README.md"));
    let short: Vec<String> = commands("README.md")
        .into_iter()
        .filter(|command| command.contains(FOLDER) || command.contains("landlord-worker"))
        .collect();
    let places: Vec<_> =
        short.iter().map(|command| all.iter().position(|one| one == command)).collect();
    assert!(short.len() > 3 && places.is_sorted() && !places.contains(&None), "{short:#?}");
}

/// The page shows the same patch.
#[test]
fn the_page_of_the_plugin_shows_the_patch() {
    let file = text(&format!("{FOLDER}/cluster.yaml"));
    let (_, rest) = file.split_once("kubeadmConfigPatches:").expect("a patch");
    let patch = rest.split("nodes:").next().expect("a text").trim_end();
    assert!(text("docs/podnodeselector.md").contains(patch), "{patch}");
}
