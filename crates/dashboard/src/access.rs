//! Access: who may read the API. Tokens are judged by the API server: it says whose one is
//! (TokenReview), and whether they may GET the path `/landlord/dashboard` (SubjectAccessReview),
//! which a ClusterRole grants by `nonResourceURLs`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use tokio::sync::Semaphore;

use super::Dashboard;
use super::problem::Problem;
use cluster::clock;

/// What a user has to be allowed to GET.
const PATH: &str = "/landlord/dashboard";
/// How long a judgement counts: so long a user who is shut out still sees, and so often the API
/// server is asked.
const VERDICT_TTL: Duration = Duration::from_secs(30);
/// Judgements that are kept.
const MAX_VERDICTS: usize = 256;
/// Tokens that are judged at a time: guessing must not become a load for the API server.
const MAX_REVIEWS_IN_FLIGHT: usize = 4;
/// Bytes of a token; those of service accounts have about a thousand.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Who may see the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone who reaches it
    Open,
    /// Those whose token the API server knows and allows
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Welcome,
    Stranger,
    Forbidden,
}

/// See the module.
pub(super) struct Gatekeeper {
    access: Access,
    client: Client,
    judged: Mutex<HashMap<String, (Verdict, Instant)>>,
    turns: Semaphore,
}

/// Lets a request of the API through, or says why not.
pub(super) async fn admit(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    let token = bearer(&request).map(str::to_owned);
    match dashboard.gatekeeper.judge(token.as_deref()).await {
        Ok(Verdict::Welcome) => next.run(request).await,
        Ok(Verdict::Stranger) => Problem::new(
            StatusCode::UNAUTHORIZED,
            "say who you are: `Authorization: Bearer TOKEN`, as `kubectl create token` prints one",
        )
        .into_response(),
        Ok(Verdict::Forbidden) => {
            let message = format!(
                "you may not see this: ask for a ClusterRole with nonResourceURLs [{PATH}] and verbs [get]"
            );
            Problem::new(StatusCode::FORBIDDEN, message).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "a token could not be judged");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the API server does not say whose token this is: see the controller's log",
            )
            .into_response()
        }
    }
}

/// Where everybody is let in, a page of another site could get there by a name of its own that
/// means this machine. Such a name is no address.
pub(super) async fn judge_host(
    State(dashboard): State<Arc<Dashboard>>,
    request: Request,
    next: Next,
) -> Response {
    if dashboard.gatekeeper.access == Access::Token || host(&request).is_some_and(is_literal) {
        return next.run(request).await;
    }
    let message =
        "ask by IP address or as localhost, or start the controller with --web-access=token";
    Problem::new(StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

fn host(request: &Request) -> Option<&str> {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| request.uri().authority().map(|authority| authority.as_str()))
}

/// `localhost`, or an address, with or without a port.
fn is_literal(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn bearer(request: &Request) -> Option<&str> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    header.strip_prefix("Bearer ").map(str::trim)
}

impl Gatekeeper {
    pub(super) fn new(access: Access, client: Client) -> Self {
        Self {
            access,
            client,
            judged: Mutex::default(),
            turns: Semaphore::new(MAX_REVIEWS_IN_FLIGHT),
        }
    }

    async fn judge(&self, token: Option<&str>) -> Result<Verdict, Error> {
        match (self.access, token) {
            (Access::Open, _) => Ok(Verdict::Welcome),
            (Access::Token, Some(token)) if !token.is_empty() && token.len() <= MAX_TOKEN_BYTES => {
                self.judge_token(token).await
            }
            (Access::Token, _) => Ok(Verdict::Stranger),
        }
    }

    async fn judge_token(&self, token: &str) -> Result<Verdict, Error> {
        if let Some(verdict) = self.known(token) {
            return Ok(verdict);
        }
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await;
        // Several requests of one page come together.
        if let Some(verdict) = self.known(token) {
            return Ok(verdict);
        }
        let verdict = match clock::within(TIMEOUT, whose(&self.client, token)).await? {
            None => Verdict::Stranger,
            Some(user) => {
                if clock::within(TIMEOUT, may_see(&self.client, user)).await? {
                    Verdict::Welcome
                } else {
                    Verdict::Forbidden
                }
            }
        };
        self.keep(token, verdict);
        Ok(verdict)
    }

    fn known(&self, token: &str) -> Option<Verdict> {
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged
            .get(token)
            .filter(|(_, at)| clock::now() < *at + VERDICT_TTL)
            .map(|(verdict, _)| *verdict)
    }

    fn keep(&self, token: &str, verdict: Verdict) {
        let (mut judged, now) =
            (self.judged.lock().unwrap_or_else(PoisonError::into_inner), clock::now());
        if judged.len() >= MAX_VERDICTS {
            judged
                .retain(|_, (verdict, at)| *verdict == Verdict::Welcome && now < *at + VERDICT_TTL);
        }
        if judged.len() < MAX_VERDICTS {
            judged.insert(token.to_owned(), (verdict, now));
        }
    }
}

async fn whose(client: &Client, token: &str) -> Result<Option<UserInfo>, Error> {
    let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
    let review = TokenReview { spec, ..TokenReview::default() };
    let status = Api::all(client.clone()).create(&PostParams::default(), &review).await?.status;
    Ok(status.filter(|status| status.authenticated == Some(true)).and_then(|status| status.user))
}

async fn may_see(client: &Client, user: UserInfo) -> Result<bool, Error> {
    let attributes =
        NonResourceAttributes { path: Some(PATH.to_owned()), verb: Some("get".to_owned()) };
    let UserInfo { username, groups, uid, extra } = user;
    let spec = SubjectAccessReviewSpec {
        user: username,
        groups,
        uid,
        extra,
        non_resource_attributes: Some(attributes),
        ..Default::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let answer: SubjectAccessReview =
        Api::all(client.clone()).create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("localhost", true)]
    #[case("LOCALHOST:8082", true)]
    #[case("127.0.0.1:8082", true)]
    #[case("10.1.2.3", true)]
    #[case("[::1]:8082", true)]
    #[case("[::1]", true)]
    #[case("evil.example:8082", false)]
    #[case("localhost.evil.example", false)]
    #[case("127.0.0.1.evil.example:80", false)]
    #[case("", false)]
    fn hosts(#[case] host: &str, #[case] expected: bool) {
        assert_eq!(is_literal(host), expected);
    }
}
