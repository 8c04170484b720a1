//! Uninstall: landlord leaves a cluster, and leaves namespaces clean.
//!
//! ```text
//! lease ─▶ policy is switched off (if asked), or its strategy's condition goes ─▶ policies for Pods (if asked) ─▶ guard ─▶ held Pods
//!       ─▶ namespaces ─▶ reports ─▶ records ─▶ definition (if asked) ─▶ Lease ─▶ policy (if asked)
//! ```
//!
//! The order is what makes it safe. Anyone who holds the lease writes, so no controller puts back
//! what goes. The guard goes before Pods and namespaces: nobody is left who would let Pods through
//! it. Held Pods go before their namespaces stop saying where they belong. Each step finds out
//! itself what is left to do, so that running it again resumes it; what that needs to know, tenants
//! and settings, goes last, and only when all is clean.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::Client;
use tenancy::plan::Claims;
use tenancy::settings::Settings;

use cluster::leader_record::{STRATEGY, VIOLATIONS};
use cluster::lease::{Deletion, Election};
use cluster::writer::ApplyMode;

mod namespaces;
mod objects;
mod pods;
mod policies;
mod reports;
#[cfg(test)]
mod tests;

pub use self::namespaces::Marked;
pub use self::objects::GuardObject;
pub use self::pods::Let;
pub use self::policies::Policies;
pub use self::reports::Reports;

/// What is asked for.
pub struct Orders {
    pub settings: Settings,
    /// The ClusterAdmissionPolicy's name.
    pub policy: String,
    /// Where the controller's record is.
    pub namespace: String,
    pub mode: ApplyMode,
    pub with_policy: bool,
    pub with_crds: bool,
    /// Held Pods go even where nothing says where they belong.
    pub free_pods: bool,
    pub claims: Claims,
}

/// What landlord has in the cluster.
pub struct Traces {
    pub policies: Policies,
    pub guard: Vec<GuardObject>,
    pub pods: Vec<Let>,
    pub namespaces: Vec<Marked>,
    pub reports: Reports,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Report {
    pub dry: bool,
    /// Steps that are done, in words.
    pub done: Vec<String>,
    pub namespaces: usize,
    pub pods: usize,
    /// Namespaces and Pods that are not clean, and why.
    pub failed: BTreeMap<String, String>,
    /// What is still there, and what takes it away.
    pub remains: Vec<String>,
}

impl Traces {
    /// Looks for them.
    pub async fn find(client: &Client, orders: &Orders) -> Result<Self> {
        let policies = Policies::find(client, orders).await?;
        let guard = objects::guard(client).await?;
        let all = namespaces::all(client).await?;
        let pods = pods::held(client, orders, &all).await?;
        let namespaces = namespaces::marked(orders, &all);
        let reports = Reports::find(client).await?;
        Ok(Self { policies, guard, pods, namespaces, reports })
    }

    /// Held Pods that could run anywhere, which nobody has allowed.
    pub fn astray(&self, orders: &Orders) -> Vec<String> {
        self.pods.iter().filter(|_| !orders.free_pods).filter_map(Let::describe).collect()
    }

    /// For the question before it begins.
    pub fn describe(&self, orders: &Orders) -> String {
        let crds = if orders.with_crds {
            "the definition of landlord's tenants is deleted, and all tenants with it\n"
        } else {
            ""
        };
        let names: Vec<&str> =
            self.namespaces.iter().take(10).map(|marked| marked.name()).collect();
        let more = if self.namespaces.len() > names.len() { ", …" } else { "" };
        let list =
            if names.is_empty() { String::new() } else { format!(": {}{more}", names.join(", ")) };
        format!(
            "{}{} objects of the guard are deleted\n{} held Pods are released\n{} namespaces lose landlord's keys{list}\n{}{crds}",
            self.policies.describe(orders),
            self.guard.len(),
            self.pods.len(),
            self.namespaces.len(),
            self.reports.describe()
        )
    }

    /// Takes all of it away, in the order that is safe. `show` gets how many namespaces are
    /// done.
    pub async fn remove(
        &mut self,
        client: &Client,
        orders: &Orders,
        show: impl FnMut(usize, usize),
    ) -> Result<Report> {
        let mut report = Report { dry: orders.mode != ApplyMode::Apply, ..Report::default() };
        self.policies.stop(client, orders, &mut report).await?;
        objects::remove_guard(client, orders, &self.guard, &mut report).await?;
        if orders.mode == ApplyMode::Apply {
            // Until a moment ago there was a user who held them.
            self.pods = pods::held(client, orders, &namespaces::all(client).await?).await?;
        }
        let kept = pods::let_go(client, orders, std::mem::take(&mut self.pods), &mut report).await;
        namespaces::clean(
            client,
            orders,
            std::mem::take(&mut self.namespaces),
            &kept,
            &mut report,
            show,
        )
        .await?;
        if orders.mode == ApplyMode::Apply {
            pods::note_new_ones(client, &mut report).await?;
        }
        self.reports.remove(client, orders, &mut report).await;
        for (record, whose) in [(STRATEGY, "the strategy's"), (VIOLATIONS, "the audit's")] {
            let deleted = record.delete(client, &orders.namespace, report.dry).await;
            if deleted.with_context(|| format!("{whose} record"))? {
                report.done.push(format!("{whose} record is deleted"));
            }
        }
        objects::remove_definition(client, orders, &mut report).await?;
        Ok(report)
    }

    /// What is left once the lease is given up: the Lease itself, and what anyone who runs it again
    /// would have needed.
    pub async fn finish(
        &self,
        client: &Client,
        orders: &Orders,
        lease: &Election,
        report: &mut Report,
    ) -> Result<()> {
        remove_lease(lease, report).await;
        self.policies.finish(client, orders, report).await?;
        report.remains.push("the controller's Deployment and rights: `helm uninstall`, or `kubectl delete -f` what was applied".to_owned());
        Ok(())
    }
}

/// That it stays harms nobody, unless a user has it: then a controller waited for it, and writes.
async fn remove_lease(lease: &Election, report: &mut Report) {
    match lease.delete(report.dry).await {
        Ok(Deletion::Done) => report.done.push(format!("{lease} is deleted")),
        Ok(Deletion::Absent) => {}
        Ok(Deletion::Held(holder)) => {
            let words = format!(
                "{holder:?} has it: a controller runs, and writes back what went. Stop it, and run the command again"
            );
            report.failed.insert(lease.to_string(), words);
        }
        Err(error) => report.remains.push(format!("{lease}: it could not be deleted, {error}")),
    }
}
