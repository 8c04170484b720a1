//! Release: a version of Kubernetes that the local cluster can run.

use std::fmt;
use std::str::FromStr;

/// A release of Kubernetes 1, `1.33.13` for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    minor: u16,
    patch: u16,
}

/// A version that the local cluster does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no Kubernetes {named:?} here: there are {}", Release::ALL.map(|one| one.to_string()).join(", "))]
pub struct UnknownRelease {
    named: String,
}

impl Release {
    /// The last release of every minor version from 1.30 on whose modules the Go proxy serves, the
    /// oldest first.
    pub const ALL: [Self; 8] = [
        Self { minor: 30, patch: 14 },
        Self { minor: 31, patch: 14 },
        Self { minor: 32, patch: 13 },
        Self { minor: 33, patch: 13 },
        Self { minor: 34, patch: 4 },
        Self { minor: 35, patch: 4 },
        Self { minor: 36, patch: 3 },
        Self::NEWEST,
    ];

    /// The release that `kubernetes/go.mod` in this crate names; its etcd serves all of them.
    pub const NEWEST: Self = Self { minor: 37, patch: 2 };

    /// The minor version as people say it: `1.33`.
    pub fn short(self) -> String {
        format!("1.{}", self.minor)
    }

    /// The version of the module `k8s.io/kubernetes`: `v1.33.13`.
    pub fn module_version(self) -> String {
        format!("v{self}")
    }

    /// The version of `k8s.io/api` and the other modules that are cut with it: `v0.33.13`.
    pub(super) fn staging_version(self) -> String {
        format!("v0.{}.{}", self.minor, self.patch)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

/// `1.33`, `v1.33`, `1.33.13` or `v1.33.13`.
impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(text: &str) -> Result<Self, UnknownRelease> {
        let version = text.strip_prefix('v').unwrap_or(text);
        let named = |one: &Self| one.short() == version || one.to_string() == version;
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownRelease { named: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    fn a_release_has_four_names(#[values("1.33", "v1.33", "1.33.13", "v1.33.13")] name: &str) {
        let release: Release = name.parse().expect("a release");
        assert_eq!(release.module_version(), "v1.33.13");
        assert_eq!(release.staging_version(), "v0.33.13");
        assert_eq!(release.short(), "1.33");
    }

    #[rstest]
    fn others_are_refused(#[values("", "1", "1.3", "1.29", "1.33.12", "vv1.33", "33")] name: &str) {
        let error = name.parse::<Release>().expect_err("no release").to_string();
        let all = "there are 1.30.14, 1.31.14, 1.32.13, 1.33.13, 1.34.4, 1.35.4, 1.36.3, 1.37.2";
        assert_eq!(error, format!("no Kubernetes {name:?} here: {all}"));
    }

    #[test]
    fn the_newest_is_the_last() {
        assert!(Release::ALL.is_sorted());
        assert_eq!(Release::ALL.last(), Some(&Release::NEWEST));
    }
}
