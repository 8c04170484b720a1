//! Why a cluster did not come up.

use std::io;
use std::path::PathBuf;

use super::READY_WITHIN;
use crate::binaries::BinariesError;
use crate::manifest::{self, ManifestError};

/// A cluster that did not come up, or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Binaries(#[from] BinariesError),
    #[error("cannot make the cluster's files: {0}")]
    Files(#[from] io::Error),
    #[error("cannot make the cluster's certificates: {0}")]
    Certificates(#[from] rcgen::Error),
    #[error("{name} ended at once; its last words:\n{words}whole log: {}", log.display())]
    Ended { name: String, words: String, log: PathBuf },
    #[error("the API server is not ready after {} s; its last words:\n{words}whole log: {}", READY_WITHIN.as_secs(), log.display())]
    NotReady { words: String, log: PathBuf },
    #[error("the rights of {binding:?} are not in force after {} s: the API server denies {question}", READY_WITHIN.as_secs())]
    NotInForce { binding: String, question: String },
    #[error("the API server does not ask policy {policy:?} about namespaces after {} s", READY_WITHIN.as_secs())]
    NotAsked { policy: String },
    #[error("no user {0:?} in this cluster: add it with Builder::user")]
    UnknownUser(String),
    #[error("{}", manifest::describe_error(.0))]
    Kubernetes(Box<kube::Error>),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl From<kube::Error> for StartError {
    fn from(error: kube::Error) -> Self {
        Self::Kubernetes(Box::new(error))
    }
}
