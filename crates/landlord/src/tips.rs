//! Tips: what is said to users who type what they know from kubectl.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Flags of kubectl that there are not, because namespaces are not in namespaces.
const NAMESPACE_FLAGS: [&str; 4] = ["-n", "--namespace", "-A", "--all-namespaces"];

/// Puts the fitting tip in place of those that go by spelling alone. `words` is the command line.
pub(crate) fn advise(error: &mut clap::Error, words: &[String]) {
    let Some(tip) = find_tip(error, words) else { return };
    for kind in [ContextKind::SuggestedArg, ContextKind::TrailingArg] {
        error.remove(kind);
    }
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
}

fn find_tip(error: &clap::Error, words: &[String]) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return None };
    if NAMESPACE_FLAGS.contains(&wrong.as_str()) {
        return Some(
            "all commands are about the namespaces of the whole cluster; choose by --selector or --tenant, where a command has them"
                .to_owned(),
        );
    }
    let is_second_file = |three: &[String]| {
        matches!(three, [flag, file, next]
            if ["-f", "--filename"].contains(&flag.as_str()) && next == wrong && !file.starts_with('-'))
    };
    words.windows(3).find(|three| is_second_file(three)).map(|three| {
        let [flag, file, next] = three else { return String::new() };
        format!("one file for each {flag}: write `{flag} {file} {flag} {next}`; of a folder, every file is read")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::two_files("plan -f a.yaml b.yaml", Some("write `-f a.yaml -f b.yaml`"))]
    #[case::by_the_long_flag(
        "plan --filename a.yaml b.yaml",
        Some("--filename a.yaml --filename b.yaml")
    )]
    #[case::namespace("plan --namespace web", Some("namespaces of the whole cluster"))]
    #[case::short("status -n web", Some("namespaces of the whole cluster"))]
    #[case::all("plan -A", Some("namespaces of the whole cluster"))]
    #[case::spelled_wrong("plan --filname a", None)]
    #[case::a_word_too_many("plan a", None)]
    fn tips(#[case] line: &str, #[case] tip: Option<&str>) {
        let words: Vec<String> =
            format!("landlord {line}").split_whitespace().map(str::to_owned).collect();
        let mut error = crate::command_line().try_get_matches_from(&words).expect_err("wrong");
        let found = find_tip(&error, &words);
        match tip {
            Some(tip) => {
                assert!(found.as_ref().is_some_and(|found| found.contains(tip)), "{found:?}")
            }
            None => assert_eq!(found, None),
        }
        advise(&mut error, &words);
        let shown = error.to_string();
        assert!(tip.is_none() || shown.matches("tip:").count() == 1, "{shown}");
    }
}
