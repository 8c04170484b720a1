//! `push`, `pull` and `run registry://…` against a real registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use local_cluster::registry::{self, Options, Registry};
use policy_host::annotation;
use policy_host::registry::{Credentials, Registry as Host, RegistryError, Sources};
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::guests::ACCEPT;

const METADATA: &str = "
rules: [{apiGroups: [''], apiVersions: [v1], resources: [namespaces], operations: [CREATE]}]
mutating: false
annotations: {io.kubewarden.policy.title: accept, io.kubewarden.policy.source: 'https://example.com/accept'}
";

/// A registry, and a user who speaks to it.
struct Scene {
    registry: Registry,
    folder: TempDir,
    sources: PathBuf,
}

impl Scene {
    fn new(options: Options) -> Self {
        let registry = Registry::start(options).expect("a registry");
        let sources = registry.insecure_sources().expect("a file");
        Self { registry, sources, folder: TempDir::new().expect("a folder") }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path").to_owned()
    }

    /// policy-host with these sources, and with no credentials but those of the arguments.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
        command.args(arguments).arg("--sources-path").arg(&self.sources);
        command
            .env("DOCKER_CONFIG", self.folder.path())
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .expect("the binary runs")
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{}\n{}",
            read_stderr(&output),
            self.registry.last_words()
        );
        String::from_utf8(output.stdout).expect("text")
    }

    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            !output.status.success(),
            "{arguments:?} must fail, and says {}",
            String::from_utf8_lossy(&output.stdout)
        );
        read_stderr(&output)
    }

    /// The accept-everything policy with metadata and a README.
    fn annotated(&self) -> String {
        let (metadata, readme, annotated) =
            (self.file("metadata.yml"), self.file("README.md"), self.file("annotated.wasm"));
        fs::write(&metadata, METADATA).expect("a file");
        fs::write(&readme, "# Accept\n\nEverything.\n").expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_policy-host"));
        command.args(["annotate", accept(), "-m", &metadata, "-u", &readme, "-o", &annotated]);
        assert!(command.status().expect("the binary runs").success());
        annotated
    }

    fn host(&self) -> Host {
        Host::new(Sources::read(&self.sources).expect("sources"), Credentials::new(None))
    }
}

fn read_stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn accept() -> &'static str {
    ACCEPT.to_str().expect("a path")
}

fn digest(bytes: &[u8]) -> String {
    format!(
        "sha256:{}",
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    )
}

/// A manifest as the registry hands it out.
async fn manifest(scene: &Scene, name: &str) -> Vec<u8> {
    let config = oci_client::client::ClientConfig {
        protocol: oci_client::client::ClientProtocol::Http,
        accept_invalid_certificates: true,
        ..Default::default()
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = oci_client::Client::try_from(config).expect("a client");
    let reference =
        scene.registry.url(name).trim_start_matches("registry://").parse().expect("a reference");
    let kinds = [oci_client::manifest::OCI_IMAGE_MEDIA_TYPE];
    let (bytes, _) = client
        .pull_manifest_raw(&reference, &oci_client::secrets::RegistryAuth::Anonymous, &kinds)
        .await
        .expect("a manifest");
    bytes.to_vec()
}

#[tokio::test]
async fn what_is_pushed_is_pulled_and_runs() {
    let scene = Scene::new(Options::default());
    let (annotated, pulled) = (scene.annotated(), scene.file("pulled.wasm"));
    let url = scene.registry.url("policies/accept:v1.0.0");

    let manifest_pushed = scene.succeed(&["push", &annotated, &url]);
    let manifest = manifest(&scene, "policies/accept:v1.0.0").await;
    let immutable = format!("{}/policies/accept@{}", scene.registry.address(), digest(&manifest));
    assert_eq!(manifest_pushed, format!("Policy successfully pushed: {immutable}\n"));
    let json: Value =
        serde_json::from_str(&scene.succeed(&["push", "-o", "json", &annotated, &url]))
            .expect("JSON");
    assert_eq!(json, json!({"immutable_ref": immutable}), "the same policy has the same name");

    let bytes = fs::read(&annotated).expect("the policy");
    let layout: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(
        layout,
        json!({
            "schemaVersion": 2,
            "config": {"mediaType": "application/vnd.wasm.config.v1+json", "digest": digest(b"{}"), "size": 2},
            "layers": [{"mediaType": "application/vnd.wasm.content.layer.v1+wasm", "digest": digest(&bytes), "size": bytes.len()}],
            "annotations": {
                "io.kubewarden.policy.title": "accept", "io.kubewarden.policy.source": "https://example.com/accept",
                "org.opencontainers.image.source": "https://example.com/accept",
            },
        })
    );

    for place in [url.as_str(), url.trim_start_matches("registry://"), &immutable] {
        assert_eq!(scene.succeed(&["pull", place, "-o", &pulled]), format!("{immutable}\n"));
        assert_eq!(fs::read(&pulled).expect("the pulled policy"), bytes, "{place}");
        fs::remove_file(&pulled).expect("removed");
    }

    let request = scene.file("request.json");
    fs::write(&request, r#"{"uid":"1"}"#).expect("a file");
    let answer: Value =
        serde_json::from_str(&scene.succeed(&["run", &url, "-r", &request])).expect("JSON");
    assert_eq!(
        answer,
        json!({"uid": "1", "allowed": true, "auditAnnotations": null, "warnings": null})
    );
}

#[test]
fn a_registry_with_a_password() {
    let scene = Scene::new(Options { password: true, ..Options::default() });
    let (annotated, url, output) =
        (scene.annotated(), scene.registry.url("accept:v1"), scene.file("pulled.wasm"));
    let logged_in = |user: &str, password: &str| {
        scene.registry.docker_config(user, password).expect("a folder").display().to_string()
    };

    let words = scene.fail(&["push", &annotated, &url]);
    assert!(
        words.contains("does not allow this without a name") && words.contains("docker login"),
        "{words}"
    );
    let words = scene.fail(&[
        "push",
        &annotated,
        &url,
        "--docker-config-json-path",
        &logged_in("mallory", "guess"),
    ]);
    assert!(
        words.contains(r#"does not allow this to "mallory""#) && !words.contains("guess"),
        "{words}"
    );

    let publisher = logged_in(registry::USER, registry::PASSWORD);
    scene.succeed(&["push", &annotated, &url, "--docker-config-json-path", &publisher]);
    let file = format!("{publisher}/config.json");
    scene.succeed(&["pull", &url, "-o", &output, "--docker-config-json-path", &file]);
    assert_eq!(
        fs::read(&output).expect("the pulled policy"),
        fs::read(&annotated).expect("the policy")
    );
    let words = scene.fail(&["pull", &url, "-o", &output]);
    assert!(words.contains("does not allow this without a name"), "{words}");
    let words = scene.fail(&["pull", &url, "-o", &output, "--docker-config-json-path", "/nowhere"]);
    assert!(words.contains("/nowhere/config.json cannot be read"), "{words}");
}

#[test]
fn a_registry_with_a_certificate_of_its_own() {
    let mut scene = Scene::new(Options { tls: true, ..Options::default() });
    let (annotated, url) = (scene.annotated(), scene.registry.url("accept:v1"));
    let insecure =
        std::mem::replace(&mut scene.sources, scene.registry.trusted_sources().expect("a file"));
    scene.succeed(&["push", &annotated, &url]);
    scene.sources = insecure;
    scene.succeed(&["push", &annotated, &url]);
    scene.sources = scene.folder.path().join("none.yaml");
    fs::write(&scene.sources, "{}").expect("a file");
    let words = scene.fail(&["push", &annotated, &url]);
    assert!(words.contains("cannot be reached") && words.contains("insecure_sources"), "{words}");
}

#[test]
fn mistakes_say_what_to_do() {
    let scene = Scene::new(Options::default());
    let (annotated, output) = (scene.annotated(), scene.file("pulled.wasm"));
    scene.succeed(&["push", &annotated, &scene.registry.url("accept:v1")]);
    let missing = scene.fail(&["pull", &scene.registry.url("accept:v2"), "-o", &output]);
    assert!(missing.contains("has no such policy") && missing.contains(r#""v2""#), "{missing}");
    let missing = scene.fail(&["pull", &scene.registry.url("nothing:v1"), "-o", &output]);
    assert!(missing.contains("has no such policy"), "{missing}");
    let bare = scene.fail(&["push", accept(), &scene.registry.url("accept:bare")]);
    assert!(bare.contains("carries no metadata") && bare.contains("--force"), "{bare}");
    scene.succeed(&["push", "--force", accept(), &scene.registry.url("accept:bare")]);
    let name = scene.fail(&["push", &annotated, "registry://Not A Name"]);
    assert!(name.contains("is no reference to a policy"), "{name}");
    assert!(!Path::new(&output).exists(), "nothing half-written");
}

/// An image, a layer that only says that it is WebAssembly, and two policies in one.
#[rstest]
#[case::an_image(&[("application/vnd.oci.image.layer.v1.tar+gzip", b"x")], "has a layer of type \"application/vnd.oci.image.layer.v1.tar+gzip\"")]
#[case::no_wasm(&[("application/vnd.wasm.content.layer.v1+wasm", b"x")], "does not begin as WebAssembly does")]
#[case::two(&[("application/vnd.wasm.content.layer.v1+wasm", b"x"), ("application/vnd.wasm.content.layer.v1+wasm", b"y")], "it has 2 layers")]
#[tokio::test]
async fn an_image_that_is_no_policy(#[case] layers: &[(&str, &[u8; 1])], #[case] part: &str) {
    use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
    let scene = Scene::new(Options::default());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig {
        protocol: ClientProtocol::Http,
        accept_invalid_certificates: true,
        ..ClientConfig::default()
    };
    let client = Client::try_from(config).expect("a client");
    let reference = format!("{}/image:v1", scene.registry.address()).parse().expect("a reference");
    let layers: Vec<_> = layers
        .iter()
        .map(|(kind, data)| ImageLayer::new(data.to_vec(), (*kind).to_owned(), None))
        .collect();
    let config =
        Config::new(b"{}".to_vec(), "application/vnd.oci.image.config.v1+json".to_owned(), None);
    client
        .push(&reference, &layers, config, &oci_client::secrets::RegistryAuth::Anonymous, None)
        .await
        .expect("pushed");
    let words =
        scene.fail(&["pull", &scene.registry.url("image:v1"), "-o", &scene.file("pulled.wasm")]);
    assert!(words.contains("is no policy") && words.contains(part), "{words}");
}

#[tokio::test]
async fn a_policy_that_was_changed_in_the_registry_is_refused() {
    let scene = Scene::new(Options { on_disk: true, ..Options::default() });
    let bytes = fs::read(scene.annotated()).expect("the policy");
    let url = scene.registry.url("accept:v1");
    scene.host().push(&bytes, &url, [].into()).await.expect("pushed");
    let stored = digest(&bytes).replace("sha256:", "");
    let blobs = scene.registry.folder().join("docker/registry/v2/blobs/sha256");
    let mut forged = bytes.clone();
    annotation_byte(&mut forged);
    fs::write(blobs.join(&stored[..2]).join(&stored).join("data"), &forged)
        .expect("the registry's file");
    let refused = scene.host().pull(&url).await.expect_err("must be refused");
    assert!(
        matches!(&refused, RegistryError::Digest { expected, actual, .. } if *expected == digest(&bytes) && *actual == digest(&forged)),
        "{refused}"
    );
}

/// Changes the last byte of the module, which stays one of the same length.
fn annotation_byte(wasm: &mut [u8]) {
    assert!(annotation::read(wasm).expect("a module").is_some());
    if let Some(last) = wasm.last_mut() {
        *last ^= 1;
    }
}

#[rstest]
#[case("insecure_source: [a]", "are not YAML of the form")]
#[case("source_authorities: {a: [{path: /nowhere.crt}]}", "/nowhere.crt cannot be read")]
#[case("source_authorities: {a: [{type: Data, data: x}]}", "is not PEM")]
fn sources_with_mistakes(#[case] yaml: &str, #[case] part: &str) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("sources.yaml");
    fs::write(&path, yaml).expect("a file");
    let message = Sources::read(&path).expect_err("must be refused").to_string();
    assert!(message.contains(part), "{message}");
}
