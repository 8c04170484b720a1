//! A process ends with its handle.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use local_cluster::Process;
use local_cluster::process::Program;
use local_cluster::waiting::PATIENCE;
use tempfile::TempDir;

fn shell(folder: &TempDir, script: &str) -> Process {
    Program::new("test", "sh", folder.path().join("log"))
        .args(["-c", script])
        .start()
        .expect("sh starts")
}

fn waits_for(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {} s", PATIENCE.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
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

/// A driver that is killed cannot end its browser.
#[test]
fn what_it_started_ends_with_it() {
    let folder = TempDir::new().expect("a folder");
    let process = shell(&folder, "sleep 1000 & echo $!; wait");
    let pid = || std::fs::read_to_string(process.log()).ok()?.trim().parse::<i32>().ok();
    waits_for("a process id", || pid().is_some());
    let pid = pid().expect("a process id");
    assert!(runs(pid));
    drop(process);
    waits_for("its end", || !runs(pid) || zombie(pid));
}

#[test]
fn it_ends_when_the_thread_panics() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_owned();
    let panicked = catch_unwind(move || {
        let process = Program::new("test", "sleep", path.join("log"))
            .arg("1000")
            .start()
            .expect("sleep starts");
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
    let program =
        Program::new("test", "sleep", folder.path().join("log")).arg("1000").removing(&scratch);
    drop(program.start().expect("sleep starts"));
    waits_for("the folder's end", || !scratch.exists());
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

/// Dead, and waiting for a user to ask how it ended.
fn zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"))
        .unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['Z', 'X']))
}
