//! Single namespaces, written one after the other by the user who runs the command.

use std::process::ExitCode;

use anyhow::{Context, Error, Result, anyhow, bail};
use clap::Args;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use serde_json::{Value, json};
use tenancy::metadata::{Key, Metadata};
use tenancy::namespace::Namespace;
use terminal::Screen;

use super::dry_run::DryRunFlags;
use crate::flags::{Connection, SettingsFlags};
use crate::output;
use crate::suggest::suggestion;
use assessment::inventory::{Inventory, Listed};
use assessment::{Assessment, Reason};
use cluster::cached_namespace::CachedNamespace;
use cluster::named;
use cluster::write::Write;
use cluster::writer::{ApplyMode, Failure, Writer, Written};

/// The flags that such commands share.
#[derive(Args, Debug)]
pub(super) struct Single {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    dry_run: DryRunFlags,
}

/// A namespace, as it is and as it shall be.
pub(super) struct Target<'a> {
    inventory: &'a Inventory,
    held: CachedNamespace,
    object: &'a Value,
    /// What is to be done, in words and as labels and annotations.
    done: String,
    after: Metadata,
    /// The empty label by which it leaves its tenant: the policy takes it away.
    leaves_by: Option<String>,
}

impl Single {
    /// Decides each with `decide` and writes it. The first error ends it; what was written before
    /// is reported. `new_tenant` is the one that they are moved to.
    pub(super) fn write_each(
        &self,
        names: &[String],
        new_tenant: Option<&str>,
        decide: impl Fn(&mut Target) -> Result<()>,
    ) -> Result<ExitCode> {
        tokio::runtime::Runtime::new().context("no runtime")?.block_on(async {
            let client = self.connection.client().await?;
            let settings = self.settings.read(&client).await?;
            let inventory = named::inventory(&client, settings, names, new_tenant).await?;
            if let Some(tenant) = new_tenant {
                check_tenant(&client, &inventory, tenant).await?;
            }
            let mode = self.dry_run.mode();
            let writer = Writer::new(client.clone(), mode);
            for name in names {
                let Some(mut target) = Target::find(&inventory, name)? else {
                    return Err(missing(&client, name).await);
                };
                decide(&mut target).with_context(|| format!("namespace {name}"))?;
                target.write(&writer, mode).await.with_context(|| format!("namespace {name}"))?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// An error where there is no such tenant.
async fn check_tenant(client: &Client, inventory: &Inventory, tenant: &str) -> Result<()> {
    let settings = &inventory.settings;
    let wanted = settings.source.canonical(tenant.to_owned());
    if let Ok(None) = inventory.tenant(&wanted) {
        let names = named::some_tenants(client, settings).await;
        bail!("there is no tenant {wanted:?}{}", suggest_among(&wanted, &names));
    }
    Ok(())
}

/// The error of a namespace that is not there.
pub(super) async fn missing(client: &Client, name: &str) -> Error {
    let names = named::some_namespaces(client).await;
    anyhow!("there is no namespace {name:?}{}", suggest_among(name, &names))
}

/// Nothing where there is none, or none may be listed.
fn suggest_among(wrong: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    suggestion(wrong, names.iter().map(String::as_str))
}

/// Labels and annotations after the plan. The admin is on record for the claim now, and nobody else.
fn approved(assessment: &Assessment) -> Metadata {
    assessment.withheld.apply(&assessment.after())
}

impl<'a> Target<'a> {
    /// `None` where it is not there; an error where landlord leaves it alone.
    fn find(inventory: &'a Inventory, name: &str) -> Result<Option<Self>> {
        let found = inventory
            .namespaces
            .iter()
            .find(|listed| listed.namespace.name.as_deref() == Some(name));
        let Some(Listed { object, .. }) = found else {
            return inventory.why_passed_over(name).map_or(Ok(None), |why| bail!("{why}"));
        };
        let meta: ObjectMeta = serde_json::from_value(object["metadata"].clone())?;
        let held = CachedNamespace::from_meta(&meta);
        let after = held.namespace.metadata.clone();
        Ok(Some(Self { inventory, held, object, done: String::new(), after, leaves_by: None }))
    }

    /// What its tenant wants, no matter who created it.
    pub(super) fn adopt(&mut self) -> Result<()> {
        let assessment = self.assess(&self.held.namespace)?;
        self.done = match (&assessment.tenant, assessment.reason()) {
            (Some(tenant), _) => format!("adopted for tenant {tenant:?}"),
            (None, Some(Reason::Unverified)) => {
                format!("released from tenant {:?}", assessment.record.ledger.tenant)
            }
            (None, _) => bail!("no rule claims it: label it with its tenant first"),
        };
        self.after = approved(&assessment);
        Ok(())
    }

    /// The same for another tenant.
    pub(super) fn claim_for(&mut self, tenant: &str) -> Result<()> {
        let settings = &self.inventory.settings;
        let before =
            self.assess(&self.held.namespace).ok().and_then(|assessment| assessment.tenant);
        let wanted = settings.source.canonical(tenant.to_owned());
        let mut namespace = self.held.namespace.clone();
        namespace.metadata.labels.insert(settings.tenant_label().to_owned(), wanted.clone());
        let assessment = self.assess(&namespace)?;
        if assessment.tenant.as_deref() != Some(&wanted) {
            let (rule, other) =
                (assessment.rule.unwrap_or_default(), assessment.tenant.unwrap_or_default());
            bail!(
                "{rule} comes first and claims it for tenant {other:?}: change what that rule reads, and landlord moves it"
            );
        }
        self.done = format!(
            "moved from {} to tenant {wanted:?}",
            before.map_or("nobody".to_owned(), |name| format!("tenant {name:?}"))
        );
        self.after = approved(&assessment);
        Ok(())
    }

    /// An empty tenant label says that no tenant is meant; one that is merely gone is put back by
    /// the policy, which takes this one away in the same request.
    pub(super) fn leave_tenant(&mut self) -> Result<()> {
        let settings = &self.inventory.settings;
        let label = settings.tenant_label().to_owned();
        let before =
            self.assess(&self.held.namespace).ok().and_then(|assessment| assessment.tenant);
        let mut namespace = self.held.namespace.clone();
        if !namespace.metadata.labels.contains_key(&label) && before.is_none() {
            return Ok(());
        }
        namespace.metadata.labels.insert(label.clone(), String::new());
        let assessment = self.assess(&namespace)?;
        if let (Some(tenant), Some(rule)) = (&assessment.tenant, &assessment.rule) {
            bail!(
                "{rule} claims it for tenant {tenant:?}: change what that rule reads, and it leaves"
            );
        }
        self.done = match before {
            Some(tenant) => format!("left tenant {tenant:?}"),
            None => "no longer claimed".to_owned(),
        };
        self.after = assessment.after();
        self.after.labels.insert(label.clone(), String::new());
        self.leaves_by = Some(Key::label(&label).to_string());
        Ok(())
    }

    fn assess(&self, namespace: &Namespace) -> Result<Assessment> {
        let object = || {
            let mut object = self.object.clone();
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("labels".to_owned(), json!(namespace.metadata.labels));
            }
            object
        };
        let assessment = Assessment::judge(&self.inventory.settings, namespace, object, |name| {
            self.inventory.tenant(name)
        });
        match assessment.fault {
            Some(fault) if fault.reason != Reason::Unverified => bail!("{}", fault.message),
            _ => Ok(assessment),
        }
    }

    /// What nobody has judged is shown: labels and annotations before and after.
    fn changes(&self, mode: ApplyMode) -> String {
        match mode {
            ApplyMode::PlanOnly => {
                output::diff::between(&self.held.namespace.metadata, &self.after, Screen::current())
            }
            ApplyMode::Apply | ApplyMode::ServerDryRun => String::new(),
        }
    }

    async fn write(self, writer: &Writer, mode: ApplyMode) -> Result<()> {
        let name = self.held.namespace.name.clone().unwrap_or_default();
        let Some(write) = Write::between(&self.held, &self.after) else {
            return Ok(output::print(&format!("{name}: nothing to do\n"))?);
        };
        let written = match writer.write(&write).await.0 {
            Written::Reverted(meta, keys)
                if self.leaves_by.as_ref() == keys.first() && keys.len() == 1 =>
            {
                if mode == ApplyMode::Apply { Written::Done(meta) } else { Written::Dry }
            }
            other => other,
        };
        match written {
            Written::Done(_) => Ok(output::print(&format!("{name}: {}\n", self.done))?),
            Written::Dry => Ok(output::print(&format!(
                "{name}: {} (dry run)\n{}",
                self.done,
                self.changes(mode)
            ))?),
            Written::Conflict(_) => {
                bail!("another client changed it just now: run the command again")
            }
            Written::Gone => bail!("it was deleted just now"),
            Written::Reverted(_, keys) => bail!(
                "the API server took it, but admission set {} back: a mutating webhook or policy does that",
                keys.join(", ")
            ),
            Written::Failed(Failure { reason, message, .. }) => bail!("{reason}: {message}"),
        }
    }
}
