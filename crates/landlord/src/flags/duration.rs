//! Duration: a length of time, as kubectl's flags take it.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

/// `30s`, `5m`, `1h30m`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let is_short = text.chars().all(|letter| letter.is_ascii_digit() || "hms".contains(letter));
    let written = text.parse::<SignedDuration>().ok().filter(|_| is_short);
    seconds
        .or_else(|| Duration::try_from(written?).ok())
        .ok_or_else(|| format!("{text:?} is no length of time: write 30s, 5m or 1h30m"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0", Some(0))]
    #[case("30", Some(30_000))]
    #[case("30s", Some(30_000))]
    #[case("250ms", Some(250))]
    #[case("1h30m", Some(5_400_000))]
    #[case("", None)]
    #[case("-5s", None)]
    #[case("5 minutes", None)]
    #[case("PT5S", None)]
    fn times(#[case] text: &str, #[case] milliseconds: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), milliseconds.map(Duration::from_millis));
    }
}
