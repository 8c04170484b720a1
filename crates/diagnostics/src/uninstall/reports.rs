//! Reports about namespaces: those that the controller wrote, and those of `landlord audit` that
//! were applied. What others report stays.

use anyhow::{Context, Result};
use futures::{StreamExt, stream};
use kube::{Client, Error};

use super::{Orders, Report};
use cluster::clock::{self, ANSWER_TIMEOUT};
use cluster::error::message;
use cluster::reports::{Found, ReportKind, for_each, read_served};
use cluster::writer::ApplyMode;

/// Deletions under way at a time.
const MAX_IN_FLIGHT: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub struct Reports {
    found: Vec<Found>,
    /// Kinds that may not be listed, and what the API server says.
    unread: Vec<(ReportKind, String)>,
}

impl Reports {
    /// Looks for them, in every kind that the API server serves.
    pub(super) async fn find(client: &Client) -> Result<Self> {
        let served = read_served(client).await.context("kinds of reports cannot be read")?;
        let mut reports = Self::default();
        for kind in served {
            let found = &mut reports.found;
            match for_each(client, kind, |report| found.push(Found::new(kind, &report))).await {
                // An account without this right is no reason to leave all else in place.
                Err(Error::Api(status)) if status.code == 403 => {
                    reports.unread.push((kind, status.message.clone()));
                }
                listed => {
                    listed.with_context(|| format!("{} objects cannot be listed", kind.kind()))?;
                }
            }
        }
        Ok(reports)
    }

    /// For the question before it begins.
    pub(super) fn describe(&self) -> String {
        match self.found.len() {
            0 => String::new(),
            count => format!("{count} reports about namespaces are deleted\n"),
        }
    }

    pub(super) async fn remove(&self, client: &Client, orders: &Orders, report: &mut Report) {
        let wanted = self.found.iter().filter(|_| orders.mode == ApplyMode::Apply);
        let delete = |found: &'_ Found| {
            let found = found.clone();
            async move {
                let answer = clock::within(ANSWER_TIMEOUT, found.delete(client)).await;
                (found, answer)
            }
        };
        let mut answers =
            stream::iter(wanted.map(delete).collect::<Vec<_>>()).buffer_unordered(MAX_IN_FLIGHT);
        let mut failed = 0;
        while let Some((Found { kind, namespace, name, .. }, answer)) = answers.next().await {
            if let Err(error) = answer {
                failed += 1;
                let name = format!("{} {namespace}/{name}", kind.kind());
                report.failed.insert(name, message(&error));
            }
        }
        match self.found.len() - failed {
            0 => {}
            count => report.done.push(format!("{count} reports about namespaces are deleted")),
        }
        report.remains.extend(self.unread.iter().map(|(kind, why)| {
            format!("{} objects, if landlord wrote any: they cannot be listed, {why}", kind.kind())
        }));
    }
}
