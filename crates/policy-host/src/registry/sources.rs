//! Sources: which registries may be spoken to without TLS, and whose certificates are trusted; the
//! file of kwctl's `--sources-path`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use oci_client::client::{Certificate, CertificateEncoding};
use serde::Deserialize;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    insecure: BTreeSet<String>,
    authorities: BTreeMap<String, Vec<Vec<u8>>>,
}

/// A file that is no list of sources.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    #[error("sources {} cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("sources {} are not YAML of the form `insecure_sources: [HOST:PORT], source_authorities: {{HOST: [{{type: Path, path: FILE}}]}}`: {message}", path.display())]
    Yaml { path: PathBuf, message: String },
    #[error("sources {}: the certificate {what} of {host:?} is not PEM: give the authority's certificate as text", path.display())]
    Certificate { path: PathBuf, host: String, what: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    insecure_sources: BTreeSet<String>,
    #[serde(default)]
    source_authorities: BTreeMap<String, Vec<Authority>>,
}

/// kwctl writes the type; older files do without.
#[derive(Deserialize)]
#[serde(untagged)]
enum Authority {
    Path { path: PathBuf },
    Data { data: String },
}

impl Sources {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, SourcesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SourcesError::Read { path: path.to_owned(), source })?;
        let yaml = |message: String| SourcesError::Yaml { path: path.to_owned(), message };
        let document: Document =
            serde_saphyr::from_str(&text).map_err(|error| yaml(error.to_string()))?;
        let mut authorities = BTreeMap::new();
        for (host, listed) in document.source_authorities {
            let read = listed
                .into_iter()
                .map(|authority| authority.certificate(path, &host))
                .collect::<Result<Vec<_>, _>>()?;
            authorities.insert(host, read);
        }
        Ok(Self { insecure: document.insecure_sources, authorities })
    }

    /// kwctl's own file, where there is one: `~/.config/kubewarden/sources.yaml`.
    pub fn default_file() -> Option<PathBuf> {
        let set = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let folder =
            set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
        Some(folder.join("kubewarden/sources.yaml")).filter(|path| path.exists())
    }

    pub(super) fn is_insecure(&self, registry: &str) -> bool {
        self.insecure.contains(registry)
    }

    pub(super) fn authorities(&self, registry: &str) -> Vec<Certificate> {
        let pem =
            |data: &Vec<u8>| Certificate { encoding: CertificateEncoding::Pem, data: data.clone() };
        self.authorities.get(registry).into_iter().flatten().map(pem).collect()
    }
}

impl Authority {
    fn certificate(self, sources: &Path, host: &str) -> Result<Vec<u8>, SourcesError> {
        let (what, data) = match self {
            Self::Data { data } => ("in `data`".to_owned(), data.into_bytes()),
            Self::Path { path } => {
                let data = std::fs::read(&path)
                    .map_err(|source| SourcesError::Read { path: path.clone(), source })?;
                (path.display().to_string(), data)
            }
        };
        if String::from_utf8_lossy(&data).contains("-----BEGIN CERTIFICATE-----") {
            Ok(data)
        } else {
            Err(SourcesError::Certificate { path: sources.to_owned(), host: host.to_owned(), what })
        }
    }
}
