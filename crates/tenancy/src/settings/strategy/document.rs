//! The strategy as it is written, and its checks. It is read field by field: derived readers of
//! these types are 15 KB of the policy, more than twice as much.

use std::time::Duration;

use serde_json::{Map as Object, Value};

use super::{Auto, Choice, Critical, Mode, Strategy, duration};
use crate::decode::DecodeError;
use crate::decode::fields::{Fields, mismatch};
use crate::glob::Glob;
use crate::label_selector::LabelSelector;

const FIELDS: [&str; 4] = ["mode", "critical", "auto", "pin"];
const CRITICAL: [&str; 2] = ["labels", "names"];
const AUTO: [&str; 6] =
    ["namespaces", "creationsPerSecond", "admissionLatency", "hysteresis", "period", "holdFor"];
const CHOICES: [(&str, Choice); 4] = [
    ("webhook", Choice::Webhook),
    ("controller", Choice::Controller),
    ("hybrid", Choice::Hybrid),
    ("auto", Choice::Auto),
];
const MODES: [(&str, Mode); 3] =
    [("webhook", Mode::Webhook), ("hybrid", Mode::Hybrid), ("controller", Mode::Controller)];
/// Measuring more often would itself be a load.
const MIN_PERIOD: Duration = Duration::from_secs(1);
/// In per cent. Nearer to 100, `hybrid` would hardly ever end.
const MAX_HYSTERESIS_PERCENT: u32 = 90;

type Read<T> = Result<T, DecodeError>;

/// Reads the settings' field `strategy`; `None` where it is absent or empty.
pub(crate) fn read(settings: &Value) -> Read<Option<Strategy>> {
    let written = settings.get("strategy").filter(|written| !written.is_null());
    let set = written
        .filter(|written| written.as_object().is_none_or(|fields| !Object::is_empty(fields)));
    set.map(|written| read_strategy(written).map_err(|error| error.within("strategy"))).transpose()
}

fn read_strategy(written: &Value) -> Read<Strategy> {
    let fields = Fields::read(written, &FIELDS)?;
    let mode = fields.word("mode", &CHOICES)?.unwrap_or_default();
    let pin = fields.word("pin", &MODES)?;
    let critical = read_critical(fields).map_err(|error| error.within("critical"))?;
    let auto = read_auto(fields).map_err(|error| error.within("auto"))?;
    if critical.is_empty() && (mode == Choice::Hybrid || pin == Some(Mode::Hybrid)) {
        let words = "names no namespace, and `hybrid` asks the webhook about no other: give labels or names, or write `controller`";
        return Err(DecodeError::new("critical", words));
    }
    Ok(Strategy { mode, critical, auto, pin })
}

fn read_critical(strategy: Fields<'_>) -> Read<Critical> {
    let Some(written) = strategy.get("critical") else { return Ok(Critical::default()) };
    let fields = Fields::read(written, &CRITICAL)?;
    let labels = fields.get("labels").map(LabelSelector::strict).transpose();
    let labels = labels.map_err(|error| error.within("labels"))?;
    let names = fields.list("names")?.unwrap_or_default();
    Ok(Critical { labels, names: names.iter().enumerate().map(read_name).collect::<Read<_>>()? })
}

fn read_name((index, written): (usize, &Value)) -> Read<Glob> {
    let path = format!("names[{index}]");
    let text = written.as_str().ok_or_else(|| mismatch(&path, written, "a string"))?;
    Glob::for_namespaces(text).map_err(|error| DecodeError::new(path, error))
}

fn read_auto(strategy: Fields<'_>) -> Read<Auto> {
    let mut auto = Auto::default();
    let Some(written) = strategy.get("auto") else { return Ok(auto) };
    let fields = Fields::read(written, &AUTO)?;
    if let Some(count) = fields.get("namespaces") {
        let valid = count.as_u64().and_then(|count| usize::try_from(count).ok());
        auto.namespaces = valid.ok_or_else(|| mismatch("namespaces", count, "a whole number"))?;
    }
    if let Some(rate) = fields.get("creationsPerSecond") {
        let valid = rate.as_f64().filter(|rate| *rate > 0.0);
        auto.creations_per_second =
            valid.ok_or_else(|| mismatch("creationsPerSecond", rate, "a number above 0"))?;
    }
    if let Some(percent) = fields.get("hysteresis") {
        let valid = percent
            .as_u64()
            .and_then(|percent| u32::try_from(percent).ok())
            .filter(|percent| *percent <= MAX_HYSTERESIS_PERCENT);
        auto.hysteresis = valid.ok_or_else(|| {
            mismatch("hysteresis", percent, "a whole number of per cent from 0 to 90")
        })?;
    }
    read_duration(fields, "admissionLatency", Duration::ZERO, &mut auto.admission_latency)?;
    read_duration(fields, "period", MIN_PERIOD, &mut auto.period)?;
    read_duration(fields, "holdFor", Duration::ZERO, &mut auto.hold_for)?;
    Ok(auto)
}

fn read_duration(
    fields: Fields<'_>,
    name: &str,
    least: Duration,
    duration: &mut Duration,
) -> Read<()> {
    let Some(written) = fields.get(name) else { return Ok(()) };
    let parsed = written.as_str().and_then(duration::parse);
    let parsed = parsed
        .ok_or_else(|| mismatch(name, written, "a time: write for example 100ms, 15s or 10m"))?;
    if parsed < least {
        return Err(DecodeError::new(
            name,
            format!("{} is too short: write 1s or more", crate::text::print(written)),
        ));
    }
    *duration = parsed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn strategy(written: Value) -> Strategy {
        read(&json!({"strategy": written})).expect("a document").expect("a strategy")
    }

    #[rstest]
    #[case::absent(json!({}))]
    #[case::null(json!({"strategy": null}))]
    #[case::empty(json!({"strategy": {}}))]
    #[case::no_document(Value::Null)]
    fn none_is_set(#[case] settings: Value) {
        assert_eq!(read(&settings), Ok(None));
    }

    #[rstest]
    #[case(json!({"mode": null, "critical": null, "auto": null, "pin": null}))]
    #[case(json!({"critical": {"labels": null, "names": null}, "auto": {"namespaces": null, "period": null}}))]
    fn what_is_not_written_is_the_default(#[case] written: Value) {
        assert_eq!(strategy(written), Strategy::default());
    }

    #[test]
    fn every_field() {
        let written = json!({
            "mode": "auto", "pin": "hybrid", "critical": {"labels": {"matchLabels": {"env": "prod"}}, "names": ["pay-*"]},
            "auto": {"namespaces": 7, "creationsPerSecond": 2.5, "admissionLatency": "1s5ms", "hysteresis": 0, "period": "1s", "holdFor": "0s"},
        });
        let critical = Critical {
            labels: Some(
                LabelSelector::from_value(&json!({"matchLabels": {"env": "prod"}}))
                    .expect("a selector"),
            ),
            names: vec![Glob::parse("pay-*").expect("a glob")],
        };
        let auto = Auto {
            namespaces: 7,
            creations_per_second: 2.5,
            admission_latency: Duration::from_millis(1005),
            hysteresis: 0,
            period: MIN_PERIOD,
            hold_for: Duration::ZERO,
        };
        assert_eq!(
            strategy(written),
            Strategy { mode: Choice::Auto, critical, auto, pin: Some(Mode::Hybrid) }
        );
    }

    #[test]
    fn every_mode() {
        for (word, choice) in CHOICES {
            let written = json!({"mode": word, "critical": {"names": ["*"]}});
            assert_eq!(strategy(written).mode, choice);
            assert_eq!(choice.mode(), Mode::parse(word));
        }
        for (word, mode) in MODES {
            assert_eq!(
                strategy(json!({"pin": word, "critical": {"names": ["*"]}})).pin,
                Some(mode)
            );
            assert_eq!(mode.word(), word);
        }
        assert_eq!(MODES.map(|(_, mode)| mode), Mode::ALL);
    }

    /// The kinds of mistakes, with all words, are in `e2e-tests/settings-mistakes.json`.
    #[rstest]
    #[case::an_object(json!([]), "strategy: [] is not an object")]
    #[case::a_large_count(json!({"auto": {"hysteresis": 4_294_967_297_u64}}), "strategy.auto.hysteresis: 4294967297 is not")]
    #[case::an_infinite_rate(json!({"auto": {"creationsPerSecond": "inf"}}), "strategy.auto.creationsPerSecond: \"inf\" is not a number above 0")]
    fn refuses(#[case] written: Value, #[case] begin: &str) {
        let error = read(&json!({"strategy": written})).expect_err("must be refused").to_string();
        assert!(error.starts_with(begin), "{error}");
    }

    /// What is read is what the schema describes.
    #[cfg(feature = "schema")]
    #[test]
    fn fields_and_words_are_those_of_the_schema() {
        let schema = schemars::schema_for!(Strategy).to_value();
        let names = |schema: &Value, at: &str| match schema.pointer(at) {
            Some(Value::Object(members)) => {
                members.keys().cloned().collect::<std::collections::BTreeSet<_>>()
            }
            Some(Value::Array(words)) => words
                .iter()
                .filter_map(|word| word["const"].as_str().or(word.as_str()))
                .map(str::to_owned)
                .collect(),
            _ => panic!("{at} is not there"),
        };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names(&schema, "/properties"), set(&FIELDS));
        assert_eq!(names(&schema, "/$defs/StrategyCritical/properties"), set(&CRITICAL));
        assert_eq!(names(&schema, "/$defs/StrategyAuto/properties"), set(&AUTO));
        assert_eq!(
            names(&schema, "/$defs/StrategyMode/oneOf"),
            set(&CHOICES.map(|(word, _)| word))
        );
        assert_eq!(names(&schema, "/$defs/StrategyPin/oneOf"), set(&MODES.map(|(word, _)| word)));
    }
}
