//! Consent: a question before something is done that cannot be taken back.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Result, bail};

/// What is shown, what is asked, and what is said where no terminal can answer or the user says no.
pub(super) struct Question<'a> {
    pub(super) shown: &'a str,
    pub(super) question: &'a str,
    pub(super) unasked: &'a str,
    pub(super) refused: &'a str,
}

impl Question<'_> {
    /// An error unless the answer is yes.
    pub(super) fn ask(&self) -> Result<()> {
        let Self { shown, question, unasked, refused } = self;
        let input = std::io::stdin();
        if !input.is_terminal() {
            bail!(
                "{unasked}, and there is no terminal to ask on: say --yes, or look first with --dry-run=client"
            );
        }
        write!(std::io::stderr(), "{shown}\n{question} [y/N] ")?;
        let mut answer = String::new();
        input.lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => bail!("{refused}"),
        }
    }
}
