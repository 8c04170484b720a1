//! A process ends with its handle.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::Duration;

use local_cluster::Process;
use local_cluster::process::Program;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

fn shell(folder: &TempDir, script: &str) -> Process {
    Program::new("test", "sh", folder.path().join("log")).args(["-c", script]).start().expect("sh starts")
}

fn runs(pid: i32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok()
}

#[test]
fn it_ends_when_the_handle_is_dropped() {
    let folder = TempDir::new().expect("a folder");
    let process = shell(&folder, "exec sleep 1000");
    let pid = process.id();
    assert!(runs(pid));
    drop(process);
    assert!(!runs(pid) || zombie(pid), "{pid} still runs");
}

#[test]
fn it_ends_when_the_thread_panics() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_owned();
    let panicked = catch_unwind(move || {
        let process = Program::new("test", "sleep", path.join("log")).arg("1000").start().expect("sleep starts");
        std::panic::panic_any(process.id());
    });
    let pid = *panicked.expect_err("a panic").downcast::<i32>().expect("a process id");
    assert!(!runs(pid) || zombie(pid), "{pid} still runs");
}

#[test]
fn its_folder_goes_with_it() {
    let folder = TempDir::new().expect("a folder");
    let scratch = folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a folder");
    let program = Program::new("test", "sleep", folder.path().join("log")).arg("1000").removing(&scratch);
    drop(program.start().expect("sleep starts"));
    let deadline = std::time::Instant::now() + PATIENCE;
    while scratch.exists() {
        assert!(std::time::Instant::now() < deadline, "the folder is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn its_own_end_and_its_words_are_seen() {
    let folder = TempDir::new().expect("a folder");
    let mut process = shell(&folder, "echo first; echo last >&2; exit 3");
    let status = process.wait(PATIENCE).expect("an answer").expect("an end");
    assert_eq!(status.code(), Some(3));
    assert_eq!(process.last_words(), "  first\n  last\n");
    assert!(!process.runs());
}

/// Dead, and waiting for somebody to ask how it ended.
fn zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}
