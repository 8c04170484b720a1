//! Waiting: a condition is looked at again and again until it holds, and looking changes nothing.
//!
//! A look that writes is a test of luck: a Pod that was created a moment too early is held, the
//! next look finds its name taken, and the condition never holds. So clients of a
//! [`Cluster`](crate::Cluster) note what they send meanwhile, and a look that would change
//! something ends the test at once. Read instead, or try with a server-side dry run.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::time::{Duration, Instant};

use http::{Method, Request};
use tokio::runtime::{Handle, RuntimeFlavor};

/// How long anything may take that is waited for. It ends what hangs, and says nothing of how long
/// something should take: on a machine that has other work as well, everything takes many times as
/// long.
pub const PATIENCE: Duration = Duration::from_secs(240);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

thread_local! {
    /// Whether a condition is looked at on this thread.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
    /// What was sent meanwhile that changes something.
    static ACT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Waits until this holds; it is an error if it does not.
#[track_caller]
pub fn eventually<'a>(
    what: &'a str,
    holds: impl AsyncFnMut() -> bool + 'a,
) -> impl Future<Output = ()> + 'a {
    let place = Location::caller();
    let holds = comes_true(holds);
    async move { assert!(holds.await, "{what}: not within {} s ({place})", PATIENCE.as_secs()) }
}

/// Waits until this holds; false where it does not, for callers that have more to say then.
#[track_caller]
pub fn comes_true<'a>(
    mut holds: impl AsyncFnMut() -> bool + 'a,
) -> impl Future<Output = bool> + 'a {
    let place = Location::caller();
    async move {
        let deadline = Instant::now() + PATIENCE;
        while !poll_once(place, &mut holds).await {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }
}

async fn poll_once(place: &Location<'_>, holds: &mut impl AsyncFnMut() -> bool) -> bool {
    let looking = Looking::begin();
    let held = holds().await;
    drop(looking);
    let act = ACT.take();
    assert!(
        act.is_none(),
        "a condition is waited for by an act: {}; read, or try with a dry run ({place})",
        act.unwrap_or_default()
    );
    held
}

/// Until it is dropped, what is sent is noted. A runtime of several threads sends from any of them:
/// nothing is noted there.
struct Looking(bool);

impl Looking {
    fn begin() -> Self {
        let alone = Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread);
        Self(LOOKING.replace(alone))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        LOOKING.set(self.0);
    }
}

/// Notes a request that changes something, where a condition is looked at.
pub(crate) fn note<B>(request: Request<B>) -> Request<B> {
    if LOOKING.get() && changes(request.method(), request.uri()) {
        ACT.set(Some(format!("{} {}", request.method(), request.uri().path())));
    }
    request
}

/// Reviews and tokens are answers that nobody stores.
fn changes(method: &Method, uri: &http::Uri) -> bool {
    let dry = uri.query().is_some_and(|query| query.split('&').any(|part| part == "dryRun=All"));
    let answer = uri.path().ends_with("reviews") || uri.path().ends_with("/token");
    !method.is_safe() && !dry && !answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::read("GET", "/api/v1/namespaces/a", false)]
    #[case::dry_run("POST", "/api/v1/namespaces?&dryRun=All&fieldManager=x", false)]
    #[case::review("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", false)]
    #[case::token("POST", "/api/v1/namespaces/a/serviceaccounts/b/token", false)]
    #[case::create("POST", "/api/v1/namespaces?", true)]
    #[case::apply("PATCH", "/api/v1/namespaces/a?&fieldManager=x&force=true", true)]
    #[case::delete("DELETE", "/api/v1/namespaces/a?", true)]
    fn an_act_is_told_from_a_look(
        #[case] method: Method,
        #[case] uri: http::Uri,
        #[case] act: bool,
    ) {
        assert_eq!(changes(&method, &uri), act);
    }

    fn send(method: &str) {
        let request = Request::builder()
            .method(method)
            .uri("/api/v1/namespaces/web")
            .body(())
            .expect("a request");
        let _ = note(request);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_go_on_until_it_holds() {
        let mut looks = 0;
        eventually("the third look", async || {
            send("GET");
            looks += 1;
            looks == 3
        })
        .await;
        send("DELETE");
        eventually("nothing", async || true).await;
    }

    #[tokio::test]
    #[should_panic(
        expected = "a condition is waited for by an act: DELETE /api/v1/namespaces/web; read, or try with a dry run (crates/"
    )]
    async fn an_act_is_no_look() {
        eventually("its end", async || {
            send("DELETE");
            true
        })
        .await;
    }
}
