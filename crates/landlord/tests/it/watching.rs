//! `--watch`: reports that follow each other, until Ctrl-C, whatever the API server does meanwhile.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use local_cluster::Process;
use local_cluster::process::Program;
use local_cluster::waiting::PATIENCE;
use nix::sys::signal::Signal;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::landlord::binary;

const LOOK: Duration = Duration::from_millis(20);

/// An API server of an empty cluster, until it falls silent: then it takes requests and answers
/// none.
#[derive(Clone, Default)]
struct Server {
    silent: Arc<AtomicBool>,
    unanswered: Arc<AtomicUsize>,
}

impl Server {
    /// Its port. It ends with the process.
    fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || server.answer(&stream));
            }
        });
        port
    }

    /// Request after request on one connection. Those of these commands have no body.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream).lines();
        loop {
            while !lines.next()?.ok()?.is_empty() {}
            if self.silent.load(Ordering::SeqCst) {
                self.unanswered.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            let body = json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []})
                .to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let mut stream = stream;
            stream.write_all((head + &body).as_bytes()).ok()?;
        }
    }
}

/// A command that watches, every second.
struct Watched {
    folder: TempDir,
    process: Process,
}

impl Watched {
    fn start(words: &str, server: &Server) -> Self {
        let folder = files(server.start());
        let words = words.split_whitespace().map(str::to_owned).chain(flags(&folder));
        let process = Program::new("landlord", binary(), folder.path().join("log"))
            .args(words)
            .start()
            .expect("the command starts");
        Self { folder, process }
    }

    /// The same on a pseudo-terminal.
    fn on_terminal(words: &str, server: &Server) -> Self {
        let folder = files(server.start());
        let line = format!("{} {words} {}", binary().display(), flags(&folder).join(" "));
        let program = Program::new("landlord", "/usr/bin/script", folder.path().join("log"))
            .args(["-qfec", &line, "/dev/null"]);
        let process = program.start().expect("the command starts");
        Self { folder, process }
    }

    fn printed(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    #[track_caller]
    fn ends_by_ctrl_c(&mut self) {
        self.process.signal(Signal::SIGINT).expect("a signal");
        let status = self.process.wait(PATIENCE).expect("a status").expect("it ends");
        assert_eq!(status.code(), Some(0), "{}", self.printed());
    }
}

/// Settings that need no tenants from a cluster, and the way to the one on this port.
fn files(port: u16) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = json!([{"name": "a", "cluster": {"server": format!("http://127.0.0.1:{port}")}}]);
    let context = json!([{"name": "a", "context": {"cluster": "a", "user": "a"}}]);
    let user = json!([{"name": "a", "user": {}}]);
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "a", "clusters": cluster, "contexts": context, "users": user});
    fs::write(
        folder.path().join("settings.yaml"),
        json!({"tenantSource": {"inline": []}}).to_string(),
    )
    .expect("a file");
    fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).expect("a file");
    folder
}

fn flags(folder: &TempDir) -> [String; 4] {
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (settings, kubeconfig) = (
        format!("--settings={}", file("settings.yaml")),
        format!("--kubeconfig={}", file("kubeconfig")),
    );
    [settings, kubeconfig, "--watch".to_owned(), "--interval=1".to_owned()]
}

#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let looks = PATIENCE.as_millis() / LOOK.as_millis();
    assert!(
        (0..looks).any(|_| holds() || {
            thread::sleep(LOOK);
            false
        }),
        "never: {what}"
    );
}

/// Between two reports, Ctrl-C is waited for; it counts while one is read as well.
#[rstest]
#[case::status("status -o json")]
#[case::audit("audit -o json")]
fn ctrl_c_ends_a_look_that_is_not_answered(#[case] words: &str) {
    let server = Server::default();
    let mut watched = Watched::start(words, &server);
    eventually("a report", || watched.printed().contains("\"apiVersion\""));
    server.silent.store(true, Ordering::SeqCst);
    eventually("a request that is not answered", || server.unanswered.load(Ordering::SeqCst) > 0);
    watched.ends_by_ctrl_c();
}

#[test]
fn ctrl_c_ends_the_first_look_too() {
    let server = Server::default();
    server.silent.store(true, Ordering::SeqCst);
    let mut watched = Watched::start("status", &server);
    eventually("a request that is not answered", || server.unanswered.load(Ordering::SeqCst) > 0);
    watched.ends_by_ctrl_c();
    assert_eq!(watched.printed(), "");
}

#[rstest]
#[case::status("status -o yaml")]
#[case::audit("audit -o yaml")]
fn yaml_is_a_stream_of_documents(#[case] words: &str) {
    let mut watched = Watched::start(words, &Server::default());
    eventually("two reports", || watched.printed().matches("apiVersion:").count() >= 2);
    watched.ends_by_ctrl_c();
    let printed = watched.printed();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&printed).expect("a stream of YAML");
    assert!(
        documents.len() >= 2 && documents.iter().all(|one| one["apiVersion"].is_string()),
        "{printed}"
    );
    assert!(printed.contains("\n---\napiVersion:") && !printed.contains("\n\n"), "{printed}");
}

/// On a terminal a table takes the place of the last one; what is for programs is a stream there as
/// well.
#[rstest]
#[case::table("table", "controller: ", true)]
#[case::json("json", "\"apiVersion\"", false)]
#[case::yaml("yaml", "apiVersion: ", false)]
fn machine_forms_do_not_clear_the_terminal(
    #[case] form: &str,
    #[case] mark: &str,
    #[case] clears: bool,
) {
    let watched = Watched::on_terminal(&format!("status -o {form}"), &Server::default());
    eventually("two reports", || watched.printed().matches(mark).count() >= 2);
    assert_eq!(watched.printed().contains("\u{1b}[2J"), clears, "{:?}", watched.printed());
}

/// `| head` ends it as well.
#[test]
fn a_reader_that_has_seen_enough_ends_it() {
    let folder = files(Server::default().start());
    let line =
        format!("{} status -o json {} | head -n 1", binary().display(), flags(&folder).join(" "));
    let program = Program::new("bash", "/bin/bash", folder.path().join("log"))
        .args(["-o", "pipefail", "-c", &line]);
    let status =
        program.start().expect("bash starts").wait(PATIENCE).expect("a status").expect("it ends");
    assert_eq!(status.code(), Some(0));
}
