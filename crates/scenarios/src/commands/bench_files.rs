//! `bench-files`: what `landlord plan -f` and `audit -f` take for the dump of a large cluster.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::landlord::binary;

/// How often the memory of the command is looked at; Linux keeps its peak.
const POLL: Duration = Duration::from_millis(10);
/// Namespaces of a tenant.
const NAMESPACES_PER_TENANT: usize = 20;
/// Pods of a namespace.
const PODS_PER_NAMESPACE: usize = 25;
/// Pods on a node.
const PODS_PER_NODE: usize = 100;

/// Measure `landlord plan -f` and `audit -f` on the dump of a large cluster
#[derive(Args, Debug)]
pub(crate) struct BenchFiles {
    /// How many namespaces are planned, for each row
    #[arg(short = 'n', long, num_args = 1.., default_values_t = [10_000, 100_000])]
    namespaces: Vec<usize>,
    /// How many Pods are audited
    #[arg(short = 'p', long, default_value_t = 50_000)]
    pods: usize,
    /// The binary landlord (default: beside this program)
    #[arg(long, env = "LANDLORD", value_name = "FILE")]
    landlord: Option<PathBuf>,
}

/// What one command took: seconds on the clock, seconds of the processor, and its peak of memory.
#[derive(Default)]
struct Cost {
    seconds: f64,
    processor: f64,
    peak_mb: f64,
}

impl BenchFiles {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<()> {
        let landlord = self.landlord.clone().map_or_else(binary, Ok)?;
        let folder = tempfile::tempdir().context("a folder")?;
        let file = folder.path().join("dump.json");
        println!("                                      file MB        s    cpu s  peak MB");
        for count in &self.namespaces {
            let namespaces = (0..*count).map(namespace);
            write_list(&file, tenants(*count).chain(namespaces))?;
            print_row(&format!("plan, {count} namespaces"), &file, &landlord, "plan")?;
        }
        let count = self.pods.div_ceil(PODS_PER_NAMESPACE);
        let others = tenants(count)
            .chain((0..count).map(namespace))
            .chain((0..self.pods.div_ceil(PODS_PER_NODE)).map(node));
        write_list(&file, others.chain((0..self.pods).map(pod)))?;
        print_row(&format!("audit, {} Pods", self.pods), &file, &landlord, "audit")
    }
}

fn print_row(what: &str, file: &Path, landlord: &Path, command: &str) -> Result<()> {
    let bytes = fs::metadata(file)?.len();
    let Cost { seconds, processor, peak_mb } = measure(landlord, command, file)?;
    println!("{what:36} {:8.1} {seconds:8.2} {processor:8.2} {peak_mb:8.0}", bytes as f64 / 1e6);
    Ok(())
}

/// Runs `landlord COMMAND -f FILE` to its end.
fn measure(landlord: &Path, command: &str, file: &Path) -> Result<Cost> {
    let start = Instant::now();
    let mut child = Command::new(landlord)
        .args([command, "-f"])
        .arg(file)
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| landlord.display().to_string())?;
    let mut cost = Cost::default();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        cost.peak_mb = peak(&child).unwrap_or(cost.peak_mb);
        cost.processor = processor(&child).unwrap_or(cost.processor);
        std::thread::sleep(POLL);
    };
    ensure!(matches!(status.code(), Some(0 | 2)), "landlord {command}: {status}");
    Ok(Cost { seconds: start.elapsed().as_secs_f64(), ..cost })
}

/// Seconds of processor time so far; a tick is a hundredth of a second on Linux.
fn processor(child: &Child) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// Most memory that it has had so far, in MiB.
fn peak(child: &Child) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<f64>().ok()? / 1024.0)
}

/// A `List` as `kubectl get … -o json` prints it.
fn write_list(file: &Path, items: impl Iterator<Item = Value>) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(br#"{"apiVersion": "v1", "kind": "List", "items": ["#)?;
    for (index, item) in items.enumerate() {
        out.write_all(if index == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer_pretty(&mut out, &item)?;
    }
    out.write_all(b"]}\n")?;
    Ok(out.flush()?)
}

fn tenants(namespaces: usize) -> impl Iterator<Item = Value> {
    (0..namespaces.div_ceil(NAMESPACES_PER_TENANT)).map(|number| {
        json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": format!("tenant-{number}")},
               "spec": {"nodeSelector": {"pool": format!("pool-{number}")}, "labels": {"cost-center": "4711"}}})
    })
}

/// Half of them are compliant, half are to be written.
fn namespace(number: usize) -> Value {
    let tenant = format!("tenant-{}", number / NAMESPACES_PER_TENANT);
    let pool = format!("pool={}", tenant.replace("tenant", "pool"));
    let name = format!("namespace-{number}");
    let ledger = json!({"tenant": tenant, "labels": ["cost-center"], "annotations": ["scheduler.alpha.kubernetes.io/node-selector"]});
    let (labels, annotations) = if number.is_multiple_of(2) {
        (
            json!({"landlord.dev/tenant": tenant, "cost-center": "4711", "kubernetes.io/metadata.name": name}),
            json!({"landlord.dev/ledger": ledger.to_string(), "scheduler.alpha.kubernetes.io/node-selector": pool}),
        )
    } else {
        (json!({"landlord.dev/tenant": tenant, "kubernetes.io/metadata.name": name}), json!({}))
    };
    json!({"apiVersion": "v1", "kind": "Namespace", "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
           "metadata": {"name": name, "uid": format!("00000000-0000-4000-8000-{number:012}"), "resourceVersion": number.to_string(),
                        "creationTimestamp": "2026-01-02T03:04:05Z", "labels": labels, "annotations": annotations}})
}

fn node(number: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{number}"), "labels": {"pool": format!("pool-{}", number / 5)}}})
}

fn pod(number: usize) -> Value {
    let namespace = format!("namespace-{}", number / PODS_PER_NAMESPACE);
    let name = format!("web-7d4b9c6f5d-{number:05}");
    let container = json!({"name": "web", "image": "registry.example.com/team/web:1.2.3", "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": true}]});
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-02T03:04:05Z"});
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": format!("10000000-0000-4000-8000-{number:012}"), "resourceVersion": number.to_string(),
            "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {"app": "web", "pod-template-hash": "7d4b9c6f5d"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c6f5d", "uid": "1", "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"nodeName": format!("node-{}", number / PODS_PER_NODE), "containers": [container.clone(), container], "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "serviceAccountName": "default", "securityContext": {},
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
            "volumes": [{"name": "kube-api-access", "projected": {"sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}]}}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "10.1.0.1", "qosClass": "Burstable", "startTime": "2026-01-02T03:04:05Z",
            "conditions": [condition("Initialized"), condition("Ready"), condition("ContainersReady"), condition("PodScheduled")]}})
}
