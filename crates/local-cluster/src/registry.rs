//! Registry: a real OCI registry on loopback, CNCF Distribution, with what it stores in memory. It
//! ends with its handle.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authority::Authority;
use crate::process::{Process, Program};
use crate::waiting;

/// Who may push and pull where a password is asked for.
pub const USER: &str = "publisher";
pub const PASSWORD: &str = "secret";
/// bcrypt of [`PASSWORD`], of the least cost.
const HTPASSWD: &str = "publisher:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";
/// What it says once it can be asked; the port is any free one.
const LISTENING: &str = "listening on ";
const READY_WITHIN: Duration = waiting::PATIENCE;
const POLL: Duration = Duration::from_millis(20);

/// What kind of registry.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Asks for [`USER`] and [`PASSWORD`].
    pub password: bool,
    /// Speaks TLS, with a certificate of an authority of its own.
    pub tls: bool,
    /// Stores in [`Registry::folder`] instead of in memory.
    pub on_disk: bool,
}

/// A running registry.
pub struct Registry {
    // Ends before its folder goes.
    process: Process,
    folder: TempDir,
    address: String,
}

impl Registry {
    /// Starts a registry, and builds it if this is the first time (1 minute).
    pub fn start(options: Options) -> io::Result<Self> {
        let binary = binary()?;
        let folder = tempfile::Builder::new().prefix("landlord-registry-").tempdir()?;
        let file = |name: &str| folder.path().join(name);
        fs::write(file("config.yml"), configuration(options, folder.path())?.to_string())?;
        let program = Program::new("registry", binary, file("log"))
            .args(["serve".into(), file("config.yml")]);
        let mut process =
            program.env("OTEL_TRACES_EXPORTER", "none").removing(folder.path()).start()?;
        let address = address(&mut process)?;
        Ok(Self { process, folder, address })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What policies in it are called: `registry://127.0.0.1:PORT/NAME`.
    pub fn url(&self, name: &str) -> String {
        format!("registry://{}/{name}", self.address)
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file for `--sources-path` which says that this registry need not be verified.
    pub fn insecure_sources(&self) -> io::Result<PathBuf> {
        self.sources("insecure.yaml", &json!({"insecure_sources": [self.address]}))
    }

    /// A file for `--sources-path` which says whose certificate it has.
    pub fn trusted_sources(&self) -> io::Result<PathBuf> {
        let authority = json!({"type": "Path", "path": self.folder.path().join("authority.crt")});
        self.sources("trusted.yaml", &json!({"source_authorities": {&self.address: [authority]}}))
    }

    fn sources(&self, name: &str, content: &Value) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        fs::write(&path, content.to_string())?;
        Ok(path)
    }

    /// A folder with Docker's config.json, in which a user has logged in.
    pub fn docker_config(&self, user: &str, password: &str) -> io::Result<PathBuf> {
        let folder = self.folder.path().join(format!("docker-{user}"));
        fs::create_dir_all(&folder)?;
        let auth = STANDARD.encode(format!("{user}:{password}"));
        fs::write(
            folder.join("config.json"),
            json!({"auths": {&self.address: {"auth": auth}}}).to_string(),
        )?;
        Ok(folder)
    }

    /// Its last words, for the message of a test that failed.
    pub fn last_words(&self) -> String {
        self.process.last_words()
    }
}

/// `scripts/install-tools registry` builds it where it is missing, and says where it is.
fn binary() -> io::Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/install-tools");
    let output = Command::new(&script).arg("registry").output()?;
    let words = String::from_utf8_lossy(&output.stdout);
    match (output.status.success(), words.lines().last()) {
        (true, Some(path)) => Ok(PathBuf::from(path)),
        _ => Err(io::Error::other(format!(
            "{} registry: {}",
            script.display(),
            String::from_utf8_lossy(&output.stderr)
        ))),
    }
}

fn configuration(options: Options, folder: &Path) -> io::Result<Value> {
    let file = |name: &str| folder.join(name);
    let storage = if options.on_disk {
        json!({"filesystem": {"rootdirectory": folder}})
    } else {
        json!({"inmemory": {}})
    };
    let mut configuration = json!({
        "version": 0.1, "log": {"level": "info"}, "storage": storage, "http": {"addr": "127.0.0.1:0", "secret": "one registry alone"},
    });
    if options.password {
        fs::write(file("htpasswd"), HTPASSWD)?;
        configuration["auth"] = json!({"htpasswd": {"realm": "test", "path": file("htpasswd")}});
    }
    if options.tls {
        let authority = Authority::new().map_err(io::Error::other)?;
        let identity = authority.server().map_err(io::Error::other)?;
        fs::write(file("authority.crt"), authority.pem())?;
        fs::write(file("server.crt"), identity.certificate)?;
        fs::write(file("server.key"), identity.key)?;
        configuration["http"]["tls"] =
            json!({"certificate": file("server.crt"), "key": file("server.key")});
    }
    Ok(configuration)
}

/// The address that its log tells.
fn address(process: &mut Process) -> io::Result<String> {
    let deadline = Instant::now() + READY_WITHIN;
    loop {
        let log = fs::read_to_string(process.log()).unwrap_or_default();
        let told = log
            .split_once(LISTENING)
            .map(|(_, after)| after)
            .and_then(|after| after.split_once(['"', ',']));
        if let Some((address, _)) = told {
            return Ok(address.to_owned());
        }
        if !process.runs() || Instant::now() > deadline {
            return Err(io::Error::other(format!(
                "the registry does not listen; its last words:\n{}",
                process.last_words()
            )));
        }
        thread::sleep(POLL);
    }
}
