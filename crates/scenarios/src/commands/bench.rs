//! `bench`: what admission adds to the CREATE of a namespace, on a real API server, with the same
//! CREATE past the policy beside it.

use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use local_cluster::kubewarden::apply_policy;
use serde::Serialize;
use serde_json::{Value, json};

use super::stage::{Stage, StageOptions, TENANTS};

mod handler;
mod load;

use self::load::{Load, Times};

/// Measure the CREATE of namespaces with the webhook and without, in turns in one run
#[derive(Args, Debug)]
#[command(
    after_help = "Goals: the webhook adds p50 < 5 ms and p99 < 15 ms with one client; the handler's p99 at 200 \
                        creations a second, without the tenant's GET, is < 5 ms; 10 000 tenants cost what 10 do (ratio <= 1.05)."
)]
pub(crate) struct Bench {
    #[command(flatten)]
    stage: StageOptions,
    /// Namespaces of each kind in each row
    #[arg(short = 'n', long, env = "LOCAL_CLUSTER_BENCH_NAMESPACES", default_value_t = 300)]
    namespaces: usize,
    /// Tenants in the last row
    #[arg(long, env = "LOCAL_CLUSTER_BENCH_TENANTS", default_value_t = 10_000)]
    tenants: usize,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Creations a second in the rows with a fixed rate.
const RATE: u32 = 200;

/// One measurement; times in milliseconds.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Past the policy: the ceiling of the same run.
    without: Times,
    with: Times,
    /// p99 of the policy server's own time, waiting for a worker included.
    handler_p99: Option<f64>,
}

impl Bench {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<()> {
        let mut stage = Stage::start(&self.stage).await?;
        let policy = passing_by(&self.stage.shipped_policy()?)?;
        stage.install_policy(&self.stage, &policy).await?;
        self.add_tenants(&stage, 0, 10).await?;
        let mut rows = Vec::new();
        self.measure(&stage, "warm-up", Load::Clients(4)).await?;
        for (name, load) in [
            ("1 client", Load::Clients(1)),
            ("16 clients", Load::Clients(16)),
            ("200/s", Load::Rate(RATE)),
        ] {
            rows.push(self.measure(&stage, name, load).await?);
        }
        self.add_tenants(&stage, 10, self.tenants).await?;
        rows.push(
            self.measure(&stage, &format!("1 client, {} tenants", self.tenants), Load::Clients(1))
                .await?,
        );
        apply_policy(&stage.cluster.admin()?, &inline(&policy)?).await?;
        rows.push(self.measure(&stage, "200/s, tenant without a GET", Load::Rate(RATE)).await?);
        self.print(&rows)
    }

    async fn measure(&self, stage: &Stage, name: &str, load: Load) -> Result<Row> {
        eprintln!("· {name}");
        let before = handler::Histogram::read(stage).await?;
        let (without, with) = load
            .run(
                &stage.cluster,
                &name.to_lowercase().replace([' ', '/', ','], "-"),
                self.namespaces,
            )
            .await?;
        let handler_p99 = handler::Histogram::read(stage)
            .await?
            .since(&before)
            .quantile(0.99)
            .map(|seconds| seconds * 1000.0);
        Ok(Row { name: name.to_owned(), without, with, handler_p99 })
    }

    async fn add_tenants(&self, stage: &Stage, from: usize, to: usize) -> Result<()> {
        let named = |number: usize| {
            TENANTS
                .get(number)
                .map_or_else(|| format!("tenant-{number}"), |name| (*name).to_owned())
        };
        load::create_tenants(&stage.cluster, (from..to).map(named).collect()).await
    }

    fn print(&self, rows: &[Row]) -> Result<()> {
        if let Output::Json = self.output {
            println!(
                "{}",
                serde_json::to_string_pretty(
                    &json!({"kubernetes": "1.37.2", "unit": "ms", "rows": rows})
                )?
            );
            return Ok(());
        }
        println!(
            "{:<30} {:>17} {:>17} {:>17} {:>12}",
            "CREATE of a namespace, ms",
            "without p50/p99",
            "with p50/p99",
            "added p50/p99",
            "handler p99"
        );
        for Row { name, without, with, handler_p99 } in rows {
            let pair = |a: f64, b: f64| format!("{a:.1} / {b:.1}");
            let handler = handler_p99.map_or_else(String::new, |time| format!("{time:.1}"));
            let added = pair(with.p50 - without.p50, with.p99 - without.p99);
            println!(
                "{name:<30} {:>17} {:>17} {added:>17} {handler:>12}",
                pair(without.p50, without.p99),
                pair(with.p50, with.p99)
            );
        }
        if let (Some(few), Some(many)) = (rows.first(), rows.get(3)) {
            let (through, past) =
                (many.with.p50 / few.with.p50, many.without.p50 / few.without.p50);
            println!(
                "p50 with {} tenants over p50 with 10: {through:.2}; past the policy {past:.2}; ratio {:.2}",
                self.tenants,
                through / past
            );
        }
        Ok(())
    }
}

/// The shipped policy, passing by every namespace called `plain-…`: a CREATE that costs all but the
/// webhook.
fn passing_by(policy: &str) -> Result<String> {
    let mut policy: Value =
        serde_saphyr::from_str(policy).map_err(|error| anyhow::anyhow!("{error}"))?;
    let condition = json!({"name": "not-the-ceiling", "expression": "!object.metadata.name.startsWith('plain-')"});
    if let Some(conditions) =
        policy.pointer_mut("/spec/matchConditions").and_then(Value::as_array_mut)
    {
        conditions.push(condition);
    }
    Ok(policy.to_string())
}

/// The same with its tenants in the settings, so that nothing is read from the cluster.
fn inline(policy: &str) -> Result<String> {
    let mut policy: Value = serde_json::from_str(policy)?;
    let tenants: Vec<Value> =
        TENANTS.iter().map(|name| json!({"name": name, "nodeSelector": {"pool": name}})).collect();
    policy["spec"]["settings"]["tenantSource"] = json!({"inline": tenants});
    Ok(policy.to_string())
}

/// Patience with a namespace of an overloaded cluster.
const PATIENCE: Duration = Duration::from_secs(30);
