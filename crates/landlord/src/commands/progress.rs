//! Progress on standard error: a bar on a terminal, else a line every few seconds.

use std::fmt;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

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
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {rate} ETA {eta} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
                let _ = text.write_str(&rate_text(state.per_sec()));
            };
            ProgressBar::new(total as u64).with_style(style.with_key("rate", rate))
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
                    "{written}/{} written, {}, {left:.0} s left, {failures} failed",
                    self.total,
                    rate_text(rate)
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

/// `0.4/s`, `10.9/s`, `250/s`.
pub(super) fn rate_text(per_second: f64) -> String {
    if per_second < 99.95 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

#[cfg(test)]
mod tests {
    use super::rate_text;

    #[test]
    fn rates_have_three_digits() {
        let rates = [0.0, 10.9161, 99.96, 250.4].map(rate_text);
        assert_eq!(rates, ["0.0/s", "10.9/s", "100/s", "250/s"]);
    }
}
