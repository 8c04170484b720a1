//! Log: what is logged on standard error, and in which form.

use std::io::{self, Write};

use clap::{ArgAction, Args, ValueEnum};
use terminal::is_steering;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What the controller logs unless a flag says otherwise. That a watch breaks off is said once by
/// landlord; kube would repeat it with each try.
const CONTROLLER: &str = "info,kube=warn,kube_runtime::watcher=error";
/// What the other commands log: they report on standard output, and errors are theirs to print.
const COMMAND: &str = "off";
/// `-v`: requests and what they led to.
const VERBOSE: &str = "info,cluster=debug,controller=debug,dashboard=debug,diagnostics=debug";
/// `-vv`: everything.
const MOST_VERBOSE: &str = "trace";

/// Flags of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogFlags {
    /// Log each request to the API server on standard error; -vv logs everything. Wins over
    /// --log-level
    #[arg(short, long, global = true, env = "LANDLORD_VERBOSE", action = ArgAction::Count)]
    verbose: u8,
    /// What to log on standard error: error, warn, info, debug, trace, or by part
    /// (`info,kube=warn`) [default: off; of the controller info]
    #[arg(
        long,
        global = true,
        env = "LANDLORD_LOG",
        value_name = "LEVEL",
        value_parser = parse_level
    )]
    log_level: Option<String>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// As it was given, if it can be used.
fn parse_level(text: &str) -> Result<String, String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no level: write error, warn, info, debug, trace or off")),
    }
}

impl LogFlags {
    /// Starts the log of a command that ends.
    pub(crate) fn start(&self) {
        self.start_with(COMMAND, LogFormat::Text);
    }

    /// Starts the log of the controller.
    pub(crate) fn start_controller(&self, format: LogFormat) {
        self.start_with(CONTROLLER, format);
    }

    fn start_with(&self, default: &str, format: LogFormat) {
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(self.filter(default)))
            .with_writer(Inert(format));
        match format {
            LogFormat::Text => log.with_ansi(false).init(),
            LogFormat::Json => log.json().init(),
        }
    }

    fn filter<'a>(&'a self, default: &'a str) -> &'a str {
        match self.verbose {
            0 => self.log_level.as_deref().unwrap_or(default),
            1 => VERBOSE,
            _ => MOST_VERBOSE,
        }
    }
}

/// Standard error, on which names and messages of the cluster neither steer a terminal nor turn the
/// direction of writing: such characters are escaped. A line of the log arrives in one piece.
struct Inert(LogFormat);

impl<'a> MakeWriter<'a> for Inert {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self(self.0)
    }
}

impl Write for Inert {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let escaped = escape(&String::from_utf8_lossy(line), self.0);
        io::stderr().lock().write_all(escaped.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Within JSON the escape is JSON's own, so that it is read back as it was.
fn escape(line: &str, format: LogFormat) -> String {
    let letter = |letter: char| match (letter, format) {
        ('\n', _) => "\n".to_owned(),
        (letter, _) if !is_steering(letter) => letter.to_string(),
        (letter, LogFormat::Text) => letter.escape_unicode().to_string(),
        // None of them lies beyond the first plane of Unicode.
        (letter, LogFormat::Json) => format!("\\u{:04x}", u32::from(letter)),
    };
    line.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn names_do_not_turn_the_direction_of_a_line() {
        let name = "so\u{202e}lar\u{2066}";
        assert_eq!(
            escape(&format!("namespace={name}\n"), LogFormat::Text),
            "namespace=so\\u{202e}lar\\u{2066}\n"
        );
        let line = format!("{{\"namespace\":\"{name}\"}}\n");
        let escaped = escape(&line, LogFormat::Json);
        assert_eq!(escaped, "{\"namespace\":\"so\\u202elar\\u2066\"}\n");
        let read: serde_json::Value = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(read["namespace"], name);
    }

    #[rstest]
    #[case::nothing(None, 0, COMMAND)]
    #[case::once(None, 1, VERBOSE)]
    #[case::twice(None, 2, MOST_VERBOSE)]
    #[case::level(Some("warn"), 0, "warn")]
    #[case::both(Some("warn"), 1, VERBOSE)]
    fn levels(#[case] level: Option<&str>, #[case] verbose: u8, #[case] filter: &str) {
        let flags = LogFlags { verbose, log_level: level.map(str::to_owned) };
        assert_eq!(flags.filter(COMMAND), filter);
        assert!(EnvFilter::builder().parse(filter).is_ok(), "{filter}");
    }

    #[rstest]
    #[case("debug", true)]
    #[case("info,kube=warn", true)]
    #[case("cluster=loud", false)]
    #[case("", false)]
    fn filters(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(parse_level(text).is_ok(), is_one);
    }
}
