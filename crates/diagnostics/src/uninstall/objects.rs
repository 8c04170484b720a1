//! Objects: what of the guard is in the cluster, and the definition of tenants.

use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams};
use kube::{Client, Error, ResourceExt};

use super::{Orders, Report};
use cluster::admission_policies::kinds::{api, read_served, served_kinds};
use cluster::writer::ApplyMode;
use guard::form::Served;
use guard::{NAME, PART_LABEL};

const DEFINITION: &str = "tenants.landlord.dev";

/// A policy of the guard, or a binding.
pub struct GuardObject {
    served: Served,
    kind: &'static str,
    name: String,
}

/// Everything that is the guard's by its label or by its name, in the order in which it may go:
/// bindings first, as a policy without one does nothing; and what refuses before what lets wait.
pub(super) async fn guard(client: &Client) -> Result<Vec<GuardObject>> {
    let mut found = Vec::new();
    let served = read_served(client).await.context("the kinds of the guard cannot be read")?;
    for kind in served_kinds(served) {
        let list = api(client, served, kind).list(&ListParams::default()).await;
        let list = list.with_context(|| format!("{kind} objects cannot be listed"))?;
        let ours = list.into_iter().filter(|object| {
            object.labels().contains_key(PART_LABEL) || object.name_any().starts_with(NAME)
        });
        found.extend(ours.map(|object| GuardObject { served, kind, name: object.name_any() }));
    }
    found.sort_by_key(|one| (!one.kind.ends_with("Binding"), one.kind.starts_with("Mutating")));
    Ok(found)
}

pub(super) async fn remove_guard(
    client: &Client,
    orders: &Orders,
    objects: &[GuardObject],
    report: &mut Report,
) -> Result<()> {
    for GuardObject { served, kind, name } in
        objects.iter().filter(|_| orders.mode == ApplyMode::Apply)
    {
        let gone =
            gone(api(client, *served, kind).delete(name, &DeleteParams::default()).await.map(drop));
        gone.with_context(|| format!("{kind} {name:?} cannot be deleted"))?;
    }
    if !objects.is_empty() {
        report.done.push(format!("{} objects of the guard are deleted", objects.len()));
    }
    Ok(())
}

/// With the definition go all tenants of landlord's own kind. They say where Pods belong that are
/// still held.
pub(super) async fn remove_definition(
    client: &Client,
    orders: &Orders,
    report: &mut Report,
) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    // A user who may not look gets what to look for.
    let found = api.get_opt(DEFINITION).await.ok().flatten().is_some();
    if orders.with_crds && report.failed.is_empty() {
        if found && orders.mode == ApplyMode::Apply {
            gone(api.delete(DEFINITION, &DeleteParams::default()).await.map(drop))
                .context("the definition of tenants cannot be deleted")?;
        }
        report.done.extend(
            found.then(|| format!("definition {DEFINITION} is deleted, and all tenants with it")),
        );
    } else if found {
        let how = if orders.with_crds {
            "they stay until all is clean"
        } else {
            "--with-crds deletes them"
        };
        report.remains.push(format!("tenants and their definition {DEFINITION}: {how}"));
    }
    Ok(())
}

fn gone(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(Error::Api(status)) if status.code == 404 => Ok(()),
        answer => answer,
    }
}
