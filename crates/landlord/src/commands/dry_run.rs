//! Dry run: the flag of every command that writes, with one grammar for all.

use clap::{Args, ValueEnum};

use cluster::writer::ApplyMode;

/// As kubectl has it: `--dry-run=server`, and `--dry-run` alone is `--dry-run=client`.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct DryRunFlags {
    /// Change nothing: say what would be done, or let the API server judge it
    #[arg(
        long,
        env = "LANDLORD_DRY_RUN",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client"
    )]
    dry_run: DryRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DryRun {
    /// Do it
    None,
    /// Send nothing: say what would be done
    Client,
    /// Let the API server judge it and store nothing
    Server,
}

impl DryRunFlags {
    pub(super) fn mode(self) -> ApplyMode {
        match self.dry_run {
            DryRun::None => ApplyMode::Apply,
            DryRun::Client => ApplyMode::PlanOnly,
            DryRun::Server => ApplyMode::ServerDryRun,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Parser)]
    struct Line {
        names: Vec<String>,
        #[command(flatten)]
        dry_run: DryRunFlags,
    }

    #[rstest]
    #[case::none("a", Some(ApplyMode::Apply))]
    #[case::alone("--dry-run a", Some(ApplyMode::PlanOnly))]
    #[case::behind("a --dry-run", Some(ApplyMode::PlanOnly))]
    #[case::client("a --dry-run=client", Some(ApplyMode::PlanOnly))]
    #[case::server("--dry-run=server a", Some(ApplyMode::ServerDryRun))]
    #[case::off("a --dry-run=none", Some(ApplyMode::Apply))]
    #[case::other("a --dry-run=true", None)]
    fn one_grammar(#[case] words: &str, #[case] expected: Option<ApplyMode>) {
        let line =
            Line::try_parse_from(std::iter::once("landlord").chain(words.split_whitespace()));
        assert!(
            line.as_ref().map_or(true, |line| line.names == ["a"]),
            "a name behind the flag is no value of it"
        );
        assert_eq!(line.ok().map(|line| line.dry_run.mode()), expected);
    }

    /// Commands that write and lack it, or have one of their own, are found here.
    #[test]
    fn every_command_has_the_same() {
        let all = crate::command_line();
        let flags: Vec<_> = all
            .get_subcommands()
            .filter_map(|one| {
                Some((
                    one.get_name(),
                    one.get_arguments().find(|arg| arg.get_long() == Some("dry-run"))?,
                ))
            })
            .collect();
        assert_eq!(
            flags.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["backfill", "audit", "adopt", "move", "detach", "release"]
        );
        for (name, flag) in flags {
            let values: Vec<_> = flag
                .get_possible_values()
                .iter()
                .map(|value| value.get_name().to_owned())
                .collect();
            assert!(
                flag.is_require_equals_set() && values == ["none", "client", "server"],
                "{name}: {values:?}"
            );
        }
    }
}
