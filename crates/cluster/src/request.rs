//! Request: a client's requests are logged, and have a time to be answered in.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::{Request, Response};
use tower::{BoxError, Service};

/// A service whose requests are logged at level `debug`, and fail if their answer does not begin in
/// time. How long the rest of an answer takes is not bounded: a watch answers for as long as it is
/// open.
#[derive(Clone, Debug)]
pub(crate) struct Requests<S> {
    inner: S,
    timeout: Option<Duration>,
}

/// No answer began in time.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer {request} within {}", crate::clock::duration_text(*timeout))]
struct Late {
    request: String,
    timeout: Duration,
}

impl<S> Requests<S> {
    pub(crate) fn new(inner: S, timeout: Option<Duration>) -> Self {
        Self { inner, timeout }
    }
}

impl<S, A, B> Service<Request<A>> for Requests<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (timeout, began) = (self.timeout, Instant::now());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = match timeout {
                None => answer.await.map_err(Into::into),
                Some(timeout) => match tokio::time::timeout(timeout, answer).await {
                    Ok(answer) => answer.map_err(Into::into),
                    Err(_) => {
                        Err(Late { request: format!("{method} {}", uri.path()), timeout }.into())
                    }
                },
            };
            let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match &answer {
                Ok(found) => {
                    let status = found.status().as_u16();
                    tracing::debug!(%method, %uri, status, milliseconds, "request");
                }
                Err(error) => tracing::debug!(%method, %uri, %error, milliseconds, "request"),
            }
            answer
        })
    }
}
