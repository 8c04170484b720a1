//! Generated: what `make manifests` writes, and what the texts beside the chart say of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{rendered, the};
use crate::landlord::{binary, root};

/// `make manifests` would change nothing: deploy/, and what the chart has from the binary.
#[test]
fn what_is_generated_is_in_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = Command::new(root().join("scripts/render-manifests"))
        .arg(folder.path())
        .env("LANDLORD", binary())
        .output()
        .expect("bash");
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    let read = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let manifests = |root: &Path| {
        let files = fs::read_dir(root.join("deploy"))
            .expect("deploy/")
            .map(|file| file.expect("a file").file_name());
        files.map(|name| format!("deploy/{}", name.display())).collect::<BTreeSet<String>>()
    };
    let mut generated = manifests(folder.path());
    assert_eq!(generated, manifests(&root()), "deploy/ has what is rendered");
    generated.extend(
        [
            "files/crds.yaml",
            "files/alerts.yaml",
            "files/dashboard.json",
            "values.schema.json",
            "README.md",
        ]
        .map(|file| format!("charts/landlord/{file}")),
    );
    for path in generated {
        assert_eq!(
            read(&root().join(&path)),
            read(&folder.path().join(&path)),
            "{path}: run `make manifests`"
        );
    }
}

/// What the README sets by Helm are values of the chart, with such a default.
#[test]
fn the_readme_sets_values_that_there_are() {
    let values =
        fs::read_to_string(root().join("charts/landlord/values.yaml")).expect("the values");
    let values: Value = serde_saphyr::from_str(&values).expect("YAML");
    for readme in ["README.md", "charts/landlord/README.md", "docs/install.md"] {
        let text = fs::read_to_string(root().join(readme)).expect("the README");
        for setting in
            text.split("--set ").skip(1).filter_map(|rest| rest.split(['`', ' ', '\n']).next())
        {
            let (path, value) = setting.split_once('=').expect("a value");
            let default = values.pointer(&format!("/{}", path.replace('.', "/")));
            let is_switch = |default: &Value| default.is_boolean() || path == "guard.enabled";
            assert!(
                default.is_some_and(is_switch) == ["true", "false"].contains(&value),
                "{readme}: {setting}: {default:?}"
            );
        }
    }
    assert!(
        fs::read_to_string(root().join("README.md"))
            .expect("the README")
            .contains("--set guard.enabled=true")
    );
}

/// Each value by its path, with its default; maps that values are told of as one are one.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value.as_object() {
        Some(fields) if !fields.is_empty() => {
            for (name, inner) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(inner, &format!("{path}{dot}{name}"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

/// The row of a value, or of the map that it is in.
fn row<'a>(readme: &'a str, path: &str) -> &'a str {
    let row = readme.lines().find(|line| line.starts_with(&format!("| `{path}` | ")));
    match path.rsplit_once('.') {
        Some((above, _)) => row.unwrap_or_else(|| row_of_map(readme, above)),
        None => row.unwrap_or_else(|| panic!("{path} is not in the table")),
    }
}

fn row_of_map<'a>(readme: &'a str, path: &str) -> &'a str {
    let row = row(readme, path);
    assert!(row.contains("` | `{"), "{path} is no map on one line");
    row
}

/// The table is made of comments: one that is missing would be an empty cell.
#[test]
fn each_value_is_in_the_table_and_in_the_schema() {
    let read =
        |file: &str| fs::read_to_string(root().join("charts/landlord").join(file)).expect("a file");
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("YAML");
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    let readme = read("README.md");
    let mut paths = Vec::new();
    leaves(&values, "", &mut paths);
    assert!(paths.len() > 90, "{}", paths.len());
    for path in paths {
        let row = row(&readme, &path);
        assert!(!row.ends_with("|  |"), "{path} has no comment: {row}");
    }
    closed(&schema, "");
    for name in schema["properties"].as_object().expect("properties").keys() {
        assert!(values.get(name).is_some(), "{name} is in the schema, and not among the values");
    }
}

/// Each map with known fields takes no others; `settings` has a schema of its own, and `global` is
/// every chart's.
fn closed(schema: &Value, path: &str) {
    let Some(fields) = schema["properties"].as_object() else { return };
    assert!(schema["additionalProperties"] == false || path == "/global", "{path} takes anything");
    for (name, inner) in fields.iter().filter(|(name, _)| *name != "settings") {
        closed(inner, &format!("{path}/{name}"));
    }
}

/// Without docker: the image is built by the Makefile's own target, and holds what the Pod starts.
#[test]
fn the_image_is_what_the_pod_expects() {
    let read =
        |name: &str| fs::read_to_string(root().join(name)).expect("a file of the repository");
    let (dockerfile, makefile) = (read("Dockerfile"), read("Makefile"));
    let all = |word: &str| {
        dockerfile
            .lines()
            .filter_map(|line| line.strip_prefix(word).map(str::trim))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert_eq!(all("FROM "), [format!("rust:{version}.0-trixie AS build"), "scratch".to_owned()]);
    assert_eq!(all("ENV "), [format!("RUSTUP_TOOLCHAIN={version}.0")]);
    let [run] = all("RUN ").try_into().expect("one command");
    let target = run.strip_prefix("make ").expect("make");
    assert!(makefile.contains(&format!("\n{target}: ")), "{target} is a target");
    assert!(makefile.contains("IMAGE_BINARY := $(TARGET_DIR)/image/landlord\n"));
    assert_eq!(all("COPY "), [". .", "--from=build /landlord/target/image/landlord /landlord"]);
    assert_eq!(all("ENTRYPOINT "), [r#"["/landlord"]"#]);

    let objects = rendered(json!({}));
    let spec = &the(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &spec["containers"][0];
    let chart = read("charts/landlord/Chart.yaml");
    let image = container["image"].as_str().expect("an image");
    assert!(chart.contains(&format!("image: {image}\n")), "Artifact Hub shows the image");
    let context = &spec["securityContext"];
    assert_eq!(all("USER "), [format!("{}:{}", context["runAsUser"], context["runAsGroup"])]);
    assert_eq!(all("EXPOSE "), [container["ports"][0]["containerPort"].to_string()]);
    assert!(container["command"].is_null() && container["args"][0] == "controller");
    // A release copies the released program into an image and goes on from there (scripts/publish).
    let (_, rest) = dockerfile.split_once("\nUSER ").expect("a user");
    assert!(
        rest.contains("\nENTRYPOINT ") && rest.contains("\nCMD ") && !rest.contains("\nCOPY "),
        "{rest}"
    );
}
