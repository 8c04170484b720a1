//! Record: what was measured on one version of Kubernetes.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::commands::served::Served;
use crate::commands::storm::Played;

/// One version, at one time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) date: String,
    pub(super) commit: String,
    /// Of each mode of the storm.
    pub(super) namespaces: usize,
    /// `None`: it could not be built or started.
    pub(super) served: Option<Served>,
    /// The outcome of each mode of the storm, by its name.
    pub(super) modes: BTreeMap<String, String>,
    /// The outcome of each suite of tests that was run, by its name.
    pub(super) tests: BTreeMap<String, String>,
    /// All that is not as it has to be.
    pub(super) notes: Vec<String>,
}

/// What a table says of a mode with so many Pods.
pub(super) fn cell(played: &Result<Played>, pods: usize) -> String {
    match played {
        Err(_) => "**error**".to_owned(),
        Ok(Played::Impossible(_)) => "not possible".to_owned(),
        Ok(Played::Outcome(one)) if one.is_kept() => {
            let refusing = if one.refusing { ", by refusal" } else { "" };
            format!("{} of {pods}{refusing}", one.foreign)
        }
        Ok(Played::Outcome(one)) => format!(
            "**{} of {pods}, {} failed, {} unplaced**",
            one.foreign, one.failed, one.unplaced
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::storm::{Mode, Outcome};
    use rstest::rstest;

    #[rstest]
    #[case::kept(Mode::Webhook, false, [0, 0, 0], "0 of 50")]
    #[case::refusing(Mode::TwoServers, true, [0, 0, 0], "0 of 50, by refusal")]
    #[case::compared_with(Mode::Without, false, [42, 0, 0], "42 of 50")]
    #[case::foreign(Mode::Webhook, false, [1, 0, 0], "**1 of 50, 0 failed, 0 unplaced**")]
    #[case::failed(Mode::TwoServers, true, [0, 2, 3], "**0 of 50, 2 failed, 3 unplaced**")]
    fn a_mode_in_a_table(
        #[case] mode: Mode,
        #[case] refusing: bool,
        #[case] counts: [usize; 3],
        #[case] expected: &str,
    ) {
        let outcome = Outcome::of(mode, refusing, counts);
        assert_eq!(cell(&Ok(Played::Outcome(outcome)), 50), expected);
    }

    #[test]
    fn what_was_not_measured_is_no_number() {
        assert_eq!(cell(&Ok(Played::Impossible("needs more".to_owned())), 50), "not possible");
        assert_eq!(cell(&Err(anyhow::anyhow!("no API server")), 50), "**error**");
    }
}
