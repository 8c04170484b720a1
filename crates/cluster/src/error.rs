//! Errors of the API server, as people read them.

use kube::Error;

/// What the API server says of it, without kube's words around it.
pub fn message(error: &Error) -> String {
    match error {
        Error::Api(status) => status.message.clone(),
        Error::Service(source) => source.to_string(),
        error => error.to_string(),
    }
}
