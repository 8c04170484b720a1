//! `render`: YAML for GitOps.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;
use tenancy::settings::{GuardScope, OnUnready, Settings};

use crate::help;
use crate::inventory::settings_file;
use crate::{crd, monitoring, output};
use guard::Guard;
use guard::form::{Form, MutatingVersion, Served, Webhook};

mod examples;

use self::examples::{
    ALERTS, CRDS, EXITS, GRAFANA, GUARD, MANIFESTS, POLICY_EXAMPLES, RBAC_EXAMPLES, RENDER,
};

/// Print manifests as YAML
///
/// They are for `kubectl apply` or for a repository; nothing is sent to a cluster.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&RENDER), after_long_help = help::notes(&RENDER, &EXITS))]
pub(crate) struct Render {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// The CustomResourceDefinition of landlord's Tenant
    #[command(after_help = help::examples(&CRDS), after_long_help = help::notes(&CRDS, &EXITS))]
    Crds,
    Guard(RenderGuard),
    /// A Grafana dashboard (JSON), for Grafana's import or a ConfigMap of its sidecar
    #[command(after_help = help::examples(&GRAFANA), after_long_help = help::notes(&GRAFANA, &EXITS))]
    Grafana,
    Alerts(RenderAlerts),
    /// The ClusterAdmissionPolicy, for Kubewarden, with default settings
    #[command(after_help = help::examples(&POLICY_EXAMPLES), after_long_help = help::notes(&POLICY_EXAMPLES, &EXITS))]
    Policy,
    /// Rights for all that landlord can be asked to do, a role for each
    #[command(after_help = help::examples(&RBAC_EXAMPLES), after_long_help = help::notes(&RBAC_EXAMPLES, &EXITS))]
    Rbac,
    /// All that a cluster without Kubewarden needs
    ///
    /// Without Helm: the definition, rights, the controller's share of the API server, and the
    /// controller with the guard.
    #[command(after_help = help::examples(&MANIFESTS), after_long_help = help::notes(&MANIFESTS, &EXITS))]
    Manifests,
}

/// Alerts on landlord's metrics, each with the chapter of docs/operations.md that says what to do
#[derive(Args, Debug)]
#[command(after_help = help::examples(&ALERTS), after_long_help = help::notes(&ALERTS, &EXITS))]
struct RenderAlerts {
    /// A file for Prometheus' `rule_files` instead of a PrometheusRule for its operator
    #[arg(long, env = "LANDLORD_PLAIN")]
    plain: bool,
}

/// Rendered from the Helm chart; `make manifests` and a test keep them in step.
/// How to change these files, which is for those who work on the repository.
const ORIGIN: &str = "# Rendered from charts/landlord by `make manifests`: edit the chart.\n\n";
pub(super) const POLICY: &str = include_str!("../../../../deploy/cluster-admission-policy.yaml");
const RBAC: &str = include_str!("../../../../deploy/rbac.yaml");
const FLOW_SCHEMA: &str = include_str!("../../../../deploy/flow-schema.yaml");
const CONTROLLER: &str = include_str!("../../../../deploy/controller-only.yaml");

/// The guard: admission policies that stop Pods in namespaces which are not what their tenant wants
///
/// They follow from the settings: render them again when the tenant source, `identify`, admins,
/// schedulers or excluded namespaces change, or let `landlord controller --guard` do it.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&GUARD), after_long_help = help::notes(&GUARD, &EXITS))]
struct RenderGuard {
    /// The settings, or a ClusterAdmissionPolicy that holds them [default: default settings]
    #[arg(long, env = "LANDLORD_SETTINGS", value_name = "FILE")]
    settings: Option<PathBuf>,
    /// What happens to Pods of namespaces that are not ready
    /// [default: `guard.onUnready` of the settings]
    #[arg(long, env = "LANDLORD_ON_UNREADY", value_enum)]
    on_unready: Option<OnUnreadyFlag>,
    /// Which namespaces are looked at [default: `guard.scope` of the settings]
    #[arg(long, env = "LANDLORD_GUARD_SCOPE", value_enum)]
    scope: Option<ScopeFlag>,
    /// Fill in selector and tolerations as well, for clusters without the plugin PodNodeSelector
    #[arg(long, env = "LANDLORD_GUARD_PLACE", conflicts_with = "without_mutating_policies")]
    place: bool,
    /// The form for this version of Kubernetes, with the API that it serves by default; since 1.30
    /// [default: the newest]
    #[arg(long, env = "LANDLORD_KUBERNETES", value_name = "MAJOR.MINOR", value_parser = kubernetes_version)]
    kubernetes: Option<(u32, u32)>,
    /// The version in which the API server has MutatingAdmissionPolicies: v1beta1 for Kubernetes 1.34
    /// and 1.35, where they are switched on
    #[arg(
        long,
        env = "LANDLORD_MUTATING_POLICIES",
        value_enum,
        conflicts_with_all = ["without_mutating_policies", "kubernetes"]
    )]
    mutating_policies: Option<MutatingFlag>,
    /// For API servers without MutatingAdmissionPolicies (Kubernetes before 1.36): Pods are refused
    /// and never held, and so is what would be corrected. Where no webhook writes namespaces, or
    /// with --beside-webhook
    #[arg(long, env = "LANDLORD_WITHOUT_MUTATING_POLICIES", conflicts_with = "kubernetes")]
    without_mutating_policies: bool,
    /// Landlord's webhook writes namespaces, with failurePolicy Fail. Without MutatingAdmissionPolicies
    /// the guard then leaves it to judge them, and looks at names, Pods and bindings
    #[arg(long, env = "LANDLORD_BESIDE_WEBHOOK")]
    beside_webhook: bool,
}

/// The version of the kinds that mutate.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MutatingFlag {
    V1,
    V1beta1,
}

/// Major and minor version, as `kubectl version` or a chart has it: `1.34`, `v1.34.4-eks-1`, `1.34+`.
fn kubernetes_version(text: &str) -> Result<(u32, u32), String> {
    let number = |part: Option<&str>| {
        let part = part?;
        let digits = part.split(|one: char| !one.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    };
    let mut parts = text.trim_start_matches('v').split('.');
    let (major, minor) = (number(parts.next()), number(parts.next()));
    major.zip(minor).ok_or_else(|| "not a version: write it as in 1.34".to_owned())
}

/// What happens to Pods of namespaces that are not ready.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OnUnreadyFlag {
    /// They wait at a scheduling gate until the controller releases them
    Hold,
    /// They are refused
    Deny,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScopeFlag {
    /// Namespaces with the tenant label
    Labelled,
    /// All that are not excluded; each waits until landlord has looked at it
    All,
}

impl From<OnUnreadyFlag> for OnUnready {
    fn from(flag: OnUnreadyFlag) -> Self {
        match flag {
            OnUnreadyFlag::Hold => Self::Hold,
            OnUnreadyFlag::Deny => Self::Deny,
        }
    }
}

impl From<ScopeFlag> for GuardScope {
    fn from(flag: ScopeFlag) -> Self {
        match flag {
            ScopeFlag::Labelled => Self::Labelled,
            ScopeFlag::All => Self::All,
        }
    }
}

impl Render {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let text = match self.what {
            What::Crds => serde_saphyr::to_string(&crd::definition()?)?,
            What::Guard(guard) => guard.render_text()?,
            What::Grafana => monitoring::DASHBOARD.to_owned(),
            What::Alerts(RenderAlerts { plain: true }) => monitoring::ALERTS.to_owned(),
            What::Alerts(RenderAlerts { plain: false }) => monitoring::render_prometheus_rule(),
            What::Policy => POLICY.replace(ORIGIN, ""),
            What::Rbac => RBAC.replace(ORIGIN, ""),
            What::Manifests => [
                serde_saphyr::to_string(&crd::definition()?)?.as_str(),
                RBAC,
                FLOW_SCHEMA,
                CONTROLLER,
            ]
            .join("---\n")
            .replace(ORIGIN, ""),
        };
        output::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl RenderGuard {
    fn form(&self) -> Result<Form> {
        let served = match (self.kubernetes, self.mutating_policies) {
            (Some(version), _) => Served::by_default_in(version),
            (None, Some(MutatingFlag::V1beta1)) => {
                Served { mutating: Some(MutatingVersion::V1beta1), validating: true }
            }
            _ => {
                let mutating = (!self.without_mutating_policies).then_some(MutatingVersion::V1);
                Served { mutating, validating: true }
            }
        };
        let webhook = if self.beside_webhook { Webhook::Required } else { Webhook::Absent };
        let Some(form) = Form::select(served, webhook) else {
            bail!("the guard needs Kubernetes 1.30, which has ValidatingAdmissionPolicies v1");
        };
        if self.place && !form.mutates() {
            bail!(
                "--place needs Kubernetes 1.36 (MutatingAdmissionPolicies): use deploy/cluster-admission-policy-pods.yaml instead"
            );
        }
        Ok(form)
    }

    fn render_text(&self) -> Result<String> {
        let settings = self
            .settings
            .as_deref()
            .map_or_else(|| Ok(Settings::from_value(&Value::Null)?), settings_file)?;
        let form = self.form()?;
        let held_by_policy = form == Form::BesideWebhook && settings.pods.holds();
        if let (false, false, Some(OnUnreadyFlag::Hold)) =
            (form.mutates(), held_by_policy, self.on_unready)
        {
            bail!(
                "--on-unready=hold needs Kubernetes 1.36 (MutatingAdmissionPolicies), or --beside-webhook and settings with `pods: {{place: true, onUnready: hold}}`, \
                 where the policy on Pods holds them: leave it out, Pods are refused then"
            );
        }
        let mut guard = Guard { place: self.place, form, ..Guard::new(&settings) };
        guard.on_unready = self.on_unready.map_or(guard.on_unready, Into::into);
        guard.scope = self.scope.map_or(guard.scope, Into::into);
        let documents =
            guard.objects().iter().map(serde_saphyr::to_string).collect::<Result<Vec<_>, _>>()?;
        Ok(documents.join("---\n"))
    }
}
