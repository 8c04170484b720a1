//! `local-cluster start`: what it says, and that nothing is left of it, however it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local_cluster::waiting::PATIENCE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use tempfile::TempDir;

struct Started {
    child: Child,
    kubeconfig: PathBuf,
}

fn start(link: &Path) -> Started {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-cluster"));
    command
        .args(["start", "--bare", "--link"])
        .arg(link)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines =
        BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let kubeconfig = lines
        .find_map(|line| line.strip_prefix("kubeconfig: ").map(PathBuf::from))
        .expect("the kubeconfig's line");
    lines.find(|line| line.contains("Ctrl-C")).expect("the last line");
    Started { child, kubeconfig }
}

/// Programs that were started with this folder among their arguments.
fn programs_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let read = |entry: fs::DirEntry| {
        Some(
            String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?)
                .replace('\0', " "),
        )
    };
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(read)
        .filter(|line| line.contains(&folder))
        .collect()
}

#[rstest]
#[case::ctrl_c(Signal::SIGINT)]
#[case::terminate(Signal::SIGTERM)]
#[case::kill(Signal::SIGKILL)]
fn nothing_is_left_of_it(#[case] signal: Signal) {
    let folder = TempDir::new().expect("a folder");
    let link = folder.path().join("sub/kubeconfig");
    let mut started = start(&link);
    let scratch = started.kubeconfig.parent().expect("a folder").to_owned();
    assert!(programs_of(&scratch).len() >= 3, "etcd, API server and scheduler");
    assert_eq!(fs::read_link(&link).expect("the link"), started.kubeconfig);

    kill(Pid::from_raw(i32::try_from(started.child.id()).expect("a process id")), signal)
        .expect("a signal");
    let status = started.child.wait().expect("an end");
    let deadline = Instant::now() + PATIENCE;
    while scratch.exists() || !programs_of(&scratch).is_empty() {
        assert!(
            Instant::now() < deadline,
            "left: {:?} {}",
            programs_of(&scratch),
            scratch.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    if signal != Signal::SIGKILL {
        assert!(status.success(), "{status}");
        assert!(!link.is_symlink(), "the link goes with the cluster");
    }
}
