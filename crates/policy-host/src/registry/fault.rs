//! Fault: what a registry's refusal means for anyone who asked.

use oci_client::Reference;
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};

use super::credentials::{Credentials, CredentialsError};

/// A policy that cannot be pushed or pulled.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error(
        "{place:?} is no reference to a policy in a registry ({source}): write registry://HOST[:PORT]/NAME:TAG"
    )]
    Reference { place: String, source: oci_client::ParseError },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(
        "{place:?}: registry {registry:?} cannot be reached: {message}. One that speaks plain HTTP, or whose certificate cannot be verified, must be listed \
         in a file given with --sources-path: `insecure_sources: [{registry:?}]`"
    )]
    Unreachable { place: String, registry: String, message: String },
    #[error(
        "{place:?}: registry {registry:?} has no such policy: check the name and the tag {tag:?}"
    )]
    Unknown { place: String, registry: String, tag: String },
    #[error(
        "{place:?}: registry {registry:?} does not allow this {identity}: run `docker login {registry}`, or give --docker-config-json-path"
    )]
    Unauthorized { place: String, registry: String, identity: String },
    #[error(
        "{place:?} is no policy: it has a layer of type {media_type:?}, and policies have application/vnd.wasm.content.layer.v1+wasm"
    )]
    MediaType { place: String, media_type: String },
    #[error("{place:?} is no policy: it has {count} layers instead of 1")]
    Layers { place: String, count: usize },
    #[error(
        "{place:?} is no policy: its layer does not begin as WebAssembly does, though its type says so"
    )]
    NotWasm { place: String },
    #[error(
        "{place:?}: what registry {registry:?} sent is damaged or forged: its digest is {actual}, not {expected}. Do not use it; push the policy again"
    )]
    Digest { place: String, registry: String, expected: String, actual: String },
    #[error("{place:?} was pushed, but the registry's answer {url:?} does not end with a digest")]
    Location { place: String, url: String },
    #[error("{place:?}: {source}")]
    Other { place: String, source: OciDistributionError },
}

impl RegistryError {
    pub(super) fn classify(
        place: &str,
        reference: &Reference,
        credentials: &Credentials,
        error: OciDistributionError,
    ) -> Self {
        let (place, registry) = (place.to_owned(), reference.registry().to_owned());
        match error {
            OciDistributionError::RequestError(error) => {
                Self::Unreachable { place, registry, message: root_cause(&error) }
            }
            OciDistributionError::IncompatibleLayerMediaTypeError(media_type) => {
                Self::MediaType { place, media_type }
            }
            OciDistributionError::PullNoLayersError => Self::Layers { place, count: 0 },
            OciDistributionError::DigestError(DigestError::VerificationError {
                expected,
                actual,
            }) => Self::Digest { place, registry, expected, actual },
            other if is_unauthorized(&other) => {
                Self::Unauthorized { place, identity: identity(&registry, credentials), registry }
            }
            other if is_unknown(&other) => Self::Unknown { place, registry, tag: tag(reference) },
            source => Self::Other { place, source },
        }
    }
}

fn is_unauthorized(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => true,
        OciDistributionError::ServerError { code, .. } => matches!(code, 401 | 403),
        other => codes(other)
            .any(|code| matches!(code, OciErrorCode::Unauthorized | OciErrorCode::Denied)),
    }
}

fn is_unknown(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        other => codes(other).any(|code| {
            matches!(
                code,
                OciErrorCode::ManifestUnknown | OciErrorCode::NameUnknown | OciErrorCode::NotFound
            )
        }),
    }
}

fn codes(error: &OciDistributionError) -> impl Iterator<Item = &OciErrorCode> {
    let envelope = if let OciDistributionError::RegistryError { envelope, .. } = error {
        Some(envelope)
    } else {
        None
    };
    envelope.into_iter().flat_map(|envelope| &envelope.errors).map(|error| &error.code)
}

/// As whom it was asked.
fn identity(registry: &str, credentials: &Credentials) -> String {
    use oci_client::secrets::RegistryAuth;
    let file = credentials.file().map(|path| path.display().to_string()).unwrap_or_default();
    match credentials.find(registry) {
        Ok(RegistryAuth::Basic(name, _)) => format!("to {name:?} (of {file})"),
        _ => format!("without a name, and {file:?} has none for it"),
    }
}

fn tag(reference: &Reference) -> String {
    reference.digest().or(reference.tag()).unwrap_or_default().to_owned()
}

/// reqwest says what it did; what went wrong is in the last of the causes.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
