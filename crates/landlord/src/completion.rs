//! Completion: the names that a shell offers while a command line is typed.
//!
//! They come from the cluster that the line and the environment point at. A shell that waits is
//! worse than one that offers nothing: there is a second for it, and no error is shown.

use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use cluster::connection::Connection;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::Value;
use tenancy::settings::Settings;

/// How long the cluster has.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(1);
/// More names than anybody reads.
const MAX_NAMES: u32 = 500;

/// Names of namespaces.
pub(crate) fn namespaces() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |client: Client| {
            let api: Api<Namespace> = Api::all(client);
            let list = api.list_metadata(&ListParams::default().limit(MAX_NAMES)).await.ok()?;
            Some(list.items.into_iter().filter_map(|found| found.metadata.name).collect())
        })
    })
}

/// Names of tenants of landlord's own kind, else of Capsule's.
pub(crate) fn tenants() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ask(async |client: Client| {
            for source in ["landlord", "capsule"] {
                let settings =
                    Settings::from_value(&serde_json::json!({"tenantSource": source})).ok()?;
                let found =
                    cluster::lists::tenant_objects(&client, &settings).await.unwrap_or_default();
                if !found.is_empty() {
                    return Some(
                        found.into_iter().map(|(name, _): (String, Value)| name).collect(),
                    );
                }
            }
            None
        })
    })
}

/// Contexts of the kubeconfig.
pub(crate) fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        connection(&typed()).contexts().into_iter().map(CompletionCandidate::new).collect()
    })
}

/// The words of the line that is being completed: the shell gives them behind `--`.
fn typed() -> Vec<String> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The cluster that such a line is about.
fn connection(words: &[String]) -> Connection {
    let kubeconfig = value(words, "--kubeconfig").map(|path| PathBuf::from(at_home(&path)));
    let context = value(words, "--context").or_else(|| std::env::var("LANDLORD_CONTEXT").ok());
    Connection { kubeconfig, context, ..Connection::default() }
}

/// What follows a flag, be it `--flag value` or `--flag=value`, which bash takes apart into three
/// words; the last one counts.
fn value(words: &[String], flag: &str) -> Option<String> {
    let of = |(index, word): (usize, &String)| {
        let rest = word.strip_prefix(flag)?;
        let mut behind = words.iter().skip(index + 1).skip_while(|word| *word == "=");
        if rest.is_empty() {
            behind.next().cloned()
        } else {
            rest.strip_prefix('=').map(str::to_owned)
        }
    };
    words.iter().enumerate().filter_map(of).rfind(|value| !value.is_empty())
}

/// `~/`, which nobody has replaced yet.
fn at_home(path: &str) -> String {
    match (path.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => path.to_owned(),
    }
}

fn ask(question: impl AsyncFn(Client) -> Option<Vec<String>>) -> Vec<CompletionCandidate> {
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return Vec::new() };
    let answer = runtime.block_on(async {
        let names = async { question(connection(&typed()).client().await.ok()?).await };
        tokio::time::timeout(COMPLETION_TIMEOUT, names).await.ok().flatten()
    });
    runtime.shutdown_background();
    answer.unwrap_or_default().into_iter().map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::two_words("landlord explain --context prod so", Some("prod"))]
    #[case::one("landlord explain --context=prod so", Some("prod"))]
    #[case::as_bash_gives_it("landlord explain --context = prod so", Some("prod"))]
    #[case::the_last("landlord explain --context dev --context prod so", Some("prod"))]
    #[case::another_flag("landlord explain --contexts prod so", None)]
    #[case::none("landlord explain so", None)]
    #[case::nothing_yet("landlord explain --context", None)]
    fn flags_of_the_line(#[case] line: &str, #[case] expected: Option<&str>) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(value(&words, "--context").as_deref(), expected);
    }
}
