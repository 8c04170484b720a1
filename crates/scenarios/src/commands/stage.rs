//! Stage: a cluster with landlord in it, as users would install it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use local_cluster::kubewarden::{Options, apply_policy};
use local_cluster::user::MEMBERS_RIGHTS;
use local_cluster::{Builder, Cluster, Kubewarden, Release, User, manifest};

/// What has been built, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct StageOptions {
    /// The repository, whose deploy/ is applied
    #[arg(long, env = "LANDLORD_REPOSITORY", value_name = "FOLDER", default_value = ".")]
    repository: PathBuf,
    /// The annotated policy
    #[arg(long, env = "POLICY", value_name = "FILE", default_value = "annotated-policy.wasm")]
    policy: PathBuf,
    /// The binary policy-host (default: beside this program)
    #[arg(long, env = "POLICY_HOST", value_name = "FILE")]
    policy_host: Option<PathBuf>,
    /// The version of Kubernetes, 1.30 to 1.37 (default: KUBEBUILDER_ASSETS or the newest). It is
    /// built if it is not there: 10 minutes
    #[arg(long, env = "LOCAL_CLUSTER_KUBERNETES", value_name = "VERSION")]
    kubernetes: Option<Release>,
    /// One more argument of kube-apiserver, `--runtime-config=…` for example
    #[arg(long = "api-server-argument", value_name = "ARGUMENT", allow_hyphen_values = true)]
    api_server_arguments: Vec<String>,
}

pub(crate) struct Stage {
    // Before the cluster: it ends first.
    pub(crate) kubewarden: Option<Kubewarden>,
    pub(crate) cluster: Cluster,
}

/// Owners of the demo's tenants, and a user who owns none.
pub(crate) const TENANTS: [&str; 5] = ["comet", "lunar", "nova", "solar", "terra"];

/// The user who owns this tenant.
pub(crate) fn owner(tenant: &str) -> String {
    format!("{tenant}-owner")
}

impl Stage {
    /// Starts the cluster. Users are `TENANT-owner` (group `TENANT-admins`), `ci`, and the standard
    /// ones.
    pub(crate) async fn start(options: &StageOptions) -> Result<Self> {
        Self::start_on(options.builder()).await
    }

    /// The same on this cluster.
    pub(crate) async fn start_on(builder: Builder) -> Result<Self> {
        let owners =
            TENANTS.map(|tenant| User::member(owner(tenant), [format!("{tenant}-admins")]));
        let builder = owners.into_iter().fold(builder, |builder, owner| builder.user(owner));
        let cluster = builder.user(User::member("ci", Vec::<String>::new())).start().await?;
        cluster.apply(MEMBERS_RIGHTS).await?;
        Ok(Self { kubewarden: None, cluster })
    }

    /// Installs kinds, rights and the policy from `deploy/`.
    pub(crate) async fn install(&mut self, options: &StageOptions) -> Result<()> {
        self.install_policy(options, &options.shipped_policy()?).await
    }

    /// The same with this ClusterAdmissionPolicy instead of the shipped one.
    pub(crate) async fn install_policy(
        &mut self,
        options: &StageOptions,
        policy: &str,
    ) -> Result<()> {
        options.apply_kinds(&self.cluster).await?;
        let host = options.policy_host.clone().map_or_else(beside_this_program, Ok)?;
        let file = fs::canonicalize(&options.policy).with_context(|| {
            format!(
                "{} cannot be found: `make annotated-policy.wasm` builds it",
                options.policy.display()
            )
        })?;
        let options = Options {
            policy_host: host,
            modules: [(module_of(policy)?, file)].into(),
            sources: None,
        };
        let kubewarden = self.kubewarden.insert(Kubewarden::start(&self.cluster, options).await?);
        apply_policy(&self.cluster.admin()?, policy).await?;
        Ok(kubewarden.wait_until_asked(&self.cluster.admin()?, "landlord").await?)
    }
}

impl StageOptions {
    /// These options with this version of Kubernetes, and these arguments of its API server more.
    pub(crate) fn on(&self, release: Release, arguments: &[&str]) -> Self {
        let mut options = Self { kubernetes: Some(release), ..self.clone() };
        options.api_server_arguments.extend(arguments.iter().map(|one| (*one).to_owned()));
        options
    }

    /// A cluster of the version that is asked for.
    pub(crate) fn builder(&self) -> Builder {
        let builder = Cluster::builder();
        let builder = match self.kubernetes {
            Some(release) => builder.release(release),
            None => builder,
        };
        let add = |builder: Builder, argument| builder.api_server_argument(argument);
        self.api_server_arguments.iter().fold(builder, add)
    }

    /// The text of a file of `deploy/`.
    fn deploy(&self, name: &str) -> Result<String> {
        read(&self.repository.join("deploy").join(name))
    }

    /// Installs kinds and rights.
    pub(crate) async fn apply_kinds(&self, cluster: &Cluster) -> Result<()> {
        cluster.apply(&self.deploy("crds.yaml")?).await?;
        cluster.apply(&self.deploy("rbac.yaml")?).await?;
        Ok(())
    }

    /// The ClusterAdmissionPolicy that users apply.
    pub(crate) fn shipped_policy(&self) -> Result<String> {
        self.deploy("cluster-admission-policy.yaml")
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| {
        format!(
            "{} cannot be read: run this in the repository, or give --repository",
            path.display()
        )
    })
}

fn beside_this_program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("policy-host");
    anyhow::ensure!(
        path.exists(),
        "{} is missing: `cargo build -p policy-host` builds it",
        path.display()
    );
    Ok(path)
}

/// The URL that the policy names its module with.
fn module_of(yaml: &str) -> Result<String> {
    let objects = manifest::read(yaml)?;
    let module = objects.first().and_then(|policy| policy.data.pointer("/spec/module")?.as_str());
    module.map(str::to_owned).context("the policy names no module")
}
