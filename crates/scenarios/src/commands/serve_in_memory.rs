//! `serve-in-memory`: an API server in memory as a process of its own, with tenants and namespaces
//! in it.

use anyhow::Result;
use clap::Args;
use fake_apiserver::InMemory;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The tenant of the first namespaces; the others belong to `tenant-0`, `tenant-1`, ….
pub(crate) const EDITED: &str = "edited";
/// The first of those.
pub(crate) const FIRST: &str = "tenant-0";

/// Serve an API server in memory, with tenants and their namespaces in it, until it is killed
#[derive(Args, Debug)]
pub(crate) struct ServeInMemory {
    /// How many namespaces
    #[arg(short = 'n', long, default_value_t = 1000)]
    namespaces: usize,
    /// How many tenants share them
    #[arg(long, default_value_t = 50)]
    tenants: usize,
    /// How many of the namespaces belong to the tenant `edited`
    #[arg(long, default_value_t = 500)]
    edited: usize,
}

impl ServeInMemory {
    /// Runs the command. The first line of the output says where it listens.
    pub(crate) async fn run(self) -> Result<()> {
        let server = InMemory::default();
        let put = |object| server.put(object).map_err(anyhow::Error::msg);
        for name in std::iter::once(EDITED.to_owned()).chain((0..self.tenants).map(tenant_name)) {
            put(tenant(&name, "4711"))?;
        }
        for number in 0..self.namespaces {
            let tenant = if number < self.edited {
                EDITED.to_owned()
            } else {
                tenant_name(number % self.tenants.max(1))
            };
            put(namespace(&format!("namespace-{number}"), &tenant))?;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        Ok(server.serve(listener).await?)
    }
}

fn tenant_name(number: usize) -> String {
    format!("tenant-{number}")
}

pub(crate) fn tenant(name: &str, cost_center: &str) -> Value {
    json!({"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": name},
           "spec": {"nodeSelector": {"pool": name}, "labels": {"cost-center": cost_center, "billing": "{{tenant.name}}"}}})
}

pub(crate) fn namespace(name: &str, tenant: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"landlord.dev/tenant": tenant, "team": "batch"},
           "annotations": {"note": "this was here before landlord came"}}})
}
