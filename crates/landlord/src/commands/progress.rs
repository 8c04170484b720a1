//! Progress on standard error: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(5);

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
    began: Instant,
    said: Instant,
}

impl Progress {
    pub(super) fn new(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} ETA {eta} {msg}");
            ProgressBar::new(total as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, total, began: Instant::now(), said: Instant::now() }
    }

    pub(super) fn show(&mut self, written: u64, failures: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(written);
                bar.set_message(if failures == 0 {
                    String::new()
                } else {
                    format!("{failures} failed")
                });
            }
            None if self.said.elapsed() > LINE => {
                self.said = Instant::now();
                let rate = written as f64 / self.began.elapsed().as_secs_f64();
                let left = (self.total as f64 - written as f64) / rate.max(0.001);
                eprintln!(
                    "{written}/{} written, {rate:.0}/s, {left:.0} s left, {failures} failed",
                    self.total
                );
            }
            None => {}
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
