//! Fairness: what a tenant notices of two others, one of which rewrites its own namespaces as fast
//! as it can while the other has a backfill.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::join_all;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use local_cluster::Cluster;
use local_cluster::user::ADMIN;
use serde_json::json;
use tokio::task::JoinHandle;

use super::changes::{Changes, NODE_SELECTOR};
use super::{BenchController, Crowd, say, set_tenant, usage};

/// Namespaces that are rewritten all the time.
const REWRITTEN: usize = 64;
/// The selector of the tenant that is looked at.
const SELECTOR: &str = "pool=a";
/// What the rewriter may do.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: rewriter}
rules:
- {apiGroups: [""], resources: [namespaces], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: rewriter}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: rewriter}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: rewriter}
"#;
/// How often it is looked whether a backfill is through; then the next one begins.
const BACKFILL_LOOK: Duration = Duration::from_millis(100);

/// Who rewrites. The API server's flow control treats it as any user: an admin would be exempt.
const REWRITER: &str = "rewriter";

/// Times of one run.
#[derive(Default)]
struct Row {
    new: Vec<Duration>,
    drift: Vec<Duration>,
    /// Of the bench's own patches: what the API server takes for one, anyone who sends it.
    patch: Vec<Duration>,
}

/// Work that goes on until this is dropped.
struct Noise(Vec<JoinHandle<()>>);

impl Drop for Noise {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl BenchController {
    /// A third tenant's new namespaces and drift, quiet and beside the two others.
    pub(super) async fn fairness(
        &self,
        cluster: &Cluster,
        changes: &Changes,
        old: &Crowd,
    ) -> Result<()> {
        say("fairness: the third tenant alone");
        set_tenant(cluster, "third", json!({"nodeSelector": {"pool": "a"}})).await?;
        set_tenant(cluster, "rewriter", json!({"nodeSelector": {"pool": "a"}})).await?;
        let rewritten = Crowd::new("rewriter", REWRITTEN);
        rewritten.create(cluster).await?;
        cluster.apply(RIGHTS).await?;
        let quiet = self.third_tenant(cluster, changes, "quiet").await?;

        say("fairness: beside a rewriter and a backfill");
        let before = changes.count("rewriter-");
        let noise = make_noise(cluster, changes, &rewritten, old)?;
        let began = Instant::now();
        let noisy = self.third_tenant(cluster, changes, "noisy").await?;
        let took = began.elapsed().as_secs_f64();
        drop(noise);
        let rate = (changes.count("rewriter-") - before) as f64 / took;
        print("third tenant: CREATE to compliant", &quiet.new, &noisy.new);
        print("third tenant: drift to repaired", &quiet.drift, &noisy.drift);
        print("one patch, by the bench itself", &quiet.patch, &noisy.patch);
        println!("{:<44} {rate:>8.0}/s", format!("changes of the {REWRITTEN} that are rewritten"));
        Ok(())
    }

    async fn third_tenant(&self, cluster: &Cluster, changes: &Changes, run: &str) -> Result<Row> {
        let namespaces: Api<Namespace> = Api::all(cluster.admin()?);
        let mut row = Row::default();
        for number in 0..self.created {
            let one = Crowd::new("third", 1).called(&format!("third-{run}-{number}"));
            let name = one.name(0);
            one.create(cluster).await?;
            let began = Instant::now();
            changes.ledger(&name).await?;
            row.new.push(began.elapsed());

            // Each namespace drifts once: one that does again and again is contested.
            let patch =
                Patch::Merge(json!({"metadata": {"annotations": {NODE_SELECTOR: "pool=stray"}}}));
            let began = Instant::now();
            let drifted = namespaces.patch(&name, &PatchParams::default(), &patch).await?;
            row.patch.push(began.elapsed());
            let began = Instant::now();
            changes.repaired(&name, &drifted, SELECTOR).await?;
            row.drift.push(began.elapsed());
        }
        Ok(row)
    }
}

/// One client for each namespace that is rewritten, and one that edits the tenant of the crowd as
/// soon as its last edit has reached all.
fn make_noise(
    cluster: &Cluster,
    changes: &Changes,
    rewritten: &Crowd,
    old: &Crowd,
) -> Result<Noise> {
    let mut config = cluster.config(ADMIN)?;
    config.auth_info.impersonate = Some(REWRITER.to_owned());
    let client = Client::try_from(config)?;
    let names: Vec<String> = (0..rewritten.len()).map(|number| rewritten.name(number)).collect();
    let rewrites = join_all(names.into_iter().map(|name| rewrite(client.clone(), name)));
    let rewriter = tokio::spawn(async move {
        rewrites.await;
    });
    let (client, changes, total) = (cluster.admin()?, changes.clone(), old.len());
    let backfill = tokio::spawn(async move {
        for round in 0_usize.. {
            changes.forget_prefix("old-");
            if edit(&client, &format!("fairness-{round}")).await.is_err() {
                return;
            }
            while changes.distinct("old-") < total {
                tokio::time::sleep(BACKFILL_LOOK).await;
            }
        }
    });
    Ok(Noise(vec![rewriter, backfill]))
}

async fn rewrite(client: Client, name: String) {
    let namespaces: Api<Namespace> = Api::all(client);
    for round in 0_usize.. {
        let metadata = json!({"annotations": {NODE_SELECTOR: format!("pool=x{}", round % 7)}});
        let patch = Patch::Merge(json!({"metadata": metadata}));
        // It goes on whatever is answered.
        let _ = namespaces.patch_metadata(&name, &PatchParams::default(), &patch).await;
    }
}

async fn edit(client: &Client, value: &str) -> Result<()> {
    let object = json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": "old"},
        "spec": {"nodeSelector": {"pool": "b"}, "labels": {"cost-center": value}}});
    local_cluster::manifest::apply_object(client, &serde_json::from_value(object)?).await?;
    Ok(())
}

fn print(name: &str, quiet: &[Duration], noisy: &[Duration]) {
    let [quiet50, quiet99] = [0.5, 0.99].map(|share| usage::quantile(quiet, share));
    let [noisy50, noisy99] = [0.5, 0.99].map(|share| usage::quantile(noisy, share));
    println!("{:<44} {quiet50:>8.1} ms p50  {quiet99:.1} ms p99", format!("{name}, quiet"));
    println!(
        "{:<44} {noisy50:>8.1} ms p50  {noisy99:.1} ms p99  ratio {:.1}",
        "  beside a rewriter and a backfill",
        noisy99 / quiet99
    );
}
