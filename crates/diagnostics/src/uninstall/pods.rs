//! Pods: those that landlord's gate holds go on the terms on which the controller would let them
//! go, once it had reached their namespaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use json_patch::Patch;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, ApiResource, ListParams};
use tenancy::settings::Settings;
use tenancy::tenant::Tenant;

use super::{Orders, Report};
use assessment::{Assessment, Reason, is_in_scope};
use cluster::cached_namespace::CachedNamespace;
use cluster::gated_pod::{GatedPod, PodKey, UnscheduledPod};
use cluster::lists::{PAGE, known_tenants, next};
use cluster::operation::{remove, test};
use cluster::placement::Placement;
use cluster::pod_release::{Verdict, release};
use cluster::pod_writer::PodWriter;
use cluster::writer::{ApplyMode, Written};
use guard::GATE;

/// Another client may write the Pod at the same moment, and the guard may be at work for a moment
/// after it is deleted.
const MAX_ATTEMPTS: usize = 10;
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// A held Pod on its way.
pub struct Let {
    key: PodKey,
    /// What releases it.
    patch: Patch,
    /// Why nothing says where it belongs, so that it could run anywhere.
    pub astray: Option<String>,
}

impl Let {
    /// For anyone who decides about it.
    pub fn describe(&self) -> Option<String> {
        self.astray.as_ref().map(|why| format!("Pod {}: {why}", self.key))
    }
}

/// Every held Pod.
pub(super) async fn held(
    client: &Client,
    orders: &Orders,
    namespaces: &[ObjectMeta],
) -> Result<Vec<Let>> {
    let found = list(client).await.context("Pods cannot be listed")?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let known = Known {
        settings: &orders.settings,
        tenants: known_tenants(client, &orders.settings).await?.into_iter().collect(),
    };
    let concerned: BTreeSet<&str> = found.iter().map(|(key, _)| &*key.namespace).collect();
    let cached = namespaces
        .iter()
        .filter(|meta| meta.name.as_deref().is_some_and(|name| concerned.contains(name)));
    let ways: BTreeMap<String, Way> = cached
        .map(CachedNamespace::from_meta)
        .filter_map(|one| Some((one.namespace.name.clone()?, known.way(one))))
        .collect();
    let unseen =
        Way::Astray("its namespace was created just now: run the command again".to_owned());
    Ok(found
        .into_iter()
        .map(|(key, pod)| ways.get(&*key.namespace).unwrap_or(&unseen).let_go(key, &pod))
        .collect())
}

/// Where the Pods of a namespace belong.
enum Way {
    By(Placement),
    /// Landlord leaves the namespace alone.
    Free,
    Astray(String),
}

/// What decides where Pods belong, beside their namespace.
struct Known<'a> {
    settings: &'a Settings,
    tenants: BTreeMap<String, Arc<Tenant>>,
}

impl Known<'_> {
    /// By what the namespace would carry had the controller reached it: it may have been stopped
    /// before.
    fn way(&self, mut cached: CachedNamespace) -> Way {
        let Some(assessment) = self.assess(&cached) else { return Way::Free };
        cached.namespace.metadata = assessment.after();
        match self
            .assess(&cached)
            .and_then(|planned| Placement::from_assessment(self.settings, &planned))
        {
            Some(placement) => Way::By(placement),
            None => Way::Astray(match (assessment.reason(), assessment.error()) {
                (Some(Reason::Unverified), Some(error)) => {
                    format!("the claim of its namespace is not verified: {error}")
                }
                (_, Some(error)) => error.to_owned(),
                _ => "its namespace cannot be as its tenant wants it".to_owned(),
            }),
        }
    }

    fn assess(&self, cached: &CachedNamespace) -> Option<Assessment> {
        let tenant = |name: &str| {
            let inline = self.settings.source.inline(name).cloned().map(Arc::new);
            Ok(inline.or_else(|| self.tenants.get(name).cloned()))
        };
        is_in_scope(self.settings, &cached.namespace).then(|| {
            Assessment::judge(self.settings, &cached.namespace, || cached.document(), tenant)
        })
    }
}

impl Way {
    fn let_go(&self, key: PodKey, pod: &GatedPod) -> Let {
        let (patch, astray) = match self {
            Self::Free => (ungate(pod), None),
            Self::Astray(why) => (ungate(pod), Some(why.clone())),
            Self::By(placement) => match release(Some(placement), pod) {
                Verdict::Release(patch) => (patch, None),
                Verdict::Clash(clash) => (ungate(pod), Some(clash.to_string())),
                // Its gate went meanwhile.
                Verdict::Wait => (ungate(pod), None),
            },
        };
        Let { key, patch, astray }
    }
}

async fn list(client: &Client) -> Result<Vec<(PodKey, GatedPod)>, kube::Error> {
    let api: Api<UnscheduledPod> = Api::all_with(client.clone(), &ApiResource::erase::<Pod>(&()));
    let mut found = Vec::new();
    let mut page = ListParams::default().fields("spec.nodeName=").limit(PAGE);
    loop {
        let list = api.list(&page).await?;
        found.extend(
            list.items
                .into_iter()
                .filter_map(|pod| Some((PodKey::from_pod(&pod), GatedPod::from_pod(pod)?))),
        );
        match next(list.metadata.continue_) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(found),
        }
    }
}

fn ungate(pod: &GatedPod) -> Patch {
    let gate = pod.gates.iter().position(|gate| gate == GATE).unwrap_or_default().to_string();
    Patch(vec![
        test(["metadata", "uid"], pod.uid.as_str()),
        test(["spec", "schedulingGates", &gate, "name"], GATE),
        remove(["spec", "schedulingGates", &gate]),
    ])
}

/// Names the namespaces of those that stay held: nothing else says where they belong.
pub(super) async fn let_go(
    client: &Client,
    orders: &Orders,
    pods: Vec<Let>,
    report: &mut Report,
) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for Let { key, patch, astray } in pods {
        let outcome = match astray.filter(|_| !orders.free_pods) {
            Some(why) => Err(format!("it could run anywhere: {why}")),
            None if orders.mode == ApplyMode::Apply => write(client, &key, &patch).await,
            None => Ok(()),
        };
        match outcome {
            Ok(()) => report.pods += 1,
            Err(why) => {
                kept.insert(key.namespace.to_string());
                report.failed.insert(format!("Pod {key}"), why);
            }
        }
    }
    kept
}

/// The API server takes a moment to forget the guard: Pods that it held meanwhile.
pub(super) async fn note_new_ones(client: &Client, report: &mut Report) -> Result<()> {
    for (key, _) in list(client).await.context("Pods cannot be listed")? {
        report
            .failed
            .entry(format!("Pod {key}"))
            .or_insert_with(|| "it was held meanwhile: run the command again".to_owned());
    }
    Ok(())
}

async fn write(client: &Client, key: &PodKey, patch: &Patch) -> Result<(), String> {
    let writer = PodWriter(client.clone());
    let mut why = String::new();
    for _ in 0..MAX_ATTEMPTS {
        why = match writer.write(&key.namespace, &key.name, patch.clone(), GATE).await.0 {
            Written::Done(_) | Written::Dry | Written::Gone => return Ok(()),
            Written::Reverted(_, missing) if !missing.iter().any(|one| one == GATE) => {
                return Ok(());
            }
            Written::Conflict(message) => format!("{message}: run the command again"),
            Written::Reverted(..) => format!("admission put the gate {GATE} back"),
            Written::Failed(failure) => failure.message,
        };
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
    Err(why)
}
