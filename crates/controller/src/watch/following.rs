//! Following: a list and then a watch of one kind, begun again whenever it breaks off, ever more
//! rarely.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Resource;
use kube::api::Api;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::watch::Receiver;

use crate::context::Signals;
use crate::supervisor::Pulse;
use cluster::clock;

/// The wait after the first failure; twice as long after each further one, up to the last. It
/// counts before the first list, too.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);

/// See the module.
pub(crate) struct Following<K: Resource + Clone> {
    api: Api<K>,
    config: Config,
    /// What is followed, for the log.
    what: &'static str,
    /// What is needed for it, for the log.
    needs: Option<&'static str>,
    relist: Receiver<u64>,
    signals: Arc<Signals>,
    pulse: Pulse,
    events: BoxStream<'static, Result<Event<K>, Error>>,
    failures: u32,
    /// The error, as long as it is broken off.
    error: Option<String>,
    is_not_served: bool,
}

impl<K> Following<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    pub(crate) fn new(
        api: Api<K>,
        config: Config,
        what: &'static str,
        signals: &Arc<Signals>,
        pulse: Pulse,
    ) -> Self {
        let events = watcher(api.clone(), config.clone()).boxed();
        Self {
            api,
            config,
            what,
            needs: None,
            relist: signals.relist.subscribe(),
            signals: Arc::clone(signals),
            pulse,
            events,
            failures: 0,
            error: None,
            is_not_served: false,
        }
    }

    /// Whether the last error said that the kind is not served.
    pub(crate) fn is_not_served(&self) -> bool {
        self.is_not_served
    }

    /// Says in the log what is needed for it, where it breaks off.
    pub(crate) fn needing(self, needs: &'static str) -> Self {
        Self { needs: Some(needs), ..self }
    }

    /// The next event. An error is reported and logged once for as long as it is the same.
    pub(crate) async fn next(&mut self) -> Result<Event<K>, String> {
        let pulse = self.pulse.clone();
        loop {
            let event = tokio::select! {
                biased;
                changed = self.relist.changed() => {
                    if changed.is_ok() {
                        self.events = watcher(self.api.clone(), self.config.clone()).boxed();
                    }
                    continue;
                }
                event = pulse.beat_while(self.events.next()) => event,
            };
            match event {
                Some(Ok(event)) => {
                    self.recover(&event);
                    return Ok(event);
                }
                Some(Err(error)) => {
                    // A version that is too old is followed by a list, which brings everything.
                    if !matches!(error, Error::WatchError(_)) {
                        self.signals.cut_off.send_modify(|number| *number += 1);
                    }
                    self.is_not_served = is_missing(&error);
                    if is_unreachable(&error) {
                        self.events = watcher(self.api.clone(), self.config.clone()).boxed();
                    }
                    let news = self.break_off(error.to_string());
                    pulse.beat_while(tokio::time::sleep(wait_after(self.failures))).await;
                    if let Some(error) = news {
                        return Err(error);
                    }
                }
                // A watcher does not end.
                None => self.events = watcher(self.api.clone(), self.config.clone()).boxed(),
            }
        }
    }

    /// Anything but the beginning of a list shows that the API server answers.
    fn recover(&mut self, event: &Event<K>) {
        match event {
            Event::Init => return,
            Event::InitDone => {}
            Event::InitApply(object) | Event::Apply(object) | Event::Delete(object) => {
                self.signals.see_version(object.meta().resource_version.as_deref());
            }
        }
        self.failures = 0;
        if self.error.take().is_some() {
            tracing::info!(what = self.what, "watch works again");
        }
    }

    fn break_off(&mut self, error: String) -> Option<String> {
        self.failures = self.failures.saturating_add(1);
        if self.error.as_ref() == Some(&error) {
            tracing::debug!(what = self.what, error, "watch still broken off");
            return None;
        }
        tracing::warn!(
            what = self.what,
            error,
            needs = self.needs,
            "watch broke off, starting again"
        );
        self.error = Some(error.clone());
        Some(error)
    }
}

/// Whether the API server does not serve the kind.
pub(super) fn is_missing_kind(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Discovery(_))
        || matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::InitialListFailed(error) | Error::WatchStartFailed(error) if is_missing_kind(error))
}

/// Whether nothing answered that could start the watch. What comes back may be an older state (a
/// restore of etcd stops every API server), and the version to go on from, which only the watcher
/// knows, may be ahead of it: events below it would be left out without a word. So it begins with a
/// list.
fn is_unreachable(error: &Error) -> bool {
    match error {
        Error::WatchStartFailed(kube::Error::Api(status)) => (502..=504).contains(&status.code),
        Error::WatchStartFailed(_) => true,
        _ => false,
    }
}

fn wait_after(failures: u32) -> Duration {
    clock::backoff(FIRST_WAIT, failures.saturating_sub(1), LAST_WAIT)
}
