//! Screen: what the command line says of colours.

use clap::{Args, ColorChoice, ValueEnum};
use terminal::{decide_color, wants_color};

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
    #[arg(
        help = "Whether to colour: auto (on a terminal, unless NO_COLOR is set), always or never"
    )]
    color: Color,
}

impl ScreenFlags {
    /// Puts the flag in force.
    pub(crate) fn apply(self) {
        decide_color(self.color.enabled());
    }
}

impl Color {
    fn enabled(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => wants_color(),
        }
    }

    /// What the command line asks for, found before it is parsed: help and errors of the parser
    /// obey it as well.
    pub(crate) fn early() -> ColorChoice {
        let mut words =
            std::env::args().skip_while(|word| word != "--color" && !word.starts_with("--color="));
        let flag = words.next().and_then(|word| {
            word.split_once('=').map(|(_, value)| value.to_owned()).or_else(|| words.next())
        });
        match flag.or_else(|| std::env::var("LANDLORD_COLOR").ok()).as_deref() {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => ColorChoice::Auto,
        }
    }
}

/// What a report shows at 80 and at 140 columns, for snapshots; once, where it is the same.
#[cfg(test)]
pub(crate) fn at_both_widths(text: impl Fn(terminal::Screen) -> String) -> String {
    let [narrow, wide] =
        [80, 140].map(|width| text(terminal::Screen { width: Some(width), color: false }));
    if narrow == wide {
        return format!("--- 80 and 140 columns\n{narrow}");
    }
    format!("--- 80 columns\n{narrow}--- 140 columns\n{wide}")
}
