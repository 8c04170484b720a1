//! Session: host calls replayed from a file of kwctl's `--record-host-capabilities-interactions`,
//! in strict sequence.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::{GetResource, HostCall, HostCalls};

/// A recorded session. Each exchange answers once, and only the request that it was recorded for.
#[derive(Debug)]
pub struct Session {
    rest: Mutex<VecDeque<Exchange>>,
}

/// A file that is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(
        "not a session file ({0}): write a list of `{{type: Exchange, request, response}}` as kwctl records it"
    )]
    Shape(String),
    #[error(
        "request of exchange {index} cannot be read ({message}): only !KubernetesGetResource is supported"
    )]
    Request { index: usize, message: String },
}

#[derive(Debug, PartialEq)]
struct Exchange {
    request: GetResource,
    response: Response,
}

/// As in the file; `request` is YAML inside of YAML.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Recorded {
    Exchange { request: String, response: Response },
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type")]
enum Response {
    Success { payload: String },
    Error { message: String },
}

impl Session {
    /// Reads a session file.
    pub fn parse(yaml: &str) -> Result<Self, SessionError> {
        let recorded: Vec<Recorded> =
            serde_saphyr::from_str(yaml).map_err(|error| SessionError::Shape(error.to_string()))?;
        let exchanges: Result<VecDeque<Exchange>, _> =
            recorded.into_iter().enumerate().map(|(index, one)| exchange(index, one)).collect();
        Ok(Self { rest: Mutex::new(exchanges?) })
    }

    /// The requests, as JSON, that were recorded and have not been asked for.
    pub fn unused(&self) -> Vec<String> {
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.iter()
            .map(|exchange| serde_json::to_string(&exchange.request).unwrap_or_default())
            .collect()
    }
}

fn exchange(
    index: usize,
    Recorded::Exchange { request, response }: Recorded,
) -> Result<Exchange, SessionError> {
    let fault = |message| SessionError::Request { index, message };
    let fields = request
        .trim_start()
        .strip_prefix("!KubernetesGetResource")
        .ok_or_else(|| fault(request.trim().to_owned()))?;
    let request = serde_saphyr::from_str(fields).map_err(|error| fault(error.to_string()))?;
    Ok(Exchange { request, response })
}

impl HostCalls for Session {
    fn call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let request = match HostCall::read(binding, namespace, operation, payload)? {
            HostCall::Log => return Ok(Vec::new()),
            HostCall::GetResource(request) => request,
            _ => {
                return Err(format!(
                    "Replay error: {operation} cannot be replayed, only get_resource"
                ));
            }
        };
        let next = self.rest.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            None => Err("the list of recorded responses is empty".to_owned()),
            Some(Exchange { request: expected, .. }) if expected != request => Err(format!(
                "Replay error: unexpected request. Was expecting {expected:?}, got {request:?} instead"
            )),
            Some(Exchange { response: Response::Success { payload }, .. }) => {
                Ok(payload.into_bytes())
            }
            Some(Exchange { response: Response::Error { message }, .. }) => Err(message),
        }
    }
}
