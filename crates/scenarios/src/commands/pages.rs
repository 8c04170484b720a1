//! Pages: what a process that serves HTTP says of itself.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::Request;
use kube::Client;
use local_cluster::Process;
use local_cluster::waiting::PATIENCE;

/// How often a log is read until it says where its program listens.
const POLL: Duration = Duration::from_millis(5);

/// The metrics of a controller.
#[derive(Clone)]
pub(crate) struct Metrics(Client);

impl Metrics {
    /// Those of this process.
    pub(crate) async fn of(process: &Process) -> Result<Self> {
        Ok(Self(client(&address(process, "listening on ").await?)?))
    }

    /// The page as it is now.
    pub(crate) async fn read(&self) -> Result<String> {
        Ok(self.0.request_text(Request::get("/metrics").body(Vec::new())?).await?)
    }

    /// A metric's value, by its line's beginning; 0 where there is none yet.
    pub(crate) async fn value(&self, name: &str) -> Result<f64> {
        Ok(value(&self.read().await?, name))
    }
}

/// A metric's value on a page, by its line's beginning; 0 where there is none.
pub(crate) fn value(page: &str, name: &str) -> f64 {
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0.0)
}

/// A client that asks once.
pub(crate) fn client(url: &str) -> Result<Client> {
    let mut config = kube::Config::new(url.parse()?);
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// Where a program says that it listens, in the line that begins so.
pub(crate) async fn address(process: &Process, head: &str) -> Result<String> {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(process.log()).unwrap_or_default();
        if let Some(url) = text.lines().find_map(|line| line.strip_prefix(head)) {
            return Ok(url.to_owned());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{} does not say where it listens:\n{}",
            process.name(),
            process.last_words()
        );
        tokio::time::sleep(POLL).await;
    }
}
