//! Policy server: `policy-host serve`, started anew when the policies change, always on the same
//! port.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::api::DynamicObject;
use kube::{Client, Config};
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};

use super::{Naming, Options};
use crate::authority::Authority;
use crate::ports::Port;
use crate::process::{Process, Program};
use crate::waiting;

/// Compiling the policies takes a few seconds, far longer where both cores are busy.
const READY_WITHIN: Duration = waiting::PATIENCE;
const POLL: Duration = Duration::from_millis(20);

pub(super) struct PolicyServer {
    program: Program,
    policies: PathBuf,
    port: Port,
    authority_pem: String,
    authority_der: Vec<u8>,
    options: Options,
    naming: Naming,
    process: Mutex<Option<Process>>,
    /// What the running server was started with.
    served: Mutex<Value>,
}

impl PolicyServer {
    pub(super) fn new(
        program: Program,
        policies: PathBuf,
        port: Port,
        authority: &Authority,
        options: Options,
        naming: Naming,
    ) -> Self {
        let (authority_pem, authority_der) = (authority.pem(), authority.der());
        let (process, served) = (Mutex::new(None), Mutex::new(Value::Null));
        Self {
            program,
            policies,
            port,
            authority_pem,
            authority_der,
            options,
            naming,
            process,
            served,
        }
    }

    /// What Kubewarden calls a cluster-wide policy.
    pub(super) fn unique_name(&self, policy: &str) -> String {
        self.naming.unique_name(policy)
    }

    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority_pem
    }

    /// Serves these policies; nothing happens if they are served already.
    pub(super) async fn serve(&self, policies: &BTreeMap<String, DynamicObject>) -> io::Result<()> {
        let document = self.document(policies)?;
        if *locked(&self.served) == document {
            return Ok(());
        }
        self.kill();
        *locked(&self.served) = Value::Null;
        if !policies.is_empty() {
            fs::write(&self.policies, document.to_string())?;
            self.revive().await?;
        }
        *locked(&self.served) = document;
        Ok(())
    }

    /// The policy server's `policies.yml`.
    fn document(&self, policies: &BTreeMap<String, DynamicObject>) -> io::Result<Value> {
        let mut document = Map::new();
        for (name, policy) in policies {
            let spec = policy.data.get("spec").cloned().unwrap_or_default();
            let field = |name: &str| spec.get(name).cloned();
            let url =
                field("module").and_then(|url| url.as_str().map(str::to_owned)).unwrap_or_default();
            let unknown = || {
                io::Error::other(format!(
                    "module {url:?} is not among those that this harness can serve"
                ))
            };
            let module = match self.options.modules.get(&url) {
                Some(file) => format!("file://{}", file.display()),
                None if url.starts_with("registry://") && self.options.sources.is_some() => url,
                None => return Err(unknown()),
            };
            let entry = json!({
                "module": module,
                "allowedToMutate": field("mutating").unwrap_or_default(),
                "contextAwareResources": field("contextAwareResources").unwrap_or_else(|| json!([])),
                "settings": field("settings").unwrap_or_else(|| json!({})),
            });
            document.insert(self.unique_name(name), entry);
        }
        Ok(Value::Object(document))
    }

    pub(super) fn kill(&self) {
        drop(locked(&self.process).take());
    }

    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        locked(&self.process).as_ref().map_or(Ok(()), |process| process.signal(signal))
    }

    /// Starts the server and waits until it answers.
    pub(super) async fn revive(&self) -> io::Result<()> {
        *locked(&self.process) = Some(self.program.start()?);
        let deadline = Instant::now() + READY_WITHIN;
        while self.get("/readiness").await.is_err() {
            if let Some(process) = locked(&self.process).as_mut()
                && (Instant::now() > deadline || !process.runs())
            {
                return Err(io::Error::other(format!(
                    "policy-host is not ready; its last words:\n{}",
                    process.last_words()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// What the server answers to a GET.
    pub(super) async fn get(&self, path: &str) -> Result<String, kube::Error> {
        let mut config = Config::new(
            self.url()
                .parse::<http::Uri>()
                .map_err(|error| kube::Error::HttpError(error.into()))?,
        );
        config.root_cert = Some(vec![self.authority_der.clone()]);
        config.default_retry = false;
        let request = http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
        Client::try_from(config)?.request_text(request).await
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
