//! The real Helm, as `scripts/helm` builds it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::landlord::{Run, root};

/// Where the chart is.
pub(crate) const CHART: &str = "charts/landlord";
/// The version that charts are rendered for where no cluster is asked.
pub(crate) const KUBERNETES: &str = "--kube-version=1.36.0";

/// Runs Helm in the repository, with these values on standard input.
pub(crate) fn helm<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    values: &Value,
    kubeconfig: Option<&Path>,
) -> Run {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(root().join("scripts/helm"));
    command.args(arguments).args(["--values", "-"]).current_dir(root());
    for folder in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(folder, home.path());
    }
    // Without one, Helm would find the cluster of anyone who runs the test.
    command.env("KUBECONFIG", kubeconfig.unwrap_or(Path::new("/dev/null")));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("scripts/helm starts");
    // A document this small fits into the pipe; Helm that fails before it reads is told by its
    // words.
    drop(child.stdin.take().expect("standard input").write_all(values.to_string().as_bytes()));
    let output = child.wait_with_output().expect("Helm ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What the chart makes of these values in a namespace, or why it does not.
pub(crate) fn render(namespace: &str, values: &Value) -> Result<Vec<Value>, String> {
    let run =
        helm(["template", "landlord", CHART, "--namespace", namespace, KUBERNETES], values, None);
    if run.code != Some(0) {
        return Err(run.err);
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&run.out).expect("YAML");
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// `helm lint`.
pub(crate) fn lint(values: &Value) -> Run {
    helm(["lint", "--strict", CHART, KUBERNETES], values, None)
}
