//! Subject: a version of Kubernetes and what is switched on in it, as one column of the page.

use std::fmt;
use std::str::FromStr;

use local_cluster::Release;

use crate::commands::stage::StageOptions;

/// What says in a subject's name that beta APIs are on.
const BETA: &str = "+v1beta1";
/// What switches MutatingAdmissionPolicy `v1beta1` on, which 1.34 and 1.35 have and do not serve by
/// themselves.
const ARGUMENTS: [&str; 2] = [
    "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    "--feature-gates=MutatingAdmissionPolicy=true",
];

/// A version, `1.34`, or with beta APIs switched on, `1.34+v1beta1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subject {
    pub(super) release: Release,
    /// Whether MutatingAdmissionPolicy `v1beta1` is switched on.
    pub(super) beta: bool,
}

impl Subject {
    /// All columns of the page, in its order.
    pub(super) fn all() -> Vec<Self> {
        let with = |release: Release| {
            let beta = matches!(release.short().as_str(), "1.34" | "1.35");
            [Some(Self { release, beta: false }), beta.then_some(Self { release, beta })]
        };
        Release::ALL.into_iter().flat_map(with).flatten().collect()
    }

    /// Its name on the command line and of its record.
    pub(super) fn short(self) -> String {
        self.release.short() + if self.beta { BETA } else { "" }
    }

    /// Arguments of kube-apiserver.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        if self.beta { &ARGUMENTS } else { &[] }
    }

    /// These options for it.
    pub(super) fn stage(self, stage: &StageOptions) -> StageOptions {
        stage.on(self.release, self.arguments())
    }
}

/// With the patch, as the page writes it: `1.34.4 with v1beta1`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.release, if self.beta { " with v1beta1" } else { "" })
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (version, beta) = match text.strip_suffix(BETA) {
            Some(version) => (version, true),
            None => (text, false),
        };
        let release = version.parse::<Release>().map_err(|error| error.to_string())?;
        let subject = Self { release, beta };
        if Self::all().contains(&subject) {
            return Ok(subject);
        }
        Err(format!("{text}: only 1.34 and 1.35 have MutatingAdmissionPolicy v1beta1 to switch on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_has_a_name() {
        let all = Subject::all().into_iter().map(Subject::short).collect::<Vec<_>>();
        assert_eq!(
            all,
            [
                "1.30",
                "1.31",
                "1.32",
                "1.33",
                "1.34",
                "1.34+v1beta1",
                "1.35",
                "1.35+v1beta1",
                "1.36",
                "1.37"
            ]
        );
        for name in all {
            assert_eq!(name.parse::<Subject>().expect("a subject").short(), name);
        }
        let beta: Subject = "1.35+v1beta1".parse().expect("a subject");
        assert_eq!((beta.to_string().as_str(), beta.arguments().len()), ("1.35.4 with v1beta1", 2));
    }

    #[test]
    fn others_are_refused() {
        for (name, words) in [("1.29", "no Kubernetes"), ("1.33+v1beta1", "only 1.34 and 1.35")] {
            let error = name.parse::<Subject>().expect_err("no subject");
            assert!(error.contains(words), "{error}");
        }
    }
}
