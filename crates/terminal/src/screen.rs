//! Screen: how wide what is printed may be, and whether it may be coloured.

use std::io::IsTerminal;
use std::sync::OnceLock;

/// Set once, before anything is printed.
static COLOURED: OnceLock<bool> = OnceLock::new();

/// Decides whether to colour; the first decision holds.
pub fn decide_color(enabled: bool) {
    let _ = COLOURED.set(enabled);
}

/// Whether to colour where nothing else decides: on a terminal, unless NO_COLOR is set; with
/// CLICOLOR_FORCE anywhere.
pub fn wants_color() -> bool {
    let is_set =
        |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    !is_set("NO_COLOR") && (is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal())
}

/// What is printed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None` is as wide as it takes, a row a line: what programs read.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub color: bool,
}

impl Screen {
    /// Where standard output goes: a terminal's own width, else `COLUMNS`.
    pub fn current() -> Self {
        let columns = || {
            std::env::var("COLUMNS")
                .ok()
                .and_then(|text| text.parse().ok())
                .filter(|columns| *columns > 0)
        };
        let terminal = terminal_size::terminal_size_of(std::io::stdout())
            .map(|(width, _)| usize::from(width.0));
        Self { width: terminal.or_else(columns), color: *COLOURED.get_or_init(wants_color) }
    }

    /// The text in this colour, where there are colours.
    pub fn paint(self, ink: Ink, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", ink.code())
        } else {
            text.to_owned()
        }
    }
}

/// Colours that a terminal of any theme shows legibly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Nothing is to be done.
    Good,
    /// Something is to be done.
    Warning,
    /// Something is wrong.
    Bad,
    /// Not worth a look.
    Faint,
    /// A heading.
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
    pub fn of_state(word: &str) -> Option<Self> {
        match word {
            "compliant" | "ok" => Some(Self::Good),
            "drift" | "unknown" => Some(Self::Warning),
            "error" | "wrong" | "conflicted" => Some(Self::Bad),
            "unclaimed" | "skipped" => Some(Self::Faint),
            _ => None,
        }
    }
}
