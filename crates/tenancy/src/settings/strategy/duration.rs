//! Durations as Kubernetes writes them: `100ms`, `15s`, `1h30m`.

use std::time::Duration;

/// Units and their milliseconds. `ms` comes first, because `m` begins it.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// Reads whole numbers with a unit each, which are added up.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut milliseconds = 0_u64;
    while !rest.is_empty() || text.is_empty() {
        let (number, unit) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let (name, factor) = UNITS.iter().find(|(name, _)| unit.starts_with(name))?;
        milliseconds =
            milliseconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
        rest = unit.get(name.len()..)?;
    }
    Some(Duration::from_millis(milliseconds))
}

/// Writes a duration as [`parse`] reads it, with the largest unit that leaves no rest: for the
/// defaults in the schema.
#[cfg(feature = "schema")]
pub(super) fn serialize<S: serde::Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let milliseconds = duration.as_millis();
    let divides = |(_, factor): &&(&str, u64)| milliseconds.is_multiple_of(u128::from(*factor));
    let (unit, factor) = UNITS.iter().rfind(divides).unwrap_or(&("ms", 1));
    serializer.collect_str(&format_args!("{}{unit}", milliseconds / u128::from(*factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("100ms", Some(100))]
    #[case("15s", Some(15_000))]
    #[case("0s", Some(0))]
    #[case("10m", Some(600_000))]
    #[case("1h30m", Some(5_400_000))]
    #[case("1m5ms", Some(60_005))]
    #[case("", None)]
    #[case("15", None)]
    #[case("s", None)]
    #[case("-1m", None)]
    #[case("1.5s", None)]
    #[case("1 s", None)]
    #[case("10x", None)]
    #[case("1m5", None)]
    #[case("99999999999999999999s", None)]
    #[case("18446744073709551615h", None)]
    #[case("18446744073709551615ms1ms", None)]
    fn durations(#[case] text: &str, #[case] milliseconds: Option<u64>) {
        assert_eq!(parse(text), milliseconds.map(Duration::from_millis));
    }
}
