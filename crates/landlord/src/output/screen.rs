//! Screen: how wide what is printed may be, and whether it may be coloured.

use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::{Args, ColorChoice, ValueEnum};

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set; with CLICOLOR_FORCE anywhere
    Auto,
    Always,
    Never,
}

/// A flag of every command.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct ScreenFlags {
    /// Whether to colour; `auto` does on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        global = true,
        env = "LANDLORD_COLOR",
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true
    )]
    #[arg(help = "Whether to colour: auto (on a terminal, unless NO_COLOR is set), always or never")]
    color: Color,
}

/// Set once, before anything is printed.
static COLOURED: OnceLock<bool> = OnceLock::new();

impl ScreenFlags {
    /// Puts the flag in force.
    pub(crate) fn apply(self) {
        let _ = COLOURED.set(self.color.enabled());
    }
}

impl Color {
    fn enabled(self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if is_set("NO_COLOR") => false,
            Self::Auto => is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal(),
        }
    }

    /// What the command line asks for, found before it is parsed: help and errors of the parser obey it as well.
    pub(crate) fn early() -> ColorChoice {
        let mut words = std::env::args().skip_while(|word| word != "--color" && !word.starts_with("--color="));
        let flag = words.next().and_then(|word| word.split_once('=').map(|(_, value)| value.to_owned()).or_else(|| words.next()));
        match flag.or_else(|| std::env::var("LANDLORD_COLOR").ok()).as_deref() {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => ColorChoice::Auto,
        }
    }
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns; `None` is as wide as it takes, a row a line: what programs read.
    pub(crate) width: Option<usize>,
    pub(crate) color: bool,
}

impl Screen {
    /// Where standard output goes: a terminal's own width, else `COLUMNS`.
    pub(crate) fn current() -> Self {
        let columns = || std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
        let terminal = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        Self { width: terminal.or_else(columns), color: *COLOURED.get_or_init(|| Color::Auto.enabled()) }
    }

    /// The text in this colour, where there are colours.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }
}

/// What a report shows at 80 and at 140 columns, for snapshots; once, where it is the same.
#[cfg(test)]
pub(crate) fn at_both_widths(text: impl Fn(Screen) -> String) -> String {
    let [narrow, wide] = [80, 140].map(|width| text(Screen { width: Some(width), color: false }));
    if narrow == wide {
        return format!("--- 80 and 140 columns\n{narrow}");
    }
    format!("--- 80 columns\n{narrow}--- 140 columns\n{wide}")
}

/// Colours that a terminal of any theme shows legibly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Good,
    Warning,
    Bad,
    Faint,
    Strong,
}

impl Ink {
    fn code(self) -> u8 {
        match self {
            Self::Strong => 1,
            Self::Faint => 2,
            Self::Bad => 31,
            Self::Good => 32,
            Self::Warning => 33,
        }
    }

    /// The colour of a word that says how something stands.
    pub(crate) fn of_state(word: &str) -> Option<Self> {
        match word {
            "compliant" | "ok" => Some(Self::Good),
            "drift" | "unknown" => Some(Self::Warning),
            "error" | "wrong" | "conflicted" => Some(Self::Bad),
            "unclaimed" | "skipped" => Some(Self::Faint),
            _ => None,
        }
    }
}
