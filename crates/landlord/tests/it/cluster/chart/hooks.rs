//! Hooks of the chart on a real cluster: there is no kubelet and no Job controller, so that the
//! test does their work with the Pod that Helm makes.

use std::fs;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod, PodSpec};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::discovery::{Discovery, verbs};
use local_cluster::Process;
use local_cluster::waiting::PATIENCE;
use nix::sys::signal::Signal;
use serde_json::json;

use super::{NAMESPACE, Site, definition};
use crate::cluster::world::{NODE_SELECTOR, eventually};
use crate::helm::CHART;
use crate::kubelet;
use crate::landlord::root;

/// `backoffLimit` of the Job, and the first run.
const MAX_RUNS: usize = 4;
const NOW: &str = "2026-01-01T00:00:00Z";

/// `helm test`: the doctor may read all that it looks at.
pub(super) async fn the_doctor_passes(site: &Site) {
    let command = format!("helm test landlord --namespace {NAMESPACE}");
    tokio::join!(site.shell(&command), site.run_test_pod());
    let used = ["list /namespaces", "get coordination.k8s.io/leases", "list apps/daemonsets"];
    site.nothing_is_missing_to("system:serviceaccount:tenancy:landlord-doctor", &used).await;
}

/// What the README says about the end is done while the controller runs, and it can be installed
/// again.
pub(super) async fn nothing_is_left_but_tenants(site: &mut Site) {
    assert!(
        !keys(site).await.is_empty() && left(site).await.len() > 30,
        "everything has been at work"
    );
    let controller = site.controller.take().expect("it runs");
    let commands = async {
        for command in documented_end() {
            site.shell(&command).await;
        }
    };
    tokio::join!(commands, site.run_uninstall_hook(controller));
    let used =
        ["patch apps/deployments/scale", "patch /namespaces", "delete coordination.k8s.io/leases"];
    site.nothing_is_missing_to("system:serviceaccount:tenancy:landlord-release", &used).await;
    assert!(
        definition(site).await.is_some()
            && site.has("landlord.dev/v1alpha1", "Tenant", "solar").await,
        "tenants stay"
    );
    site.cluster.finalize_namespaces().await.expect("finalized");
    assert_eq!(keys(site).await, [""; 0]);
    assert_eq!(
        left(site).await,
        ["APIService v1alpha1.landlord.dev", "CustomResourceDefinition tenants.landlord.dev"]
    );
    site.helm("install", CHART, json!({})).await;
}

/// The commands of the README, in the namespace of this test.
fn documented_end() -> Vec<String> {
    let readme = fs::read_to_string(root().join(CHART).join("README.md")).expect("the README");
    let (_, block) =
        readme.split_once("<!-- test: uninstall -->\n```console\n").expect("the block");
    let commands = block
        .split("```")
        .next()
        .expect("commands")
        .replace("namespace landlord", &format!("namespace {NAMESPACE}"));
    commands.lines().map(|line| line.trim_start_matches("$ ").to_owned()).collect()
}

impl Site {
    async fn run_test_pod(&self) {
        let pods: Api<Pod> = Api::namespaced(self.client(), NAMESPACE);
        let mut spec = None;
        eventually("the Pod of the test", async || {
            spec =
                pods.get_opt("landlord-doctor").await.expect("an answer").and_then(|pod| pod.spec);
            spec.is_some()
        })
        .await;
        self.rights_are_in_force().await;
        let mut doctor = self.start_pod("doctor", spec.expect("a Pod")).await;
        // Labels of this test's nodes are no good ones, so that the doctor finds a fault.
        assert_eq!(
            end_of(&mut doctor).await,
            Some(2),
            "the log is {}",
            self.cluster.log("doctor").display()
        );
        let status = json!({"status": {"phase": "Succeeded"}});
        let params = PatchParams::default();
        pods.patch_status("landlord-doctor", &params, &Patch::Merge(status))
            .await
            .expect("a status");
    }

    /// The Job runs as often as its Pod fails, and the controller ends when it is scaled to zero.
    async fn run_uninstall_hook(&self, controller: Process) {
        let jobs: Api<Job> = Api::namespaced(self.client(), NAMESPACE);
        let mut spec = None;
        eventually("the Job", async || {
            let job = jobs.get_opt("landlord-release").await.expect("an answer");
            spec = job.and_then(|job| job.spec?.template.spec);
            spec.is_some()
        })
        .await;
        self.rights_are_in_force().await;
        let spec = spec.expect("a Pod");
        let mut run = self.start_pod("release-1", spec.clone()).await;
        self.end_controller_at_zero(controller).await;
        let mut code = end_of(&mut run).await;
        for again in 2..=MAX_RUNS {
            if code != Some(0) {
                run = self.start_pod(&format!("release-{again}"), spec.clone()).await;
                code = end_of(&mut run).await;
            }
        }
        assert_eq!(code, Some(0), "{}", run.last_words());
        let done = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": NOW, "lastTransitionTime": NOW});
        let status = json!({"status": {"startTime": NOW, "completionTime": NOW, "succeeded": 1,
            "conditions": [done("SuccessCriteriaMet"), done("Complete")]}});
        let params = PatchParams::default();
        jobs.patch_status("landlord-release", &params, &Patch::Merge(status))
            .await
            .expect("a status");
    }

    async fn end_controller_at_zero(&self, mut controller: Process) {
        eventually("no replicas", async || self.deployment().await.spec.replicas == Some(0)).await;
        controller.signal(Signal::SIGTERM).expect("it runs");
        controller.wait(PATIENCE).expect("it is waited for").expect("it ends");
    }

    async fn start_pod(&self, name: &str, spec: PodSpec) -> Process {
        kubelet::start_pod(&self.cluster, NAMESPACE, name, spec).await
    }
}

/// Its exit code, without holding up what runs beside it.
async fn end_of(process: &mut Process) -> Option<i32> {
    for _ in 0..1200 {
        if let Some(status) = process.wait(Duration::ZERO).expect("it is waited for") {
            return status.code();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("a command that does not end")
}

/// Keys of landlord's, and those that it manages, on any namespace.
async fn keys(site: &Site) -> Vec<String> {
    let namespaces: Api<Namespace> = Api::all(site.client());
    let list = namespaces.list(&ListParams::default()).await.expect("namespaces");
    let keys = list.iter().flat_map(|one| one.labels().keys().chain(one.annotations().keys()));
    keys.filter(|key| key.starts_with("landlord.dev/") || key.as_str() == NODE_SELECTOR)
        .cloned()
        .collect()
}

/// Objects of landlord's that are still there, of whatever kind: by their name, by the label that
/// all of them have, or by where they are.
async fn left(site: &Site) -> Vec<String> {
    let discovery = Discovery::new(site.client()).run().await.expect("kinds");
    let kinds = discovery.groups().flat_map(|group| group.recommended_resources());
    let mut names = Vec::new();
    for (resource, _) in
        kinds.filter(|(_, capabilities)| capabilities.supports_operation(verbs::LIST))
    {
        let api: Api<DynamicObject> = Api::all_with(site.client(), &resource);
        // A definition that was just replaced is not served for a moment.
        let mut found = None;
        eventually(&format!("a list of {}", resource.kind), async || {
            found = api.list(&ListParams::default()).await.ok();
            found.is_some()
        })
        .await;
        let ours = found.into_iter().flatten().filter(|one| {
            let labelled =
                one.labels().get("app.kubernetes.io/name").is_some_and(|name| name == "landlord");
            labelled
                || one.name_any().contains("landlord")
                || one.namespace().as_deref() == Some(NAMESPACE)
        });
        // Events expire.
        names.extend(
            ours.filter(|_| resource.kind != "Event")
                .map(|one| format!("{} {}", resource.kind, one.name_any())),
        );
    }
    names.sort();
    names
}
