//! The chart of a commit that is not released.

use std::process::Command;

use serde_json::{Value, json};

use super::the;
use crate::helm::{KUBERNETES, helm};
use crate::landlord::{root, run_command};

/// Both names of the chart run what was published of the same commit, and no release's.
#[test]
fn an_edge_chart_runs_image_and_policy_of_its_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut pack = Command::new(root().join("scripts/edge-charts"));
    let packed = run_command(pack.arg("0123456789ab").arg(folder.path()), "");
    assert_eq!(packed.out, "0.0.0-edge-0123456789ab\n0.0.0-edge\n", "{}", packed.err);
    for version in packed.out.lines() {
        let chart = folder.path().join(format!("landlord-{version}.tgz"));
        let chart = chart.to_str().expect("a path");
        let values = json!({"policy": {"enabled": true}});
        let run = helm(["template", "landlord", chart, KUBERNETES], &values, None);
        assert_eq!(run.code, Some(0), "{}", run.err);
        let objects: Vec<Value> = serde_saphyr::from_multiple(&run.out).expect("YAML");
        let pod = &the(&objects, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(
            pod["containers"][0]["image"],
            "ghcr.io/landlord-dev/landlord:edge-0123456789ab"
        );
        assert_eq!(
            the(&objects, "ClusterAdmissionPolicy")["spec"]["module"],
            "registry://ghcr.io/landlord-dev/landlord-policy:edge-0123456789ab"
        );
    }
}
