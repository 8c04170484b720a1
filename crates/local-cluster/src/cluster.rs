//! Cluster: etcd, API server and scheduler, started and stopped together.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DynamicObject, ListParams};
use kube::client::ClientBuilder;
use kube::config::AuthInfo;
use kube::{Api, Client, Config, ResourceExt};
use serde_json::Value;
use tower::util::MapRequestLayer;

use crate::authority::Authority;
use crate::binaries::{Binaries, Release};
use crate::manifest;
use crate::node::Node;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::scratch::Scratch;
use crate::user::{self, Credential};
use crate::waiting;

mod builder;
mod error;
mod files;
mod programs;
mod rights;
mod snapshot;

pub use self::builder::{API_SERVER_ARGUMENTS, Builder};
pub use self::error::StartError;
pub use self::snapshot::Snapshot;

/// How long a start may take on a busy machine; 4 s are usual.
const READY_WITHIN: Duration = waiting::PATIENCE;
/// How often readiness is asked for.
const POLL: Duration = Duration::from_millis(50);
/// A program that knows nothing of our reservations can take a port before it is used; so a start
/// that fails at once is tried again.
const ATTEMPTS: usize = 3;

/// A running cluster. It ends with this handle.
pub struct Cluster {
    binaries: Binaries,
    authority: Authority,
    credentials: Vec<Credential>,
    /// URL of the API server.
    server: String,
    /// URL of the second one, on the same etcd.
    second: Option<String>,
    servers: Servers,
    // After the processes that use them.
    scratch: Scratch,
    _ports: [Port; 4],
}

struct Servers {
    // Dropped in this order.
    _controller_manager: Option<Process>,
    scheduler: Process,
    api_server: Process,
    _second_api_server: Option<Process>,
    etcd: Process,
    api_server_program: Program,
    etcd_program: Program,
    /// Lives as long as the cluster, whatever is restarted, and takes its folder along.
    _folder: Process,
}

impl Builder {
    /// Starts the cluster and waits until it is ready.
    pub async fn start(self) -> Result<Cluster, StartError> {
        let binaries = self.release.map_or_else(Binaries::find_or_build, Binaries::of)?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.attempt(&binaries).await {
                Err(error @ StartError::Ended { .. }) => last = Some(error),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| StartError::UnknownUser(String::new())))
    }

    async fn attempt(&self, binaries: &Binaries) -> Result<Cluster, StartError> {
        let scratch = Scratch::new()?;
        let authority = Authority::new()?;
        let credentials: Vec<Credential> =
            self.users.iter().cloned().map(Credential::new).collect::<Result<_, _>>()?;
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let [client_port, peer_port, api_port, second_port] = ports.each_ref().map(Port::number);
        let server = format!("https://127.0.0.1:{api_port}");
        files::write(&scratch, &authority, &credentials, &server)?;
        let folder = programs::folder(&scratch).start()?;
        let etcd_program = programs::etcd(binaries, &scratch, client_port, peer_port);
        let etcd = etcd_program.start()?;
        let program = programs::api_server(binaries, &scratch, self, client_port, api_port);
        let api_server = program.start()?;
        let scheduler = programs::scheduler(binaries, &scratch).start()?;
        let manager = self
            .controller_manager
            .then(|| programs::controller_manager(binaries, &scratch).start())
            .transpose()?;
        let servers = Servers {
            _controller_manager: manager,
            scheduler,
            api_server,
            _second_api_server: None,
            etcd,
            api_server_program: program,
            etcd_program,
            _folder: folder,
        };
        let binaries = binaries.clone();
        let mut cluster = Cluster {
            binaries,
            authority,
            credentials,
            server,
            second: None,
            servers,
            scratch,
            _ports: ports,
        };
        cluster.wait_until_ready().await?;
        if self.second_api_server {
            // Only now: two servers that find an empty etcd would both begin to fill it.
            let program = programs::second_api_server(
                &cluster.binaries,
                &cluster.scratch,
                self,
                client_port,
                second_port,
            );
            cluster.servers._second_api_server = Some(program.start()?);
            cluster.second = Some(format!("https://127.0.0.1:{second_port}"));
            cluster.wait_until_second_is_ready().await?;
        }
        Ok(cluster)
    }
}

impl Cluster {
    /// A cluster with `PodNodeSelector` and the standard users ([`user`]); [`Builder::start`]
    /// starts it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Who signs this cluster's certificates.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The programs that the cluster consists of.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// A kubeconfig with every user as a context; the admin's is the current one.
    pub fn kubeconfig(&self) -> PathBuf {
        self.scratch.file("kubeconfig")
    }

    /// A kubeconfig of one user.
    pub fn kubeconfig_of(&self, user: &str) -> PathBuf {
        files::kubeconfig_of(&self.scratch, user)
    }

    /// A file in a folder that goes with the cluster.
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.file(name)
    }

    /// The log of one program of this cluster, named without extension.
    pub fn log(&self, program: &str) -> PathBuf {
        self.scratch.log(program)
    }

    /// Where the logs are.
    pub fn logs(&self) -> &Path {
        self.scratch.logs()
    }

    /// How this user connects. Retries that kube would make by itself are off: a test wants to see
    /// what is answered.
    pub fn config(&self, user: &str) -> Result<Config, StartError> {
        self.config_for(&self.server, user)
    }

    /// A client of this user at the second API server; the first one's where there is none.
    pub fn second_client(&self, user: &str) -> Result<Client, StartError> {
        build_client(self.config_for(self.second.as_ref().unwrap_or(&self.server), user)?)
    }

    fn config_for(&self, server: &str, user: &str) -> Result<Config, StartError> {
        let credential = self.credentials.iter().find(|one| one.user.name == user);
        let token =
            credential.ok_or_else(|| StartError::UnknownUser(user.to_owned()))?.token.clone();
        let server =
            server.parse().map_err(|error| io::Error::other(format!("{server}: {error}")))?;
        let mut config = Config::new(server);
        config.root_cert = Some(vec![self.authority.der()]);
        config.auth_info = AuthInfo { token: Some(token.into()), ..AuthInfo::default() };
        config.default_retry = false;
        Ok(config)
    }

    /// A client of this user. It belongs to the runtime that makes it, and changes nothing while a
    /// condition is [waited for](waiting).
    pub fn client(&self, user: &str) -> Result<Client, StartError> {
        build_client(self.config(user)?)
    }

    /// The admin's client.
    pub fn admin(&self) -> Result<Client, StartError> {
        self.client(user::ADMIN)
    }

    /// Applies a YAML text as admin, and waits until the kinds that it defines are served and the
    /// rights that it gives are in force.
    pub async fn apply(&self, yaml: &str) -> Result<Vec<DynamicObject>, StartError> {
        let client = self.admin()?;
        let applied = manifest::apply(&client, yaml).await?;
        for object in applied.iter().filter(|object| {
            object.types.as_ref().is_some_and(|types| types.kind == "CustomResourceDefinition")
        }) {
            self.wait_until_served(&client, &object.data).await?;
        }
        self.wait_until_in_force(&applied).await?;
        Ok(applied)
    }

    /// Waits until the API server goes by the role bindings among these objects: it does so a
    /// moment after they were stored.
    pub async fn wait_until_in_force(&self, objects: &[DynamicObject]) -> Result<(), StartError> {
        rights::wait_until_in_force(&self.admin()?, objects, READY_WITHIN).await
    }

    async fn wait_until_served(
        &self,
        client: &Client,
        definition: &Value,
    ) -> Result<(), StartError> {
        let text =
            |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let path = format!(
            "/apis/{}/{}/{}?limit=1",
            text("/spec/group"),
            text("/spec/versions/0/name"),
            text("/spec/names/plural")
        );
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let request = http_get(&path)?;
            match client.request_text(request).await {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error.into()),
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Adds nodes.
    pub async fn add_nodes(&self, nodes: impl IntoIterator<Item = Node>) -> Result<(), StartError> {
        let api: Api<k8s_openapi::api::core::v1::Node> = Api::all(self.admin()?);
        for node in nodes {
            let node = serde_json::from_value(node.manifest())
                .map_err(|error| io::Error::other(error.to_string()))?;
            api.create(&Default::default(), &node).await?;
        }
        Ok(())
    }

    /// Does what the namespace controller does: takes the finalizer `kubernetes` from a namespace
    /// that is being deleted.
    pub async fn finalize_namespace(&self, name: &str) -> Result<(), StartError> {
        finalize(&self.admin()?, name).await.map_err(StartError::from)
    }

    /// Finalizes every namespace that is being deleted, and says how many these were.
    pub async fn finalize_namespaces(&self) -> Result<usize, StartError> {
        let client = self.admin()?;
        let all = Api::<Namespace>::all(client.clone()).list(&ListParams::default()).await?;
        let terminating: Vec<String> = all
            .iter()
            .filter(|one| one.metadata.deletion_timestamp.is_some())
            .map(ResourceExt::name_any)
            .collect();
        for name in &terminating {
            finalize(&client, name).await?;
        }
        Ok(terminating.len())
    }

    /// The API server's process, for tests that freeze it.
    pub fn api_server(&self) -> &Process {
        &self.servers.api_server
    }

    /// The scheduler's process.
    pub fn scheduler(&self) -> &Process {
        &self.servers.scheduler
    }

    /// etcd's process.
    pub fn etcd(&self) -> &Process {
        &self.servers.etcd
    }

    /// Kills the API server as a crash would, starts it again on the same port and waits until it
    /// is ready.
    pub async fn restart_api_server(&mut self) -> Result<(), StartError> {
        self.servers.api_server.signal(nix::sys::signal::Signal::SIGKILL)?;
        self.servers.api_server.wait(READY_WITHIN)?;
        self.servers.api_server = self.servers.api_server_program.start()?;
        self.wait_until_ready().await
    }

    /// Ends the API server, and starts that of another release in its place, with the same etcd, port
    /// and arguments. The scheduler stays.
    pub async fn change_release(&mut self, release: Release) -> Result<(), StartError> {
        let path = Binaries::of(release)?.path("kube-apiserver");
        // In order it would wait a minute for its clients' watches.
        self.servers.api_server.signal(nix::sys::signal::Signal::SIGKILL)?;
        self.servers.api_server.wait(READY_WITHIN)?;
        self.servers.api_server_program = self.servers.api_server_program.clone().at(path);
        self.servers.api_server = self.servers.api_server_program.start()?;
        self.wait_until_ready().await
    }

    async fn wait_until_second_is_ready(&self) -> Result<(), StartError> {
        let client = self.second_client(user::ADMIN)?;
        let deadline = Instant::now() + READY_WITHIN;
        while let Err(error) = client.request_text(http_get("/readyz")?).await {
            if Instant::now() > deadline {
                return Err(error.into());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let client = self.admin()?;
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            for process in [&mut self.servers.etcd, &mut self.servers.api_server] {
                if process.ended()?.is_some() {
                    let words = process.last_words();
                    return Err(StartError::Ended {
                        name: process.name().to_owned(),
                        words,
                        log: process.log().to_owned(),
                    });
                }
            }
            if client.request_text(http_get("/readyz")?).await.is_ok() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let server = &self.servers.api_server;
                return Err(StartError::NotReady {
                    words: server.last_words(),
                    log: server.log().to_owned(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn build_client(config: Config) -> Result<Client, StartError> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&MapRequestLayer::new(waiting::note)).build())
}

async fn finalize(client: &Client, name: &str) -> Result<(), kube::Error> {
    let api: Api<Namespace> = Api::all(client.clone());
    let Some(mut namespace) = api.get_opt(name).await? else { return Ok(()) };
    namespace.spec = None;
    match api
        .replace_subresource::<Namespace>("finalize", name, &Default::default(), &namespace)
        .await
    {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop),
    }
}

fn http_get(path: &str) -> io::Result<http::Request<Vec<u8>>> {
    http::Request::get(path).body(Vec::new()).map_err(io::Error::other)
}
