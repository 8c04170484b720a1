//! `version`: of this program, of the API server, and of the controller that is installed there.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use cluster::error::message;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use terminal::visible;

use crate::flags::Connection;
use crate::help::{self, Example, Exit};
use crate::output::form::FormFlags;

/// Stable: fields are added, never changed.
const API_VERSION: &str = "landlord.dev/version/v1";
/// What chart and manifests put on the controller's Deployment.
const CONTROLLER: &str = "app.kubernetes.io/name=landlord";

const EXAMPLES: [Example; 3] = [
    ("Of this program, of Kubernetes and of the controller there", "landlord version"),
    ("Of this program alone, without a cluster", "landlord version --client"),
    ("For a script", "landlord version --client -o jsonpath='{.client.version}'"),
];
const EXITS: [Exit; 2] =
    [(0, "printed"), (1, "an error; what is known of this program is printed all the same")];

/// Show the version of this program, Kubernetes and the controller
///
/// A program built from the repository by `make` or by a release knows its commit. The controller's
/// version is the tag of its image.
#[derive(Args, Debug)]
#[command(after_help = help::examples(&EXAMPLES), after_long_help = help::notes(&EXAMPLES, &EXITS))]
pub(crate) struct Version {
    /// Only of this program: no cluster is asked
    #[arg(long, env = "LANDLORD_CLIENT")]
    client: bool,
    /// Namespace of the controller
    #[arg(
        long,
        env = "LANDLORD_LEASE_NAMESPACE",
        value_name = "NAMESPACE",
        default_value = "landlord"
    )]
    lease_namespace: String,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    form: FormFlags,
}

/// What a cluster says.
struct Server {
    kubernetes: String,
    /// Images of the controller's Deployments, or why they are not known.
    controllers: Result<Vec<String>, String>,
}

impl Version {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<ExitCode> {
        let server = if self.client {
            Ok(None)
        } else {
            let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
            runtime.block_on(self.ask()).map(Some)
        };
        let found = server.as_ref().ok().and_then(Option::as_ref);
        self.form.print(|| render(found), || document(found))?;
        server.map(|_| ExitCode::SUCCESS)
    }

    async fn ask(&self) -> Result<Server> {
        let client = self.connection.client().await?;
        let kubernetes = client.apiserver_version().await.context("Kubernetes' version")?;
        let controllers = self.controllers(&client).await;
        Ok(Server { kubernetes: kubernetes.git_version, controllers })
    }

    async fn controllers(&self, client: &Client) -> Result<Vec<String>, String> {
        let api: Api<Deployment> = Api::namespaced(client.clone(), &self.lease_namespace);
        let found = api.list(&ListParams::default().labels(CONTROLLER)).await;
        let found = found.map_err(|error| message(&error))?;
        let specs = found.items.into_iter().filter_map(|one| one.spec.template.spec);
        Ok(specs.flat_map(|spec| spec.containers).filter_map(|one| one.image).collect())
    }
}

/// The commit that this program was built from, where the build said it.
fn commit() -> Option<&'static str> {
    option_env!("LANDLORD_COMMIT").filter(|commit| !commit.is_empty())
}

fn render(server: Option<&Server>) -> String {
    let commit = commit().map(|commit| format!(" (commit {commit})")).unwrap_or_default();
    let mut text = format!("landlord:   {}{commit}\n", env!("CARGO_PKG_VERSION"));
    let Some(Server { kubernetes, controllers }) = server else { return text };
    let controllers = match controllers {
        Ok(images) if images.is_empty() => "not installed".to_owned(),
        Ok(images) => images.join(", "),
        Err(why) => format!("not known: {why}"),
    };
    text += &format!("Kubernetes: {}\n", visible(kubernetes));
    text += &format!("controller: {}\n", visible(&controllers));
    text
}

/// `{"apiVersion", "client": {"version", "commit"}, "server": null | {"kubernetes", "controllers": null | [image]}}`
fn document(server: Option<&Server>) -> Value {
    let server = server.map(|Server { kubernetes, controllers }| {
        json!({"kubernetes": kubernetes, "controllers": controllers.as_ref().ok()})
    });
    let client = json!({"version": env!("CARGO_PKG_VERSION"), "commit": commit()});
    json!({"apiVersion": API_VERSION, "client": client, "server": server})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each() {
        let server = |controllers| Server { kubernetes: "v1.36.0".to_owned(), controllers };
        let ends = [
            (Ok(vec!["ghcr.io/a/landlord:v0.1.0".to_owned()]), "ghcr.io/a/landlord:v0.1.0\n"),
            (Ok(Vec::new()), "not installed\n"),
            (Err("forbidden".to_owned()), "not known: forbidden\n"),
        ];
        for (controllers, end) in ends {
            let text = render(Some(&server(controllers)));
            assert!(text.starts_with("landlord:   0."), "{text}");
            assert!(text.contains("\nKubernetes: v1.36.0\ncontroller: "), "{text}");
            assert!(text.ends_with(end), "{text}");
        }
        assert_eq!(render(None).lines().count(), 1);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let server =
            Server { kubernetes: "v1.36.0".to_owned(), controllers: Err("forbidden".to_owned()) };
        assert_eq!(document(Some(&server))["server"]["controllers"], Value::Null);
        assert_eq!(document(None)["server"], Value::Null);
    }
}
