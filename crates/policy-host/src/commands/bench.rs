//! `bench`: what a request costs, as a ratio to a policy that accepts everything, measured in turns
//! in one run. Each round has an order of its own: anyone who comes after a policy that read much
//! finds the processor's caches full of that.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use policy_host::{HostCalls, Objects, PolicyModule};
use serde::Serialize;
use serde_json::{Value, json};

use super::input;

/// By which the namespaces of the fixtures name their tenant.
const TENANT_LABEL: &str = "landlord.dev/tenant";

/// Measure instantiate + validate against a policy that accepts everything
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// File of the policy
    policy: String,
    /// File of the policy that accepts everything
    #[arg(long, env = "POLICY_HOST_BASELINE", value_name = "FILE")]
    baseline: String,
    /// File of the AdmissionRequest (JSON)
    #[arg(short, long, env = "POLICY_HOST_REQUEST_PATH", value_name = "FILE")]
    request_path: PathBuf,
    /// File of the settings (YAML or JSON)
    #[arg(short, long, env = "POLICY_HOST_SETTINGS_PATH", value_name = "FILE")]
    settings_path: Option<PathBuf>,
    /// Files of the objects that answer host calls
    #[arg(long, env = "POLICY_HOST_OBJECTS", value_name = "FILE", value_delimiter = ',')]
    objects: Vec<PathBuf>,
    /// How many copies of the first object, under other names, the cluster holds besides
    #[arg(
        long,
        env = "POLICY_HOST_CROWDS",
        value_name = "N",
        value_delimiter = ',',
        default_value = "10,10000"
    )]
    crowds: Vec<usize>,
    /// How many hooks the settings hold besides, each about another value of a label
    #[arg(
        long,
        env = "POLICY_HOST_HOOKS",
        value_name = "N",
        value_delimiter = ',',
        default_value = "20,200"
    )]
    hooks: Vec<usize>,
    /// Requests of each kind
    #[arg(short = 'n', long, env = "POLICY_HOST_ITERATIONS", default_value_t = 2000)]
    iterations: usize,
    /// How to print
    #[arg(short, long, env = "POLICY_HOST_OUTPUT", value_enum, default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Times of one kind of request, in microseconds.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    p50: f64,
    p99: f64,
    /// p50 over the baseline's.
    ratio: f64,
}

/// A policy with a host, timed in turns with others.
struct Contender<'a> {
    name: String,
    module: &'a PolicyModule,
    settings: Value,
    host: Arc<dyn HostCalls>,
    times: Vec<f64>,
}

impl Bench {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let request = input::request(&self.request_path)?;
        let settings = input::settings(self.settings_path.as_deref(), None)?;
        let compile = |place: &str| {
            PolicyModule::compile(&input::policy(place)?)
                .with_context(|| format!("{place} cannot be used"))
        };
        let (policy, baseline) = (compile(&self.policy)?, compile(&self.baseline)?);
        let ceiling = |hooks| {
            (
                &baseline,
                with_hooks(&settings, hooks),
                Arc::new(policy_host::Denied) as Arc<dyn HostCalls>,
            )
        };
        let mut contenders = vec![Contender::new("accept everything".to_owned(), ceiling(0))];
        if !self.objects.is_empty() {
            let host = Arc::new(Objects::from_values(input::objects(&self.objects)?)?);
            let least = json!({"label": TENANT_LABEL});
            contenders.push(Contender::new(
                "accept, one GET and one label".to_owned(),
                (&baseline, least, host),
            ));
        }
        for crowd in &self.crowds {
            let host =
                Arc::new(Objects::from_values(crowded(input::objects(&self.objects)?, *crowd))?);
            contenders.push(Contender::new(
                format!("policy, {crowd} other tenants"),
                (&policy, settings.clone(), host),
            ));
        }
        for hooks in &self.hooks {
            let host = Arc::new(Objects::from_values(input::objects(&self.objects)?)?);
            contenders.push(Contender::new(
                format!("accept, {hooks} hooks in settings"),
                ceiling(*hooks),
            ));
            contenders.push(Contender::new(
                format!("policy, {hooks} hooks"),
                (&policy, with_hooks(&settings, *hooks), host),
            ));
        }
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        for round in 0..self.iterations {
            order.sort_by_cached_key(|index| {
                BuildHasherDefault::<DefaultHasher>::default().hash_one((round, index))
            });
            order.iter().for_each(|index| contenders[*index].take_turn(&request));
        }
        print(self.output, self.iterations, &rows(contenders))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl<'a> Contender<'a> {
    fn new(
        name: String,
        (module, settings, host): (&'a PolicyModule, Value, Arc<dyn HostCalls>),
    ) -> Self {
        Self { name, module, settings, host, times: Vec::new() }
    }

    fn take_turn(&mut self, request: &Value) {
        let began = Instant::now();
        let verdict = self.module.validate(request, &self.settings, Arc::clone(&self.host));
        self.times.push(began.elapsed().as_secs_f64() * 1e6);
        assert!(
            verdict.allowed,
            "the bench measures an accepted request, but the policy says: {}",
            verdict.message()
        );
    }
}

/// The settings with this many hooks, of which none runs.
fn with_hooks(settings: &Value, hooks: usize) -> Value {
    let hook = |index| {
        json!({
            "name": format!("hook-{index}"),
            "when": [{"path": "$.namespace.metadata.labels.env", "equals": format!("env-{index}")}],
            "set": {"labels": {format!("key-{index}"): "value"}},
        })
    };
    let mut settings = settings.clone();
    if hooks > 0 {
        settings["hooks"] = (0..hooks).map(hook).collect();
    }
    settings
}

/// The objects and `crowd` copies of the first of them under other names.
fn crowded(mut objects: Vec<Value>, crowd: usize) -> Vec<Value> {
    let Some(first) = objects.first().cloned() else { return objects };
    objects.extend((0..crowd).map(|index| {
        let mut copy = first.clone();
        if let Some(name) = copy.pointer_mut("/metadata/name") {
            *name = json!(format!("other-{index}"));
        }
        copy
    }));
    objects
}

fn rows(contenders: Vec<Contender<'_>>) -> Vec<Row> {
    let mut ceiling = None;
    let row = |contender: Contender<'_>| {
        let mut times = contender.times;
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| {
            times
                .get((times.len() as f64 * share) as usize)
                .or(times.last())
                .copied()
                .unwrap_or_default()
        };
        let (p50, p99) = (at(0.5), at(0.99));
        Row { name: contender.name, p50, p99, ratio: p50 / *ceiling.get_or_insert(p50) }
    };
    contenders.into_iter().map(row).collect()
}

fn print(output: Output, iterations: usize, rows: &[Row]) -> Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report(iterations, rows))?),
        Output::Table => {
            println!(
                "{:<32} {:>10} {:>10} {:>7}",
                "instantiate + validate", "p50 µs", "p99 µs", "ratio"
            );
            for Row { name, p50, p99, ratio } in rows {
                println!("{name:<32} {p50:>10.1} {p99:>10.1} {ratio:>7.2}");
            }
        }
    }
    Ok(())
}

fn report(iterations: usize, rows: &[Row]) -> Value {
    json!({
        "what": "instantiate + validate",
        "unit": "µs",
        "iterations": iterations,
        "machine": {"cores": std::thread::available_parallelism().map_or(0, usize::from), "os": std::env::consts::OS, "arch": std::env::consts::ARCH},
        "version": env!("CARGO_PKG_VERSION"),
        "rows": rows,
    })
}
