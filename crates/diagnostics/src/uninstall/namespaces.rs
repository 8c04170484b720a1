//! Namespaces: each loses, in one patch, all that landlord wrote there, by its own release rule.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use tenancy::plan::{leave, read_ledger};

use super::{Orders, Report};
use cluster::cached_namespace::CachedNamespace;
use cluster::write::Write;
use cluster::writer::{ApplyMode, Writer, Written};

/// Patches under way at a time.
const MAX_IN_FLIGHT: usize = 16;
/// How often one namespace is written: another client may write it too, and what keeps keys in
/// place may be at work for a moment after it is deleted.
const MAX_ATTEMPTS: usize = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A namespace with something of landlord's.
pub struct Marked(CachedNamespace);

impl Marked {
    pub fn name(&self) -> &str {
        self.0.namespace.name.as_deref().unwrap_or_default()
    }
}

pub(super) async fn all(client: &Client) -> Result<Vec<ObjectMeta>> {
    cluster::lists::namespace_metadata(client).await
}

/// Those of them that are to be cleaned: excluded ones as well, but not those that go themselves.
pub(super) fn marked(orders: &Orders, all: &[ObjectMeta]) -> Vec<Marked> {
    let held =
        all.iter().map(CachedNamespace::from_meta).filter(|held| !held.namespace.terminating);
    held.filter(|held| write(orders, held).is_some()).map(Marked).collect()
}

fn write(orders: &Orders, held: &CachedNamespace) -> Option<Write> {
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let after = leave(&orders.settings, &held.namespace, &ledger, orders.claims)
        .apply(&held.namespace.metadata);
    Write::between(held, &after)
}

/// The same with an empty tenant label: the policy puts back one that is merely gone, and takes
/// this one away itself. `None` where the label stays or is not there.
fn leave_by_label(orders: &Orders, held: &CachedNamespace) -> Option<Write> {
    let (ledger, _) = read_ledger(&held.namespace.metadata);
    let label = orders.settings.tenant_label();
    let mut after = leave(&orders.settings, &held.namespace, &ledger, orders.claims)
        .apply(&held.namespace.metadata);
    let found = held.namespace.metadata.labels.get(label)?;
    if found.is_empty() || after.labels.contains_key(label) {
        return None;
    }
    after.labels.insert(label.to_owned(), String::new());
    Write::between(held, &after)
}

/// `kept` are not written: Pods in them are still held.
pub(super) async fn clean(
    client: &Client,
    orders: &Orders,
    marked: Vec<Marked>,
    kept: &BTreeSet<String>,
    report: &mut Report,
    mut show: impl FnMut(usize, usize),
) -> Result<()> {
    let writer = Writer::new(client.clone(), orders.mode);
    let one = |Marked(held): Marked| async {
        let name = held.namespace.name.clone().unwrap_or_default();
        (name, clean_one(&writer, orders, held).await)
    };
    let (kept, marked): (Vec<Marked>, Vec<Marked>) =
        marked.into_iter().partition(|one| kept.contains(one.name()));
    let still_held = "a Pod in it is still held, and only this namespace says where it belongs";
    report.failed.extend(kept.iter().map(|one| (one.name().to_owned(), still_held.to_owned())));
    let mut outcomes = stream::iter(marked).map(one).buffer_unordered(MAX_IN_FLIGHT);
    while let Some((name, outcome)) = outcomes.next().await {
        match outcome {
            Ok(()) => report.namespaces += 1,
            Err(why) => drop(report.failed.insert(name, why)),
        }
        show(report.namespaces, report.failed.len());
    }
    if orders.mode == ApplyMode::Apply {
        note_new_ones(client, orders, report).await?;
    }
    Ok(())
}

/// Writes until the API server has it as it shall be; the words say why it does not get there.
async fn clean_one(
    writer: &Writer,
    orders: &Orders,
    mut held: CachedNamespace,
) -> Result<(), String> {
    let mut why = String::new();
    let mut says_so = false;
    for _ in 0..MAX_ATTEMPTS {
        let Some(patch) = write(orders, &held) else { return Ok(()) };
        let patch = leave_by_label(orders, &held).filter(|_| says_so).unwrap_or(patch);
        why = match writer.write(&patch).await.0 {
            Written::Dry | Written::Gone => return Ok(()),
            Written::Done(meta) | Written::Reverted(meta, _) => {
                held = CachedNamespace::from_meta(&meta);
                if write(orders, &held).is_none() {
                    return Ok(());
                }
                if !says_so {
                    says_so = true;
                    continue;
                }
                put_back(orders).to_owned()
            }
            Written::Conflict(message) => message,
            Written::Failed(failure) => format!("{}: {}", failure.reason, failure.message),
        };
        tokio::time::sleep(RETRY_INTERVAL).await;
        match writer.read(patch.name.as_str()).await {
            Ok(Some(meta)) => held = CachedNamespace::from_meta(&meta),
            Ok(None) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

/// The API server took the patch, and something else is stored.
fn put_back(orders: &Orders) -> &'static str {
    if orders.with_policy {
        "admission puts back what goes, although the policy is switched off: does Kubewarden's controller run? Run the command again"
    } else {
        "admission puts back what goes: delete the policy as well, by --with-policy"
    }
}

/// Namespaces that were created, or claimed again, meanwhile.
async fn note_new_ones(client: &Client, orders: &Orders, report: &mut Report) -> Result<()> {
    let left = marked(orders, &all(client).await?);
    let words = "it was created or changed meanwhile: run the command again";
    for name in left.iter().map(Marked::name) {
        report.failed.entry(name.to_owned()).or_insert_with(|| words.to_owned());
    }
    Ok(())
}
