//! Process: a program that lives no longer than its handle, nor than this process, however that
//! ends.
//!
//! Each program is started by a keeper, a few lines of shell that read a pipe whose other end is in
//! this process. The kernel closes the pipe when the handle is dropped and when this process dies,
//! be it by SIGKILL; the keeper then kills the program. A parent-death signal would be shorter, but
//! it goes off when the *thread* that started the program ends, and needs unsafe code. What the
//! program has started itself, and not put into another process group, ends with it.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Arguments: the log, a folder to remove once the pipe is closed (or the empty string), the
/// program and its arguments.
const KEEPER: &str = r#"
log=$1 scratch=$2
shift 2
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
program=$!
echo $program
exec >/dev/null 2>&1
{
  cat <&3
  kill -KILL $program
  if [ -n "$scratch" ]; then
    while kill -0 $program; do sleep 0.01; done
    # Others may still write there: they are being killed as well.
    tries=0
    while ! rm -rf -- "$scratch" && [ $tries -lt 500 ]; do tries=$((tries + 1)); sleep 0.01; done
  fi
  # Once the keeper has seen the program's end: what that has started and left behind, and this.
  while kill -0 $$; do sleep 0.01; done
  kill -KILL 0
} &
exec 3<&-
wait $program
"#;
/// How often the end of a program is looked for.
const POLL: Duration = Duration::from_millis(10);
/// How many lines of a log an error quotes.
const QUOTED_LINES: usize = 15;

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    name: String,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    log: PathBuf,
    scratch: Option<PathBuf>,
}

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: Pid,
    keeper: Child,
    log: PathBuf,
}

impl Program {
    /// A program called `name` in messages, whose output goes to the end of the file `log`.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            log: log.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            scratch: None,
        }
    }

    /// The same with another file in its place.
    pub fn at(self, path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable of the program's environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Removes this folder when the handle is dropped or this process dies.
    pub fn removing(self, folder: impl Into<PathBuf>) -> Self {
        Self { scratch: Some(folder.into()), ..self }
    }

    /// Starts the program. Its standard input is empty.
    pub fn start(&self) -> io::Result<Process> {
        let mut keeper = Command::new("sh");
        keeper
            .args(["-c", KEEPER, "keeper"])
            .arg(&self.log)
            .arg(self.scratch.as_deref().unwrap_or(Path::new("")));
        keeper
            .arg(&self.path)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Its own group: Ctrl-C is for this process, which then ends the others in order.
        let mut keeper =
            keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn()?;
        let pid = read_pid(&mut keeper)?;
        Ok(Process { name: self.name.clone(), pid, keeper, log: self.log.clone() })
    }
}

fn read_pid(keeper: &mut Child) -> io::Result<Pid> {
    let stdout = keeper
        .stdout
        .take()
        .ok_or_else(|| io::Error::other("the keeper has no standard output"))?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let pid = line.trim().parse().map_err(|_| {
        io::Error::other(format!("the keeper said {line:?} instead of a process id"))
    })?;
    Ok(Pid::from_raw(pid))
}

impl Process {
    /// How messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process id of the program.
    pub fn id(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends a signal: SIGTERM to end it in order, SIGSTOP to freeze it, SIGKILL for a crash.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        kill(self.pid, signal).map_err(io::Error::from)
    }

    /// How the program ended, or `None` while it runs.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.keeper.try_wait()
    }

    /// Whether the program still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.ended(), Ok(None))
    }

    /// Waits for the program's own end; `None` if it still runs after `patience`.
    pub fn wait(&mut self, patience: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            match self.ended()? {
                None if Instant::now() < deadline => thread::sleep(POLL),
                end => return Ok(end),
            }
        }
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its output.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .iter()
            .skip(lines.len().saturating_sub(QUOTED_LINES))
            .map(|line| format!("  {line}\n"))
            .collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of the pipe is what the keeper waits for; then it ends by itself.
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}
