//! Form: how a report is printed, the same words for every command.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::marker::PhantomData;

use anyhow::{Result, anyhow};
use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, ValueEnum};
use serde_json::Value;
use terminal::Screen;

use super::json_path::Template;
use super::print;

/// Home, and everything gone from there on, what was scrolled away included.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// For readers, or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For readers, as wide as the terminal
    #[value(alias = "text")]
    Table,
    /// The same with all its columns, wider than the terminal
    Wide,
    /// For programs; versioned and stable
    Json,
    /// The same as JSON, as YAML
    Yaml,
}

impl Form {
    /// What stands between two reports that follow each other: on a terminal the next takes the
    /// place of the last; programs get a stream.
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Self::Table | Self::Wide if std::io::stdout().is_terminal() => CLEAR,
            Self::Table | Self::Wide | Self::Json => "\n",
            Self::Yaml => "---\n",
        }
    }
}

/// One of a command's forms, or parts of its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice<F> {
    Form(F),
    Parts(Template),
}

/// Takes the words of a command's forms, and `jsonpath=EXPR`.
#[derive(Clone, Debug)]
pub(crate) struct ChoiceParser<F>(PhantomData<fn() -> F>);

impl<F> ChoiceParser<F> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for ChoiceParser<F> {
    type Value = Choice<F>;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let word = value.to_str().unwrap_or_default();
        let template =
            word.strip_prefix("jsonpath=").or_else(|| (word == "jsonpath").then_some(""));
        let Some(template) = template else {
            return EnumValueParser::<F>::new().parse_ref(command, arg, value).map(Choice::Form);
        };
        template.parse().map(Choice::Parts).map_err(|why: String| {
            clap::Error::raw(ErrorKind::ValueValidation, format!("-o jsonpath: {why}\n"))
                .with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let forms = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let parts = PossibleValue::new("jsonpath=EXPR")
            .help("Parts of the JSON, as kubectl's: -o jsonpath='{.apiVersion}'");
        Some(Box::new(forms.chain([parts]).collect::<Vec<_>>().into_iter()))
    }
}

/// The flag of a report that has these forms.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct ChoiceFlags<F: ValueEnum + Clone + Send + Sync + 'static> {
    /// How to print
    #[arg(
        short,
        long = "output",
        env = "LANDLORD_OUTPUT",
        value_name = "FORM",
        value_parser = ChoiceParser::<F>::new(),
        default_value = "table"
    )]
    pub(crate) output: Choice<F>,
}

/// The flag of reports that have no other forms.
pub(crate) type FormFlags = ChoiceFlags<Form>;

impl FormFlags {
    /// Prints the one that is asked for.
    pub(crate) fn print(
        &self,
        text: impl FnOnce() -> String,
        document: impl FnOnce() -> Value,
    ) -> Result<()> {
        match &self.output {
            Choice::Form(Form::Table | Form::Wide) => Ok(print(&text())?),
            Choice::Form(Form::Json) => print_json(&document()),
            Choice::Form(Form::Yaml) => print_yaml(&document()),
            Choice::Parts(template) => print_parts(template, &document()),
        }
    }

    /// Whether readers are to read it.
    pub(crate) fn is_table(&self) -> bool {
        matches!(self.output, Choice::Form(Form::Table | Form::Wide))
    }

    /// What a table is printed to.
    pub(crate) fn screen(&self) -> Screen {
        if self.output == Choice::Form(Form::Wide) { wide_screen() } else { Screen::current() }
    }

    /// See [`Form::separator`].
    pub(crate) fn separator(&self) -> &'static str {
        match &self.output {
            Choice::Form(form) => form.separator(),
            Choice::Parts(_) => "\n",
        }
    }
}

/// A screen as wide as it takes.
pub(crate) fn wide_screen() -> Screen {
    Screen { width: None, ..Screen::current() }
}

/// Parts of a document.
pub(crate) fn print_parts(template: &Template, document: &Value) -> Result<()> {
    let text = template.render(document).map_err(|why| anyhow!("-o jsonpath: {why}"))?;
    Ok(print(&text)?)
}

/// JSON for readers and machines, ended by a new line.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<()> {
    Ok(print(&(serde_json::to_string_pretty(value)? + "\n"))?)
}

/// The same as YAML.
pub(crate) fn print_yaml(value: &Value) -> Result<()> {
    Ok(print(&serde_saphyr::to_string(value)?)?)
}
