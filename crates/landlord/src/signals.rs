//! Signals that end a command in order: SIGINT and SIGTERM, on Windows Ctrl-C, Ctrl-Break and the
//! closing of the console.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

/// A stream of Ctrl-C. From its beginning on, Ctrl-C ends nothing by itself, and none is lost
/// before it is waited for.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        let interrupt = signal(SignalKind::interrupt())?;
        #[cfg(windows)]
        let interrupt = ctrl_c()?;
        Ok(Self { interrupt })
    }

    /// Waits for the next one.
    pub(crate) async fn recv(&mut self) {
        self.interrupt.recv().await;
    }
}

/// A stream of requests to end that do not come from the keyboard's Ctrl-C: SIGTERM, on Windows
/// Ctrl-Break and the closing of the console.
pub(crate) struct Terminations {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(windows)]
    terminate: (CtrlBreak, CtrlClose),
}

impl Terminations {
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        let terminate = signal(SignalKind::terminate())?;
        #[cfg(windows)]
        let terminate = (ctrl_break()?, ctrl_close()?);
        Ok(Self { terminate })
    }

    /// Waits for the next one.
    pub(crate) async fn recv(&mut self) {
        #[cfg(unix)]
        self.terminate.recv().await;
        #[cfg(windows)]
        tokio::select! {
            _ = self.terminate.0.recv() => {}
            _ = self.terminate.1.recv() => {}
        }
    }

    /// Waits for the next one or for Ctrl-C.
    pub(crate) async fn recv_any(&mut self) -> io::Result<()> {
        tokio::select! {
            () = self.recv() => Ok(()),
            outcome = tokio::signal::ctrl_c() => outcome,
        }
    }
}
