//! Files of a cluster: certificates, keys, tokens, kubeconfigs.

use std::fs;
use std::path::PathBuf;

use super::StartError;
use crate::authority::Authority;
use crate::kubeconfig;
use crate::scratch::Scratch;
use crate::user::Credential;

pub(super) fn write(
    scratch: &Scratch,
    authority: &Authority,
    credentials: &[Credential],
    server: &str,
) -> Result<(), StartError> {
    let identity = authority.server()?;
    let accounts = rcgen::KeyPair::generate()?;
    let lines: String = credentials.iter().map(Credential::line).collect();
    fs::write(scratch.file("ca.crt"), authority.pem())?;
    fs::write(scratch.file("server.crt"), identity.certificate)?;
    fs::write(scratch.file("server.key"), identity.key)?;
    fs::write(scratch.file("service-account.key"), accounts.serialize_pem())?;
    fs::write(scratch.file("service-account.pub"), accounts.public_key_pem())?;
    fs::write(scratch.file("tokens.csv"), lines)?;
    let authority = scratch.file("ca.crt").display().to_string();
    for credential in credentials {
        let document = kubeconfig::document(server, &authority, &[credential]);
        fs::write(kubeconfig_of(scratch, &credential.user.name), document.to_string())?;
    }
    let all: Vec<&Credential> = credentials.iter().collect();
    fs::write(
        scratch.file("kubeconfig"),
        kubeconfig::document(server, &authority, &all).to_string(),
    )?;
    Ok(())
}

pub(super) fn kubeconfig_of(scratch: &Scratch, user: &str) -> PathBuf {
    scratch.file(&format!("{}.kubeconfig", user.replace(':', "_")))
}
