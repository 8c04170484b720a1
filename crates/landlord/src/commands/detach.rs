//! `detach`: takes owner references to tenants off namespaces, so that they outlive those tenants.
//! Kubernetes' garbage collector deletes a namespace, with all that is in it, once its last owner is
//! gone.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, Result};
use assessment::Assessment;
use assessment::inventory::Inventory;
use clap::Args;
use cluster::lists::{self, namespace_metadata};
use cluster::settings::NotInstalled;
use cluster::writer::ApplyMode;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Error};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;
use tenancy::settings::Settings;
use terminal::visible;

use super::consent::Question;
use super::dry_run::DryRunFlags;
use super::progress::Progress;
use crate::flags::{Connection, SettingsFlags};
use crate::help::{self, Example, Exit};

/// Some namespaces still have a reference.
const NOT_DETACHED: u8 = 2;
/// How often a namespace that others write at the same time is read and written again.
const ATTEMPTS: usize = 5;
/// How many namespaces a question names.
const NAMED: usize = 10;

const EXAMPLES: [Example; 3] = [
    (
        "Which namespaces would be deleted with Capsule's tenants",
        "landlord detach capsule --dry-run",
    ),
    ("Take Capsule's references off all of them", "landlord detach capsule"),
    (
        "Another product's, by kind and group, without a question",
        "landlord detach Project.management.cattle.io --yes",
    ),
];
const EXITS: [Exit; 3] = [
    (0, "no namespace has such a reference any more (with --dry-run: would have)"),
    (1, "an error; what was written before stays written"),
    (2, "some namespaces still have one; the report says why. Run it again to go on"),
];

/// Take owner references to tenants off namespaces
///
/// Capsule makes its Tenant the owner of each namespace. When the Tenant goes, or with Capsule's
/// definitions all Tenants, Kubernetes' garbage collector deletes the namespaces with all that is in
/// them. Run this before: it changes nothing but `metadata.ownerReferences`, one namespace a write,
/// excluded namespaces as well. A namespace whose claim rests on the reference keeps it, since it would
/// leave its tenant: label it first. Stop Capsule's controller before, or it writes them again, which
/// this command finds. Running it again resumes it.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Detach {
    /// Whose tenants: `capsule`, `landlord`, or a kind with its group, as Project.management.cattle.io
    #[arg(value_name = "OWNER")]
    owner: Owner,
    /// Do not ask
    #[arg(short, long, env = "LANDLORD_YES")]
    yes: bool,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    connection: Connection,
}

/// A kind of owners.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    group: String,
    kind: String,
}

impl FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, group) = match text {
            "capsule" => ("Tenant", "capsule.clastix.io"),
            "landlord" => ("Tenant", "landlord.dev"),
            _ => text.split_once('.').filter(|(kind, group)| !kind.is_empty() && !group.is_empty()).ok_or(
                "it is neither `capsule` nor `landlord`, nor a kind with its group, as Project.management.cattle.io",
            )?,
        };
        Ok(Self { group: group.to_owned(), kind: kind.to_owned() })
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.kind, self.group)
    }
}

impl Owner {
    fn owns(&self, reference: &OwnerReference) -> bool {
        let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
        reference.kind == self.kind && group == self.group
    }

    /// The namespace's references to others, and the names of those that it loses.
    fn split(&self, metadata: &ObjectMeta) -> (Vec<OwnerReference>, Vec<String>) {
        let all = metadata.owner_references.iter().flatten().cloned();
        let (ours, others): (Vec<_>, Vec<_>) = all.partition(|one| self.owns(one));
        (others, ours.into_iter().map(|one| one.name).collect())
    }
}

/// What there is to do.
#[derive(Default)]
struct Work {
    /// Namespaces, and the owners that they lose.
    detached: Vec<(ObjectMeta, String)>,
    /// Namespaces whose claim rests on the reference, and why they keep it.
    kept: Vec<String>,
}

impl Detach {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(self.detach())
    }

    async fn detach(self) -> Result<ExitCode> {
        let client = self.connection.client().await?;
        let inventory = self.inventory(&client).await?;
        let work = self.find(&client, inventory.as_ref()).await?;
        for why in &work.kept {
            eprintln!("{why}");
        }
        let mode = self.dry_run.mode();
        let count = work.detached.len();
        if mode == ApplyMode::PlanOnly {
            for (metadata, owners) in &work.detached {
                // Its users may have written the owner's name.
                let name = metadata.name.as_deref().unwrap_or_default();
                println!("{name}: {}", visible(owners));
            }
            eprintln!("{count} namespaces would lose their references to {}", self.owner);
            return Ok(code(&work.kept));
        }
        if mode == ApplyMode::Apply && !self.yes && count > 0 {
            self.ask(&work)?;
        }
        let failures = self.write(&client, &work, mode).await?;
        for failure in &failures {
            eprintln!("{failure}");
        }
        let done = if mode == ApplyMode::Apply { "have lost" } else { "may lose" };
        println!("{} namespaces {done} their references to {}", count - failures.len(), self.owner);
        let mut left = [work.kept, failures].concat();
        if mode == ApplyMode::Apply {
            left.extend(self.find_written_again(&client, &left).await?);
        }
        Ok(code(&left))
    }

    /// What claims are judged by. Without it there is nothing that a claim could rest on.
    async fn inventory(&self, client: &Client) -> Result<Option<Inventory>> {
        match self.settings.read(client).await {
            Err(error) if error.is::<NotInstalled>() => {
                eprintln!("note: {error}; no namespace's claim is looked at");
                Ok(None)
            }
            settings => Ok(Some(lists::inventory(client, settings?).await?)),
        }
    }

    async fn find(&self, client: &Client, inventory: Option<&Inventory>) -> Result<Work> {
        let mut work = Work::default();
        for metadata in namespace_metadata(client).await? {
            let (others, lost) = self.owner.split(&metadata);
            if lost.is_empty() {
                continue;
            }
            match inventory.and_then(|inventory| claim_that_goes(inventory, &metadata, &others)) {
                Some(why) => work.kept.push(why),
                None => work.detached.push((metadata, lost.join(", "))),
            }
        }
        Ok(work)
    }

    fn ask(&self, work: &Work) -> Result<()> {
        let count = work.detached.len();
        let names: Vec<&str> =
            work.detached.iter().filter_map(|(one, _)| one.name.as_deref()).take(NAMED).collect();
        let more = count.saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Question {
            shown: &format!("{count} namespaces: {}{more}", names.join(", ")),
            question: &format!("Take their owner references to {} away?", self.owner),
            unasked: "owner references are to be taken off namespaces",
            refused: "nothing was changed",
        }
        .ask()
    }

    /// Writes one after the other; what the API server refuses does not stop the rest.
    async fn write(&self, client: &Client, work: &Work, mode: ApplyMode) -> Result<Vec<String>> {
        let api: Api<Namespace> = Api::all(client.clone());
        let mut progress = Progress::new(work.detached.len());
        let mut failures = Vec::new();
        for (number, (metadata, _)) in (1..).zip(&work.detached) {
            let name = metadata.name.as_deref().unwrap_or_default();
            match self.write_one(&api, metadata.clone(), mode).await {
                Ok(()) => {}
                Err(Error::Api(status)) if status.code != 401 => {
                    let why = visible(&status.message);
                    failures.push(format!("namespace {name:?} keeps it: {why}"));
                }
                Err(error) => {
                    progress.finish();
                    return Err(error).with_context(|| format!("namespace {name:?}"));
                }
            }
            progress.show(number, failures.len());
        }
        progress.finish();
        Ok(failures)
    }

    /// A guarded write: a namespace that was changed or made anew meanwhile is read again.
    async fn write_one(
        &self,
        api: &Api<Namespace>,
        mut metadata: ObjectMeta,
        mode: ApplyMode,
    ) -> Result<(), Error> {
        let name = metadata.name.clone().unwrap_or_default();
        let params = PatchParams {
            dry_run: mode == ApplyMode::ServerDryRun,
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        for attempt in 1.. {
            let (others, lost) = self.owner.split(&metadata);
            if lost.is_empty() {
                break;
            }
            let others = if others.is_empty() { Value::Null } else { json!(others) };
            let patch = json!({"metadata": {"uid": metadata.uid, "resourceVersion": metadata.resource_version, "ownerReferences": others}});
            match api.patch(&name, &params, &Patch::Merge(patch)).await {
                Err(Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => {
                    let Some(found) = api.get_opt(&name).await? else { break };
                    metadata = found.metadata;
                }
                Err(Error::Api(status)) if status.code == 404 => break,
                answer => return answer.map(drop),
            }
        }
        Ok(())
    }

    /// What another client has written again meanwhile.
    async fn find_written_again(&self, client: &Client, left: &[String]) -> Result<Vec<String>> {
        let found = namespace_metadata(client).await?;
        let still =
            found.iter().filter(|metadata| !self.owner.split(metadata).1.is_empty()).count();
        let again = still.saturating_sub(left.len());
        if again == 0 {
            return Ok(Vec::new());
        }
        let why = format!(
            "{again} namespaces have such a reference again: the controller of {} still runs; scale it to 0 and run this again",
            self.owner
        );
        eprintln!("{why}");
        Ok(vec![why])
    }
}

fn code(left: &[String]) -> ExitCode {
    if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NOT_DETACHED) }
}

/// Why the namespace would leave its tenant without these references; `None` where it would not.
fn claim_that_goes(
    inventory: &Inventory,
    metadata: &ObjectMeta,
    others: &[OwnerReference],
) -> Option<String> {
    let name = metadata.name.as_deref()?;
    let listed =
        inventory.namespaces.iter().find(|one| one.namespace.name.as_deref() == Some(name))?;
    let mut object = listed.object.clone();
    let tenant = judge(inventory, &object)?;
    object
        .get_mut("metadata")?
        .as_object_mut()?
        .insert("ownerReferences".to_owned(), json!(others));
    if judge(inventory, &object).as_ref() == Some(&tenant) {
        return None;
    }
    // The name of a tenant that is there can be pasted; any other its users may have made up.
    let remedy = match inventory.tenant(&tenant) {
        Ok(Some(_)) => {
            let label = inventory.settings.tenant_label();
            format!("`kubectl label namespace {name} {label}={tenant}` first")
        }
        _ => "there is no such tenant, so correct the claim first".to_owned(),
    };
    Some(format!(
        "namespace {name:?} keeps it: nothing else says that it is tenant {tenant:?}'s; {remedy}"
    ))
}

/// The tenant that the rules find for it.
fn judge(inventory: &Inventory, object: &Value) -> Option<String> {
    let settings: &Settings = &inventory.settings;
    let namespace = tenancy::namespace::Namespace::from_value(object).ok()?;
    let lookup = |name: &str| inventory.tenant(name);
    Assessment::judge(settings, &namespace, || object.clone(), lookup).tenant
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::capsule("capsule", Some("Tenant.capsule.clastix.io"))]
    #[case::landlord("landlord", Some("Tenant.landlord.dev"))]
    #[case::rancher("Project.management.cattle.io", Some("Project.management.cattle.io"))]
    #[case::no_group("Project", None)]
    #[case::no_kind(".management.cattle.io", None)]
    #[case::empty_group("Project.", None)]
    fn owners(#[case] text: &str, #[case] expected: Option<&str>) {
        let owner = text.parse::<Owner>();
        assert_eq!(owner.ok().map(|owner| owner.to_string()).as_deref(), expected);
    }
}
