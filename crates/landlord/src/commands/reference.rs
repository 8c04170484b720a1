//! `reference`: the whole command line as Markdown and as man pages, for packages and the
//! documentation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use clap_mangen::Man;

use crate::output;

mod markdown;

/// Print the reference of all commands
#[derive(Args, Debug)]
#[command(hide = true)]
pub(crate) struct Reference {
    #[command(subcommand)]
    form: Form,
}

#[derive(Subcommand, Debug)]
enum Form {
    /// One Markdown document on standard output
    Markdown,
    /// A man page for each command
    Man {
        /// Folder for the pages; it is made if it is not there
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
}

impl Reference {
    /// Runs the command.
    pub(crate) fn run(self, mut command: clap::Command) -> Result<ExitCode> {
        match self.form {
            Form::Markdown => {
                command.build();
                output::print(&markdown::reference(&command))?;
            }
            Form::Man { out } => write_pages(command, &out)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write_pages(command: clap::Command, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("folder {} cannot be made", folder.display()))?;
    let mut command = without_values(command).bin_name("landlord").disable_help_subcommand(true);
    command.build();
    write_page(&command, folder)
}

/// The page of a command, and those of the commands below it.
fn write_page(command: &clap::Command, folder: &Path) -> Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write_page(below, folder)?;
    }
    let man = Man::new(command.clone());
    let (path, mut page) = (folder.join(man.get_filename()), Vec::new());
    man.render(&mut page)?;
    // What stands below the flags has names of its own in man pages.
    let text = String::from_utf8(page)?.replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n.nf\n");
    let text = text.replace("\nExit codes:\n", "\n.fi\n.SH EXIT STATUS\n.nf\n");
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// What happens to stand in the environment is not part of a reference.
fn without_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(without_values)
}
