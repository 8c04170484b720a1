//! Watching: changes after a revision, a line each, with bookmarks, until the time is over, the
//! watch is broken off, or what it asks for is forgotten.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use http::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::InMemory;
use super::answer::Refusal;
use super::read::presented;
use super::store::Change;
use super::target::{Target, Wanted};

/// How often a watch hears how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say.
const TIMEOUT: u64 = 1800;

struct Watching {
    server: InMemory,
    target: Target,
    wanted: Wanted,
    seen: u64,
    revision: watch::Receiver<u64>,
    breaks: watch::Receiver<u64>,
    bookmark: Instant,
    end: Instant,
    over: bool,
}

impl InMemory {
    pub(super) fn watch(&self, target: Target) -> Result<Response<Body>, Refusal> {
        let wanted = target.wanted()?;
        let now = Instant::now();
        let seen = target.number("resourceVersion").unwrap_or(0);
        let watching = Watching {
            seen: if seen == 0 { self.state().revision } else { seen },
            end: now + Duration::from_secs(target.number("timeoutSeconds").unwrap_or(TIMEOUT)),
            bookmark: now + BOOKMARKS,
            revision: self.revision.subscribe(),
            breaks: self.breaks.subscribe(),
            server: self.clone(),
            target,
            wanted,
            over: false,
        };
        let lines = stream::unfold(watching, |mut watching| async move {
            let lines = watching.next().await?;
            Some((Ok::<_, std::io::Error>(lines), watching))
        });
        Ok(Response::new(Body::from_stream(lines)))
    }
}

impl Watching {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            self.revision.mark_unchanged();
            if self.server.faults().deaf.as_ref() == Some(&self.target.plural) {
                if let Some(bookmark) = self.wait().await.filter(|_| self.over) {
                    return Some(bookmark);
                }
                continue;
            }
            let changes =
                self.server.state().since(&self.target.api_version, &self.target.plural, self.seen);
            match changes {
                Err(refusal) => {
                    self.over = true;
                    return Some(line("ERROR", &refusal.status()));
                }
                Ok(changes) if !changes.is_empty() => {
                    let lines = self.lines(&changes);
                    if !lines.is_empty() {
                        return Some(lines.into());
                    }
                }
                Ok(_) if !self.is_served() => self.over = true,
                Ok(_) => {
                    if let Some(bookmark) = self.wait().await {
                        return Some(bookmark);
                    }
                }
            }
        }
    }

    fn is_served(&self) -> bool {
        self.server.state().kind(&self.target.api_version, &self.target.plural).is_some()
    }

    /// Waits for something to happen; a line if that is the time of a bookmark.
    async fn wait(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            broken = self.breaks.changed() => { self.over = true; drop(broken); None }
            more = self.revision.changed() => { self.over = more.is_err(); None }
            () = tokio::time::sleep_until(self.end) => { self.over = true; self.bookmark() }
            () = tokio::time::sleep_until(self.bookmark) => { self.bookmark = Instant::now() + BOOKMARKS; self.bookmark() }
        }
    }

    /// Everything up to now has been told.
    fn bookmark(&mut self) -> Option<Bytes> {
        self.seen = self.server.state().revision;
        let kind = self
            .server
            .state()
            .kind(&self.target.api_version, &self.target.plural)
            .map(|kind| kind.kind.clone())?;
        let object = json!({"kind": kind, "apiVersion": self.target.api_version, "metadata": {"resourceVersion": self.seen.to_string()}});
        self.target.flag("allowWatchBookmarks").then(|| line("BOOKMARK", &object))
    }

    fn lines(&mut self, changes: &[Change]) -> Vec<u8> {
        let mut lines = Vec::new();
        for change in changes {
            self.seen = change.revision;
            let metadata = &change.object["metadata"];
            let concerns = self.wanted.has(&change.object)
                && (self.target.namespace.is_empty()
                    || metadata["namespace"] == *self.target.namespace);
            if concerns {
                lines.extend(line(change.word, &presented(&change.object, &self.target)));
            }
        }
        lines
    }
}

fn line(word: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": word, "object": object})).into()
}
