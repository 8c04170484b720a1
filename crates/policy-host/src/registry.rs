//! Registry: policies as artifacts of an OCI registry, laid out as kwctl lays them out, so that
//! each can read what the other pushed.
//!
//! ```text
//! manifest ── config  application/vnd.wasm.config.v1+json         {}
//!    │    └── layer   application/vnd.wasm.content.layer.v1+wasm  the annotated policy
//!    └─ annotations: those of the policy's metadata that fit on one line
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{OciImageManifest, WASM_CONFIG_MEDIA_TYPE, WASM_LAYER_MEDIA_TYPE};
use oci_client::{Reference, errors::OciDistributionError};

mod annotations;
mod credentials;
mod fault;
mod sources;

pub use annotations::annotations;
pub use credentials::{Credentials, CredentialsError};
pub use fault::RegistryError;
pub use sources::{Sources, SourcesError};

/// How policies in a registry are written.
pub const SCHEME: &str = "registry://";
/// How long a registry may take to be connected to, and then to send a byte.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const SILENT_FOR: Duration = Duration::from_secs(60);
/// What a WebAssembly module begins with.
const MAGIC: &[u8] = b"\0asm";

/// How registries are spoken to.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    sources: Sources,
    credentials: Credentials,
}

/// A policy from a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    pub wasm: Vec<u8>,
    /// Its name with the manifest's digest, which never stands for anything else.
    pub immutable: String,
}

/// A way to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Https,
    /// HTTPS, anyone who the server is.
    Unverified,
    Http,
}

impl Registry {
    /// Speaks to registries by `sources`, as whom `credentials` say.
    pub fn new(sources: Sources, credentials: Credentials) -> Self {
        Self { sources, credentials }
    }

    /// Uploads a policy and returns its immutable name: `host/name@sha256:…`.
    pub async fn push(
        &self,
        wasm: &[u8],
        place: &str,
        annotations: BTreeMap<String, String>,
    ) -> Result<String, RegistryError> {
        let layers = [ImageLayer::new(wasm.to_vec(), WASM_LAYER_MEDIA_TYPE.to_owned(), None)];
        let config = Config::new(b"{}".to_vec(), WASM_CONFIG_MEDIA_TYPE.to_owned(), None);
        let manifest = OciImageManifest::build(
            &layers,
            &config,
            Some(annotations).filter(|annotations| !annotations.is_empty()),
        );
        let reference = reference(place)?;
        let auth = self.credentials.find(reference.registry())?;
        let push = async |client: Client| {
            client.push(&reference, &layers, config.clone(), &auth, Some(manifest.clone())).await
        };
        let pushed = self.by_every_transport(place, &reference, push).await?;
        // The registry answers with the manifest's address, whose last part is its digest.
        let digest =
            pushed.manifest_url.rsplit('/').next().filter(|digest| digest.starts_with("sha"));
        let digest = digest.ok_or_else(|| RegistryError::Location {
            place: place.to_owned(),
            url: pushed.manifest_url.clone(),
        })?;
        Ok(immutable(&reference, digest))
    }

    /// Downloads a policy; its digests are checked on the way.
    pub async fn pull(&self, place: &str) -> Result<Pulled, RegistryError> {
        let reference = reference(place)?;
        let auth = self.credentials.find(reference.registry())?;
        let pull = async |client: Client| {
            client.pull(&reference, &auth, vec![WASM_LAYER_MEDIA_TYPE]).await
        };
        let image = self.by_every_transport(place, &reference, pull).await?;
        let count = image.layers.len();
        let layer = image.layers.into_iter().next().filter(|_| count == 1);
        let layer =
            layer.ok_or_else(|| RegistryError::Layers { place: place.to_owned(), count })?;
        if !layer.data.starts_with(MAGIC) {
            return Err(RegistryError::NotWasm { place: place.to_owned() });
        }
        let digest = image.digest.unwrap_or_default();
        Ok(Pulled { wasm: layer.data.to_vec(), immutable: immutable(&reference, &digest) })
    }

    /// The first answer, be it yes or no. Only a registry that the sources call insecure is tried
    /// by more than verified HTTPS.
    async fn by_every_transport<T>(
        &self,
        place: &str,
        reference: &Reference,
        call: impl AsyncFn(Client) -> Result<T, OciDistributionError>,
    ) -> Result<T, RegistryError> {
        let fault = |error| RegistryError::classify(place, reference, &self.credentials, error);
        let mut outcome = call(self.client(reference, Transport::Https).map_err(fault)?).await;
        if self.sources.is_insecure(reference.registry()) {
            for transport in [Transport::Unverified, Transport::Http] {
                if matches!(&outcome, Err(OciDistributionError::RequestError(_))) {
                    outcome = call(self.client(reference, transport).map_err(fault)?).await;
                }
            }
        }
        outcome.map_err(fault)
    }

    fn client(
        &self,
        reference: &Reference,
        transport: Transport,
    ) -> Result<Client, OciDistributionError> {
        // Only the first of a process counts, and it is always this one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::try_from(ClientConfig {
            protocol: if transport == Transport::Http {
                ClientProtocol::Http
            } else {
                ClientProtocol::Https
            },
            accept_invalid_certificates: transport != Transport::Https,
            extra_root_certificates: self.sources.authorities(reference.registry()),
            connect_timeout: Some(CONNECT_WITHIN),
            read_timeout: Some(SILENT_FOR),
            user_agent: concat!("policy-host/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        })
    }
}

/// `registry://host/name:tag`, with or without the scheme, as an OCI reference.
fn reference(place: &str) -> Result<Reference, RegistryError> {
    let name = place.strip_prefix(SCHEME).unwrap_or(place);
    name.parse().map_err(|source| RegistryError::Reference { place: place.to_owned(), source })
}

fn immutable(reference: &Reference, digest: &str) -> String {
    format!("{}/{}@{digest}", reference.registry(), reference.repository())
}
