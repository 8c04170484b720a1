//! Names: what to say of one that is not there – the one that was probably meant.

/// The most alike of these; `None` if none is alike enough to be meant.
pub(crate) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Two letters exchanged are one slip; a third of a name may be wrong.
    let allowed = wrong.chars().count().div_ceil(3);
    let alike = names.into_iter().map(|name| (strsim::damerau_levenshtein(wrong, name), name));
    alike.filter(|(slips, _)| *slips <= allowed).min().map(|(_, name)| name)
}

/// `: did you mean "solar"?`, or the names there are if they are few, or nothing.
pub(crate) fn suggestion<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    const FEW: usize = 5;
    let names: Vec<&str> = names.into_iter().collect();
    match nearest(wrong, names.iter().copied()) {
        Some(name) => format!(": did you mean {name:?}?"),
        None if names.is_empty() => ": there is none at all".to_owned(),
        None if names.len() <= FEW => format!(
            ": there is {}",
            names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sola", ": did you mean \"solar\"?")]
    #[case("ulnar", ": did you mean \"lunar\"?")]
    #[case("mars", ": there is \"lunar\", \"solar\"")]
    fn suggestions(#[case] wrong: &str, #[case] expected: &str) {
        assert_eq!(suggestion(wrong, ["lunar", "solar"]), expected);
    }

    #[test]
    fn many_names_are_not_listed() {
        assert_eq!(suggestion("mars", ["a1", "a2", "a3", "a4", "a5", "a6"]), "");
        assert_eq!(suggestion("mars", []), ": there is none at all");
    }
}
