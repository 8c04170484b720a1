//! Plain HTTP on loopback, where every status is an answer.

use std::time::Duration;

use futures::io::Lines;
use futures::{AsyncBufReadExt, Stream, StreamExt};
use kube::client::Body;
use kube::{Client, Config};
use serde_json::Value;

pub struct Http {
    client: Client,
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Http {
    /// Of what listens at this URL.
    pub fn new(url: &str) -> Self {
        let mut config = Config::new(url.parse().expect("a URL"));
        config.default_retry = false;
        config.read_timeout = Some(Duration::from_secs(300));
        Self { client: Client::try_from(config).expect("a client") }
    }

    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Answer {
        let (parts, body) = request.into_parts();
        let answer = self
            .client
            .send(http::Request::from_parts(parts, Body::from(body)))
            .await
            .expect("an answer");
        let (parts, body) = answer.into_parts();
        let bytes = body.collect_bytes().await.expect("its body");
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(path).body(Vec::new()).expect("a request")).await
    }

    /// The events of a stream, as they come.
    pub async fn stream(&self, path: &str) -> impl Stream<Item = String> + Unpin {
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        let lines = Box::pin(self.client.request_stream(request).await.expect("a stream")).lines();
        let event = |mut lines: Lines<_>| async move {
            let mut event = String::new();
            while let Some(line) = lines.next().await {
                let line = line.expect("a line");
                match (line.is_empty(), event.is_empty()) {
                    (true, false) => return Some((event, lines)),
                    (true, true) => {}
                    _ if line.starts_with(':') => {}
                    _ => event += &format!("{line}\n"),
                }
            }
            None
        };
        Box::pin(futures::stream::unfold(lines, event))
    }

    /// With these headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers
            .iter()
            .fold(http::Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Vec::new()).expect("a request")).await
    }
}
