//! Handler: the policy server's own time, from its histogram.

use anyhow::Result;

use crate::commands::stage::Stage;

const BUCKET: &str = "kubewarden_policy_evaluation_latency_seconds_bucket{";

/// Upper bounds in seconds, and how many evaluations took no longer.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram(Vec<(f64, f64)>);

impl Histogram {
    pub(super) async fn read(stage: &Stage) -> Result<Self> {
        match &stage.kubewarden {
            Some(kubewarden) => Ok(Self::parse(&kubewarden.metrics().await?)),
            None => Ok(Self::default()),
        }
    }

    fn parse(text: &str) -> Self {
        let bucket = |line: &str| {
            let (labels, count) = line.strip_prefix(BUCKET)?.split_once("} ")?;
            let bound = labels.split("le=\"").nth(1)?.split('"').next()?;
            Some((bound.parse().unwrap_or(f64::INFINITY), count.split(' ').next()?.parse().ok()?))
        };
        Self(text.lines().filter_map(bucket).collect())
    }

    /// What came after `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let earlier = |bound: f64| {
            before.0.iter().find(|(other, _)| *other == bound).map_or(0.0, |(_, count)| *count)
        };
        let later = self.0.iter().map(|(bound, count)| (*bound, count - earlier(*bound)));
        let counts: Vec<_> = later.collect();
        // A server that was started anew has counted from 0.
        if counts.iter().any(|(_, count)| *count < 0.0) { self.clone() } else { Self(counts) }
    }

    /// The upper bound of the bucket that the quantile falls into, in seconds.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let (_, all) = self.0.last().filter(|(_, all)| *all > 0.0)?;
        self.0.iter().find(|(_, count)| *count >= share * all).map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKET, Histogram};

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket() {
        let text = |counts: [u32; 3]| {
            format!(
                "{BUCKET}le=\"0.1\"}} {}\n{BUCKET}le=\"0.2\"}} {}\n{BUCKET}le=\"+Inf\"}} {}\n",
                counts[0], counts[1], counts[2]
            )
        };
        let (before, after) =
            (Histogram::parse(&text([10, 10, 10])), Histogram::parse(&text([60, 109, 110])));
        assert_eq!(after.since(&before).quantile(0.5), Some(0.1));
        assert_eq!(after.since(&before).quantile(0.99), Some(0.2));
        assert_eq!(before.since(&after).quantile(0.5), Some(0.1), "started anew");
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}
