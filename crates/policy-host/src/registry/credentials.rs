//! Credentials: what `docker login` left behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

/// Where Docker's `config.json` is.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    folder: Option<PathBuf>,
}

/// Credentials that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("credentials: {} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("credentials: {} has none for {registry:?} that can be used: {source}", path.display())]
    Content { path: PathBuf, registry: String, source: CredentialRetrievalError },
}

impl Credentials {
    /// Those of `config.json` in this folder, which must be there; without a folder those in
    /// `$DOCKER_CONFIG` or `~/.docker`, if any.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// As whom to speak to a registry: anonymously where nothing is known of it.
    pub(super) fn find(&self, registry: &str) -> Result<RegistryAuth, CredentialsError> {
        let Some(path) = self.file() else { return Ok(RegistryAuth::Anonymous) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.folder.is_none() => {
                return Ok(RegistryAuth::Anonymous);
            }
            Err(source) => return Err(CredentialsError::Read { path, source }),
        };
        match docker_credential::get_credential_from_reader(file, registry) {
            Ok(DockerCredential::UsernamePassword(name, password)) => {
                Ok(RegistryAuth::Basic(name, password))
            }
            // kwctl cannot use these either, and public policies are to be had without.
            Ok(DockerCredential::IdentityToken(_))
            | Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(RegistryAuth::Anonymous),
            // What a helper says of a registry that it does not know.
            Err(CredentialRetrievalError::HelperFailure { .. }) => Ok(RegistryAuth::Anonymous),
            Err(source) => {
                Err(CredentialsError::Content { path, registry: registry.to_owned(), source })
            }
        }
    }

    /// The file that would be read.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let set = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let folder = self
            .folder
            .clone()
            .or_else(|| set("DOCKER_CONFIG"))
            .or_else(|| set("HOME").map(|home| home.join(".docker")));
        folder.map(|folder| if is_file(&folder) { folder } else { folder.join("config.json") })
    }
}

/// kwctl takes the folder; the file's own path is what people try first.
fn is_file(path: &Path) -> bool {
    path.is_file()
}
