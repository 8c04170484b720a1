//! Policies: landlord's ClusterAdmissionPolicies. One decides on namespaces and holds the settings,
//! so it is switched off first and deleted last: anyone who runs the command again finds them.
//! Others may place Pods: they refuse every Pod of a namespace that landlord has not written, so
//! they are gone before any namespace is touched.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::Client;

use super::{Orders, Report};
use cluster::policy::Policy;
use cluster::webhooks;
use cluster::writer::ApplyMode;
use tenancy::settings::strategy::Mode;

/// How long Kubewarden has to take a policy's webhook away.
const GONE_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// The strategy's condition by which the API server asks the webhook about nothing. A later
/// strategy, or a release without `--with-policy`, takes it out.
const OFF: (Mode, &str) = (Mode::Controller, "false");

pub struct Policies {
    /// The one that holds the settings.
    pub(super) settings: Option<Policy>,
    /// Those that place Pods.
    pub(super) placing: Vec<Policy>,
}

impl Policies {
    pub(super) async fn find(client: &Client, orders: &Orders) -> Result<Self> {
        let settings = Policy::read(client, &orders.policy).await;
        let settings =
            settings.with_context(|| format!("{} cannot be read", place(&orders.policy)))?;
        let all = Policy::all(client).await.context("ClusterAdmissionPolicies cannot be listed")?;
        Ok(Self {
            settings,
            placing: all.into_iter().filter(|policy| policy.places_pods).collect(),
        })
    }

    /// Names of those that would refuse every Pod afterwards, because nobody asked for their end.
    pub fn in_the_way(&self, orders: &Orders) -> Vec<&str> {
        self.placing
            .iter()
            .filter(|_| !orders.with_policy)
            .map(|policy| policy.name.as_str())
            .collect()
    }

    /// For the question before it begins.
    pub(super) fn describe(&self, orders: &Orders) -> String {
        let placing = self.placing.iter().filter(|_| orders.with_policy);
        let mut words: String = placing
            .map(|policy| format!("{}, which places Pods, is deleted\n", place(&policy.name)))
            .collect();
        match &self.settings {
            Some(policy) if orders.with_policy => {
                words += &format!("{} is deleted\n", place(&policy.name))
            }
            Some(policy) if policy.is_touched() => {
                words +=
                    &format!("the strategy's condition in {} is taken out\n", place(&policy.name));
            }
            _ => {}
        }
        words
    }

    /// Before anything else: from here on, nobody refuses Pods or writes into namespaces that are
    /// cleaned.
    pub(super) async fn stop(
        &mut self,
        client: &Client,
        orders: &Orders,
        report: &mut Report,
    ) -> Result<()> {
        if let Some(policy) = &mut self.settings {
            stop_writing(client, orders, policy, report).await?;
        }
        for policy in self.placing.iter().filter(|_| orders.with_policy) {
            if orders.mode == ApplyMode::Apply {
                delete(client, policy).await?;
                until_gone(client, &policy.name).await?;
            }
            report.done.push(format!("{}, which places Pods, is deleted", place(&policy.name)));
        }
        Ok(())
    }

    /// Deletes the one that holds the settings, which nobody needs any more if all is clean.
    pub(super) async fn finish(
        &self,
        client: &Client,
        orders: &Orders,
        report: &mut Report,
    ) -> Result<()> {
        match self.settings.as_ref().filter(|_| orders.with_policy) {
            Some(policy) if report.failed.is_empty() => {
                if orders.mode == ApplyMode::Apply {
                    delete(client, policy).await?;
                }
                report.done.push(format!("{} is deleted", place(&policy.name)));
            }
            Some(policy) => report.remains.push(format!(
                "{} is switched off, and keeps the settings until all is clean: run the same command again",
                place(&policy.name)
            )),
            None => {}
        }
        self.note_rest(orders, report);
        Ok(())
    }

    fn note_rest(&self, orders: &Orders, report: &mut Report) {
        report.remains.extend(self.in_the_way(orders).into_iter().map(|name| {
            format!("{} places Pods, and refuses all of them in namespaces without landlord's keys: say --with-policy", place(name))
        }));
        if let Some(policy) = self.settings.as_ref().filter(|_| !orders.with_policy) {
            let name = place(&policy.name);
            report.remains.push(format!(
                "{name} writes into new namespaces: run again with --with-policy, or delete it"
            ));
        }
    }
}

async fn stop_writing(
    client: &Client,
    orders: &Orders,
    policy: &mut Policy,
    report: &mut Report,
) -> Result<()> {
    let place = place(&policy.name);
    if orders.with_policy {
        let (mode, expression) = OFF;
        if orders.mode == ApplyMode::Apply {
            policy
                .apply(client, mode, expression)
                .await
                .with_context(|| format!("{place} cannot be patched"))?;
        }
    } else if policy.is_touched() {
        if orders.mode == ApplyMode::Apply {
            policy.withdraw(client).await.with_context(|| format!("{place} cannot be patched"))?;
            policy.pin(client, None).await.with_context(|| format!("{place} cannot be patched"))?;
        }
        report.done.push(format!("{place} is as it was without a strategy"));
    }
    Ok(())
}

async fn delete(client: &Client, policy: &Policy) -> Result<()> {
    policy
        .delete(client)
        .await
        .with_context(|| format!("{} cannot be deleted", place(&policy.name)))
}

/// Until it is away, and the webhook with it that Kubewarden made of it.
async fn until_gone(client: &Client, name: &str) -> Result<()> {
    let deadline = tokio::time::Instant::now() + GONE_TIMEOUT;
    while Policy::read(client, name).await?.is_some()
        || webhooks::of_policy(client, name).await.is_ok_and(|found| !found.is_empty())
    {
        if tokio::time::Instant::now() > deadline {
            bail!(
                "{} is deleted, and still there: does Kubewarden's controller run? No namespace was changed, since it would refuse their Pods; run \
                 the command again",
                place(name)
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

fn place(name: &str) -> String {
    format!("ClusterAdmissionPolicy {name:?}")
}
