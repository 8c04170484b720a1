//! Patterns for names: `*` stands for any run of characters, `?` for exactly one, everything else
//! for itself.

use std::fmt;
use std::str::Chars;

use crate::metadata::{check_annotation_key, is_dns_label};

/// Longest pattern in bytes: the longest key, `253/63`.
pub(crate) const MAX_GLOB_BYTES: usize = 253 + 1 + 63;

/// How many characters the API server puts after a `generateName`, of how many it leaves there, and
/// which it draws from (`k8s.io/apiserver/pkg/storage/names`, `k8s.io/apimachinery/pkg/util/rand`).
const GENERATED_CHARS: usize = 5;
const MAX_STEM_CHARS: usize = 63 - GENERATED_CHARS;
const GENERATED_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// A pattern that matches whole names. Matching takes at most pattern × name steps and never
/// recurses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    source: String,
}

/// Why something is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// An empty pattern matches no name.
    #[error("pattern \"\" matches nothing; write a name, or * for every name")]
    Empty,
    /// Longer than any name.
    #[error("pattern {pattern:?} has {bytes} bytes; shorten it to {MAX_GLOB_BYTES}")]
    TooLong {
        /// The pattern as given.
        pattern: String,
        /// Its length.
        bytes: usize,
    },
    /// A character of another pattern language, or one that no name can have.
    #[error(
        "pattern {pattern:?} has the character {character:?}; only * and ? are special, and names have none such"
    )]
    Character {
        /// The pattern as given.
        pattern: String,
        /// The first such character.
        character: char,
    },
    /// None of the names that it is for can fit it.
    #[error("pattern {pattern:?} can match no {kind}; only * and ? are special{remedy}")]
    Nothing {
        /// The pattern as given.
        pattern: String,
        /// What it is for.
        kind: &'static str,
        /// What was probably meant, if that can be said.
        remedy: String,
    },
}

/// Why a pattern is for names of namespaces, or for keys.
struct Kind {
    called: &'static str,
    /// What `*` may have to stand for, so that a name is a valid one.
    stars: &'static [&'static str],
    is_valid: fn(&str) -> bool,
}

const NAMES: Kind = Kind {
    called: "name of a namespace (lower-case letters, digits and inner dashes, at most 63)",
    stars: &["", "a"],
    is_valid: is_dns_label,
};
const KEYS: Kind = Kind {
    called: "key of a label or annotation ([prefix/]name)",
    stars: &["", "a", "/a", "a/"],
    is_valid: |key| check_annotation_key(key).is_ok(),
};

impl Glob {
    /// Reads a pattern.
    pub fn parse(source: &str) -> Result<Self, GlobError> {
        if source.is_empty() {
            return Err(GlobError::Empty);
        }
        if source.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLong { pattern: source.to_owned(), bytes: source.len() });
        }
        if let Some(character) = source.chars().find(|c| is_foreign(*c)) {
            return Err(GlobError::Character { pattern: source.to_owned(), character });
        }
        Ok(Glob { source: source.to_owned() })
    }

    /// Reads a pattern for names of namespaces; one that can match none is an error.
    pub fn for_namespaces(source: &str) -> Result<Self, GlobError> {
        Self::of_kind(source, &NAMES)
    }

    /// Reads a pattern for keys of labels and annotations; one that can match none is an error.
    pub fn for_keys(source: &str) -> Result<Self, GlobError> {
        Self::of_kind(source, &KEYS)
    }

    fn of_kind(source: &str, kind: &Kind) -> Result<Self, GlobError> {
        let fits = |pattern: &str| {
            let name = |star: &&str| pattern.replace('*', star).replace('?', "a");
            kind.stars.iter().any(|star| (kind.is_valid)(&name(star)))
        };
        match Self::parse(source) {
            Ok(glob) if fits(source) => Ok(glob),
            Err(error @ (GlobError::Empty | GlobError::TooLong { .. })) => Err(error),
            other => match (meant(source, fits), other) {
                (None, Err(error)) => Err(error),
                (remedy, _) => Err(GlobError::Nothing {
                    pattern: source.to_owned(),
                    kind: kind.called,
                    remedy: remedy.unwrap_or_default(),
                }),
            },
        }
    }

    /// Whether the whole name fits the pattern.
    pub fn matches(&self, name: &str) -> bool {
        // Longer than any name, so none: it would be compared again and again.
        if name.len() > MAX_GLOB_BYTES {
            return false;
        }
        let mut matcher = Matcher { pattern: self.source.chars(), name: name.chars(), star: None };
        while !matcher.name.as_str().is_empty() {
            if !matcher.step() {
                return false;
            }
        }
        matcher.pattern.all(|c| c == '*')
    }

    /// Whether a name that the API server makes of this `generateName` can fit the pattern.
    pub fn may_match_generated(&self, stem: &str) -> bool {
        let pattern: Vec<char> = self.source.chars().collect();
        let known = stem.chars().take(MAX_STEM_CHARS).map(Some);
        let places = known
            .chain([None; GENERATED_CHARS])
            .fold(open(&pattern, vec![0]), |places, c| advance(&pattern, &places, c));
        places.contains(&pattern.len())
    }

    /// Whether every name that the API server makes of this `generateName` fits the pattern: one
    /// that already fits with its last character a `*` fits whatever follows.
    pub fn always_matches_generated(&self, stem: &str) -> bool {
        let stem: String = stem.chars().take(MAX_STEM_CHARS).collect();
        self.source.ends_with('*') && self.matches(&stem)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// What a regular expression, or capitals, were to say as patterns, if that can be said.
fn meant(source: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let plain: String =
        source.chars().filter(|c| !matches!(c, '^' | '$' | '(' | ')' | '\\')).collect();
    let plain = plain.replace(".*", "*").replace(".+", "?*");
    let plain = if fits(&plain) { plain } else { plain.to_ascii_lowercase() };
    let patterns: Vec<&str> = plain.split('|').collect();
    let written: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
    ((plain != source || patterns.len() > 1) && patterns.into_iter().all(fits))
        .then(|| format!(": write {}", written.join(" and ")))
}

/// The places in the pattern, in order, after one more character; `None` is one of those that the
/// API server draws.
fn advance(pattern: &[char], places: &[usize], c: Option<char>) -> Vec<usize> {
    let fits = |p: char| p == '?' || c.map_or(GENERATED_ALPHABET.contains(p), |c| c == p);
    let next = places.iter().filter_map(|&place| match pattern.get(place) {
        Some('*') => Some(place),
        Some(&p) if fits(p) => Some(place + 1),
        _ => None,
    });
    open(pattern, next.collect())
}

/// A `*` may stand for nothing, so each place before one is also the place after it.
fn open(pattern: &[char], places: Vec<usize>) -> Vec<usize> {
    let mut open: Vec<usize> = Vec::new();
    for place in places {
        let stars = pattern.iter().skip(place).take_while(|c| **c == '*').count();
        let new =
            (place..=place + stars).filter(|place| open.last().is_none_or(|last| last < place));
        open.extend(new.collect::<Vec<_>>());
    }
    open
}

/// What is left of name and pattern, and of both after the last `*`: going back to an earlier one
/// can never help, which is what keeps this from blowing up.
struct Matcher<'a> {
    pattern: Chars<'a>,
    name: Chars<'a>,
    star: Option<(Chars<'a>, Chars<'a>)>,
}

impl Matcher<'_> {
    /// Takes one step; false where nothing can match any more.
    fn step(&mut self) -> bool {
        let (mut pattern, mut name) = (self.pattern.clone(), self.name.clone());
        match (pattern.next(), name.next()) {
            (Some('*'), _) => {
                self.star = Some((pattern.clone(), self.name.clone()));
                self.pattern = pattern;
                true
            }
            (Some(p), Some(c)) if p == '?' || p == c => {
                (self.pattern, self.name) = (pattern, name);
                true
            }
            _ => self.widen_star(),
        }
    }

    fn widen_star(&mut self) -> bool {
        let Some((pattern, name)) = &mut self.star else { return false };
        name.next();
        (self.pattern, self.name) = (pattern.clone(), name.clone());
        true
    }
}

fn is_foreign(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '[' | ']' | '{' | '}' | '\\' | '!' | ',' | '"' | '\'')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("kube-*", "kube-system", true)]
    #[case("kube-*", "kube-", true)]
    #[case("kube-*", "my-kube-system", false)]
    #[case("*", "", true)]
    #[case("?", "", false)]
    #[case("?", "é", true)]
    #[case("a?c", "abc", true)]
    #[case("a*b*c", "axxbyyc", true)]
    #[case("a*b*c", "axxbyy", false)]
    #[case("*.example/*", "x.example/y", true)]
    #[case("kubernetes.io/metadata.name", "kubernetes.io/metadata.name", true)]
    #[case("a.c", "abc", false)]
    #[case("*ab", "aab", true)]
    fn matching(#[case] glob: &str, #[case] name: &str, #[case] matches: bool) {
        assert_eq!(Glob::parse(glob).unwrap().matches(name), matches);
    }

    #[rstest]
    #[case("", "matches nothing")]
    #[case("a[b]", "has the character")]
    #[case("{a,b}", "has the character")]
    #[case("a b", "has the character")]
    fn refuses(#[case] glob: &str, #[case] part: &str) {
        let error = Glob::parse(glob).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }

    #[rstest]
    #[case("kube-*", None)]
    #[case("*", None)]
    #[case("?", None)]
    #[case("*-system", None)]
    #[case("a", None)]
    #[case("default", None)]
    #[case("^kube-.*$", Some(": write `kube-*`"))]
    #[case("^kube-.*", Some(": write `kube-*`"))]
    #[case("kube-.*", Some(": write `kube-*`"))]
    #[case("kube-.+", Some(": write `kube-?*`"))]
    #[case("kube-system$", Some(": write `kube-system`"))]
    #[case("(kube-system)", Some(": write `kube-system`"))]
    #[case("kube-system|default", Some(": write `kube-system` and `default`"))]
    #[case("^(kube-.*|landlord)$", Some(": write `kube-*` and `landlord`"))]
    #[case("KUBE-*", Some(": write `kube-*`"))]
    #[case("kube\\-system", Some(": write `kube-system`"))]
    #[case("kube_system", Some(""))]
    #[case("a/b", Some(""))]
    #[case("tenancy=none", Some(""))]
    #[case("a.b", Some(""))]
    #[case("-kube", Some(""))]
    #[case("kube-", Some(""))]
    #[case("~kube", Some(""))]
    #[case("a:b", Some(""))]
    #[case("kube+", Some(""))]
    #[case("é*", Some(""))]
    #[case(&"a".repeat(63), None)]
    #[case(&"a".repeat(64), Some(""))]
    #[case(&format!("{}*", "a".repeat(63)), None)]
    #[case(&format!("{}*", "a".repeat(64)), Some(""))]
    fn names_of_namespaces(#[case] glob: &str, #[case] refused: Option<&str>) {
        check_kind(Glob::for_namespaces(glob), "name of a namespace", refused);
    }

    #[rstest]
    #[case("kubernetes.io/metadata.name", None)]
    #[case("*.example.com/*", None)]
    #[case("*", None)]
    #[case("legacy", None)]
    #[case("Team_1", None)]
    #[case("*/node-?elector", None)]
    #[case("openshift.io/.*", Some(": write `openshift.io/*`"))]
    #[case("^openshift\\.io/.*$", Some(": write `openshift.io/*`"))]
    #[case("regex:openshift", Some(""))]
    #[case("a/b/c", Some(""))]
    #[case("/a", Some(""))]
    #[case("a/", Some(""))]
    #[case("-a", Some(""))]
    #[case("a=b", Some(""))]
    #[case("a..b/c", Some(""))]
    #[case("a|b", Some(": write `a` and `b`"))]
    #[case(&format!("a/{}", "b".repeat(63)), None)]
    #[case(&format!("a/{}*", "b".repeat(64)), Some(""))]
    #[case(&format!("{}*", "b".repeat(64)), None)]
    fn keys(#[case] glob: &str, #[case] refused: Option<&str>) {
        check_kind(Glob::for_keys(glob), "key of a label or annotation", refused);
    }

    fn check_kind(read: Result<Glob, GlobError>, kind: &str, refused: Option<&str>) {
        match (read, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(remedy)) => {
                let message = error.to_string();
                assert!(message.contains(kind), "{message}");
                assert!(message.ends_with(&format!("are special{remedy}")), "{message}");
            }
            (read, refused) => panic!("{read:?}, expected {refused:?}"),
        }
    }

    #[rstest]
    #[case::every_suffix("landlord*", "landlord-", true, true)]
    #[case::already_past_it("landlord", "landlord-", false, false)]
    #[case::a_suffix_that_cannot_be_drawn("kube-system", "kube-s", false, false)]
    #[case::a_suffix_that_can("ci-bcdfg", "ci-", true, false)]
    #[case::too_short_for_a_suffix("ci-bcd", "ci-", false, false)]
    #[case::some_suffixes("ci-*9", "ci-", true, false)]
    #[case::open_length("ci-???z?", "ci-", true, false)]
    fn generated_names(
        #[case] glob: &str,
        #[case] stem: &str,
        #[case] may: bool,
        #[case] always: bool,
    ) {
        let glob = Glob::parse(glob).unwrap();
        assert_eq!(
            (glob.may_match_generated(stem), glob.always_matches_generated(stem)),
            (may, always)
        );
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let glob = Glob::parse(&"*a".repeat(150)).unwrap();
        assert!(!glob.matches(&format!("{}b", "a".repeat(20_000))));
    }

    fn reference(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, rest) => rest.is_none(),
            (Some(('*', p)), None) => reference(p, name),
            (Some(('*', p)), Some((_, n))) => reference(p, name) || reference(pattern, n),
            (Some((p, ps)), Some((n, ns))) => (*p == '?' || p == n) && reference(ps, ns),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(glob in "[ab*?]{1,8}", name in "[ab]{0,8}") {
            let (pattern, chars): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(Glob::parse(&glob).unwrap().matches(&name), reference(&pattern, &chars));
        }
    }
}
