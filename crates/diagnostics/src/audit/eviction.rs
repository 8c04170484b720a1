//! Eviction: Pods leave nodes that are not theirs, by the Eviction API, at a pace.
//! PodDisruptionBudgets hold: where the API server says that a Pod has to stay for now, it is asked
//! again later, for as long as there is patience.

use std::fmt;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, PostParams};
use kube::core::Status;
use kube::{Client, Error};
use serde_json::{Value, json};
use tenancy::keys::FIELD_MANAGER;

use super::Stray;
use super::pool::Carried;
use super::template::Template;
use cluster::clock;
use cluster::writer::ApplyMode;

/// After which a Pod that has to stay is asked for again, where the API server does not say.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Orders {
    /// Pods that nobody makes again, and those of DaemonSets, go as well.
    pub bare_pods: bool,
    pub per_second: f64,
    /// How long Pods that have to stay are asked for, all together.
    pub patience: Duration,
    pub mode: ApplyMode,
}

/// What became of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Evicted,
    WouldBeEvicted,
    /// Another client was faster.
    Gone,
    /// It is not landlord's to move.
    Left(&'static str),
    /// It had to stay for longer than there was patience.
    Blocked(String),
    Failed(String),
}

impl Fate {
    /// In one bounded word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Evicted => "evicted",
            Self::WouldBeEvicted => "would be evicted",
            Self::Gone => "gone",
            Self::Left(_) => "left alone",
            Self::Blocked(_) => "blocked",
            Self::Failed(_) => "failed",
        }
    }

    /// What there is to say of it.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Evicted | Self::WouldBeEvicted | Self::Gone => None,
            Self::Left(why) => Some(why),
            Self::Blocked(message) | Self::Failed(message) => Some(message),
        }
    }

    /// Whether the Pod is on its way.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Evicted | Self::Gone)
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "{}: {message}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// An answer of the API server.
enum Answer {
    Final(Fate),
    Later(Duration, String),
}

impl Orders {
    /// Why this Pod is left where it is. `None` if it may go.
    pub fn spares(&self, stray: &Stray) -> Option<&'static str> {
        let Stray { pod, pool, .. } = stray;
        let kind = pod.owner.as_ref().map(|owner| owner.kind.as_str());
        match kind {
            _ if pod.terminating => Some("it is being deleted already"),
            Some("DaemonSet") | None if self.bare_pods => None,
            Some("DaemonSet") => Some(
                "its DaemonSet would put the next one there again: narrow the DaemonSet's nodeSelector, or say --bare-pods",
            ),
            None => Some("nobody would make it again: say --bare-pods to evict it all the same"),
            Some(_) if pod.named_its_node => Some(
                "the next one would name that node again: take spec.nodeName out of its owner's template",
            ),
            Some(_) if stray.template == Template::Clashes => Some(
                "its owner's template asks for other nodes, so the next one would not be let in: fix the template's nodeSelector",
            ),
            Some(_) if stray.template == Template::Unknown => Some(
                "it asks for other nodes, and its owner's template cannot be read, so the next one might not be let in: let yourself get its owner",
            ),
            Some(_) if pool.carried == Carried::No => Some(
                "its namespace does not carry the selector, so the next one could be outside as well: run `landlord backfill` first",
            ),
            Some(_) if stray.matching_nodes == 0 => Some(
                "no node matches the selector, so the next one would stay pending: label a node first",
            ),
            Some(_) => None,
        }
    }

    /// Those that may go, by their place in the list; the fate of the others is settled.
    pub fn sort(&self, strays: &mut [Stray]) -> Vec<usize> {
        let mut chosen = Vec::new();
        for (index, stray) in strays.iter_mut().enumerate() {
            match self.spares(stray) {
                Some(why) => stray.fate = Some(Fate::Left(why)),
                None if self.mode == ApplyMode::PlanOnly => stray.fate = Some(Fate::WouldBeEvicted),
                None => chosen.push(index),
            }
        }
        chosen
    }

    /// Evicts the chosen ones, and tells of each as soon as its fate is settled.
    pub async fn carry_out(
        &self,
        client: &Client,
        strays: &mut [Stray],
        mut chosen: Vec<usize>,
        mut tell: impl FnMut(&Stray),
    ) {
        let deadline = clock::now() + self.patience;
        let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / self.per_second));
        while !chosen.is_empty() {
            let (mut later, mut pause) = (Vec::new(), None::<Duration>);
            for index in chosen {
                pace.tick().await;
                let Some(stray) = strays.get_mut(index) else { continue };
                match self.evict(client, stray).await {
                    Answer::Later(after, _) if clock::now() + after < deadline => {
                        later.push(index);
                        pause = Some(pause.map_or(after, |pause| pause.min(after)));
                        continue;
                    }
                    Answer::Later(_, message) => stray.fate = Some(Fate::Blocked(message)),
                    Answer::Final(fate) => stray.fate = Some(fate),
                }
                tell(stray);
            }
            chosen = later;
            tokio::time::sleep(pause.unwrap_or_default()).await;
        }
    }

    /// Asks once. The uid is a condition: a Pod of that name that came later is not meant.
    async fn evict(&self, client: &Client, stray: &Stray) -> Answer {
        let pod = &stray.pod;
        // Not `Api::evict`, which writes the options under a name that the API server does not
        // read.
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod.name, "namespace": pod.namespace},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},
        });
        let params = PostParams {
            dry_run: self.mode == ApplyMode::ServerDryRun,
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let api: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace);
        match api.create_subresource::<Value, Status>("eviction", &pod.name, &params, &body).await {
            Ok(_) if self.mode == ApplyMode::ServerDryRun => Answer::Final(Fate::WouldBeEvicted),
            Ok(_) => Answer::Final(Fate::Evicted),
            Err(Error::Api(status)) => refused(&status),
            Err(error) => Answer::Final(Fate::Failed(error.to_string())),
        }
    }
}

/// 404, and 409 with our precondition, are about a Pod that is not there any more; 429 says that it
/// has to stay for now.
fn refused(status: &Status) -> Answer {
    match status.code {
        404 => Answer::Final(Fate::Gone),
        409 if status.message.contains("precondition") => Answer::Final(Fate::Gone),
        409 | 429 => {
            let after = status
                .details
                .as_ref()
                .map(|details| u64::from(details.retry_after_seconds))
                .filter(|seconds| *seconds > 0);
            Answer::Later(after.map_or(RETRY_INTERVAL, Duration::from_secs), reason(status))
        }
        _ => Answer::Final(Fate::Failed(reason(status))),
    }
}

/// What the API server says, with its causes: they name the budget.
fn reason(status: &Status) -> String {
    let causes = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .map(|cause| cause.message.as_str());
    let causes: Vec<&str> = causes.filter(|message| !message.is_empty()).collect();
    [status.message.as_str()].into_iter().chain(causes).collect::<Vec<_>>().join(" ")
}
