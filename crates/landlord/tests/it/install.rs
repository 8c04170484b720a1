//! What docs/install.md says: the command line with kubectl's plugin, man pages and completions
//! (`scripts/install`), and what its Helm commands install.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::helm::render;
use crate::landlord::{binary, root, run_command};

#[test]
fn the_plugin_is_the_same_program_by_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let prefix = folder.path();
    let installed =
        run_command(Command::new(root().join("scripts/install")).arg(binary()).arg(prefix), "");
    assert_eq!(installed.code, Some(0), "{}", installed.err);
    let help = run_command(
        Command::new(prefix.join("bin/kubectl-landlord")).args(["plan", "-h"]).env_clear(),
        "",
    );
    for part in [
        "Usage: kubectl landlord plan",
        "  kubectl landlord plan -o diff",
        "| kubectl landlord plan -f -",
    ] {
        assert!(help.out.contains(part), "no {part:?} in {}", help.out);
    }
    for file in [
        "share/man/man1/landlord-plan.1",
        "share/zsh/site-functions/_landlord",
        "share/fish/vendor_completions.d/landlord.fish",
    ] {
        assert!(prefix.join(file).metadata().is_ok_and(|file| file.len() > 0), "{file}");
    }
}

/// kubectl asks for words of its plugins by a program of its own.
#[test]
fn kubectl_completes_the_plugin() {
    let folder = tempfile::tempdir().expect("a folder");
    let installed = run_command(
        Command::new(root().join("scripts/install")).arg(binary()).arg(folder.path()),
        "",
    );
    assert_eq!(installed.code, Some(0), "{}", installed.err);
    let bin = folder.path().join("bin");
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let words = run_command(
        Command::new(bin.join("kubectl_complete-landlord"))
            .args(["stat"])
            .env_clear()
            .env("PATH", path),
        "",
    );
    assert_eq!(words.out, "status\n:4\n", "{}", words.err);
}

pub(crate) fn page() -> String {
    fs::read_to_string(root().join("docs/install.md")).expect("the page")
}

/// The values that a command sets.
fn values(command: &str) -> Value {
    let mut values = json!({});
    for setting in command.split("--set ").skip(1).filter_map(|rest| rest.split_whitespace().next())
    {
        let (path, value) = setting.split_once('=').expect("a value");
        *path.split('.').fold(&mut values, |at, part| &mut at[part]) =
            serde_json::from_str(value).unwrap_or_else(|_| json!(value));
    }
    values
}

/// The page's `helm install` of this chart, rendered.
fn installed(chart: &str) -> Vec<Value> {
    let page = page();
    let (_, command) =
        page.split_once(&format!("$ helm install landlord {chart} ")).expect("the command");
    render("landlord", &values(command.split("```").next().expect("a block")))
        .expect("valid values")
}

fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

#[test]
fn helm_installs_what_the_manifests_do() {
    let objects = installed("oci://ghcr.io/landlord-dev/charts/landlord");
    let manifests =
        fs::read_to_string(root().join("deploy/controller-only.yaml")).expect("the manifests");
    let manifests: Vec<Value> = serde_saphyr::from_multiple(&manifests).expect("YAML");
    assert_eq!(one(&objects, "ConfigMap")["data"], one(&manifests, "ConfigMap")["data"]);
    let pod = |objects: &[Value]| one(objects, "Deployment")["spec"]["template"]["spec"].clone();
    assert_eq!(pod(&objects), pod(&manifests));
}

/// Before the first release: the chart pulls the image that was built and pushed.
#[test]
fn an_image_of_ones_own_is_the_one_that_the_chart_runs() {
    let objects = installed("charts/landlord");
    let image = one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .expect("an image");
    let page = page();
    for command in [
        format!("make image IMAGE={image} "),
        format!("docker push {image}\n"),
        format!("kind load docker-image {image}`"),
    ] {
        assert!(page.contains(&command), "{command}");
    }
    let policy = page.lines().find(|line| line.starts_with("`make push REF=")).expect("the policy");
    let module =
        policy.trim_start_matches("`make push REF=").split('`').next().expect("a reference");
    let objects = render("landlord", &values(&policy.replace('`', " "))).expect("valid values");
    assert_eq!(one(&objects, "ClusterAdmissionPolicy")["spec"]["module"], module);
}
