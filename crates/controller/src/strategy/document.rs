//! The strategy as it is written: `strategy` of the settings. The policy takes the field as it is and never reads it, so it is checked here.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as Labels;
use k8s_openapi::jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;
use tenancy::decode::{DecodeError, decode};
use tenancy::glob::Glob;
use tenancy::label_selector::LabelSelector;

use super::{Choice, Critical, Limits, Mode, Strategy};

/// The field's name in the settings.
const FIELD: &str = "strategy";
/// Shorter than this, measuring would itself be a load.
const SHORTEST_PERIOD: Duration = Duration::from_secs(1);

/// Which namespaces are decided by the webhook as they are created, and which by the controller.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "Strategy")]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Document {
    /// `webhook`: every namespace by the webhook. `controller`: none. `hybrid`: the critical ones. `auto`: what the measurements say.
    mode: Choice,
    critical: CriticalDocument,
    auto: Auto,
    /// Keeps `auto` in this mode.
    pin: Option<Mode>,
}

/// Namespaces that the webhook is asked about in mode `hybrid`: those that the labels or a name match.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "StrategyCritical")]
#[serde(deny_unknown_fields, default)]
struct CriticalDocument {
    /// A label selector: `matchLabels`, `matchExpressions`.
    labels: Option<Value>,
    /// Globs.
    names: Vec<String>,
}

/// What `auto` goes by.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "StrategyAuto")]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Auto {
    /// `hybrid` above so many namespaces of tenants.
    namespaces: usize,
    /// `hybrid` above so many created namespaces a second.
    creations_per_second: f64,
    /// `hybrid` above this time that the webhook adds to a creation.
    admission_latency: String,
    /// How far below a threshold, in per cent of it, `hybrid` ends.
    hysteresis: u32,
    /// How often it is measured.
    period: String,
    /// Time between two changes. A webhook that fails is left at once.
    hold_for: String,
}

impl Default for Auto {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            namespaces: 5000,
            creations_per_second: 20.0,
            admission_latency: text("100ms"),
            hysteresis: 20,
            period: text("15s"),
            hold_for: text("10m"),
        }
    }
}

/// The strategy of a document of settings; `None` where it sets none.
pub(super) fn read(settings: &Value) -> Result<Option<Strategy>, DecodeError> {
    let written = settings.get(FIELD).filter(|written| written.as_object().is_none_or(|fields| !fields.is_empty()));
    let Some(written) = written.filter(|written| !written.is_null()) else { return Ok(None) };
    let document: Document = decode(written).map_err(|error| fault(&error.path, error.message))?;
    Strategy::try_from(document).map(Some)
}

/// Puts the schema of this field into that of the whole document.
pub(super) fn describe(settings: &mut schemars::Schema) {
    let mut field = schemars::schema_for!(Document);
    field.remove("$schema");
    field.remove("title");
    let definitions = field.remove("$defs");
    if let (Some(Value::Object(ours)), Some(Value::Object(all))) = (definitions, settings.get_mut("$defs")) {
        all.extend(ours);
    }
    if let Some(Value::Object(fields)) = settings.get_mut("properties") {
        fields.insert(FIELD.to_owned(), field.to_value());
    }
}

impl TryFrom<Document> for Strategy {
    type Error = DecodeError;

    fn try_from(Document { mode, critical, auto, pin }: Document) -> Result<Self, DecodeError> {
        let critical = Critical::try_from(critical)?;
        let hybrid = mode == Choice::Hybrid || pin == Some(Mode::Hybrid);
        if hybrid && critical.is_empty() {
            let words = "names no namespace, and `hybrid` asks the webhook about no other: give labels or names, or write `controller`";
            return Err(fault("critical", words));
        }
        let period = duration("auto.period", &auto.period)?;
        if period < SHORTEST_PERIOD {
            return Err(fault("auto.period", format!("{:?} is too short: write 1s or more", auto.period)));
        }
        let hold = duration("auto.holdFor", &auto.hold_for)?;
        Ok(Self { choice: mode, pin, critical, limits: Limits::try_from(auto)?, period, hold })
    }
}

impl TryFrom<Auto> for Limits {
    type Error = DecodeError;

    fn try_from(auto: Auto) -> Result<Self, DecodeError> {
        if auto.hysteresis > 90 {
            return Err(fault("auto.hysteresis", format!("{} per cent: write 90 or less", auto.hysteresis)));
        }
        if !(auto.creations_per_second > 0.0 && auto.creations_per_second.is_finite()) {
            return Err(fault("auto.creationsPerSecond", format!("{}: write a number above 0", auto.creations_per_second)));
        }
        Ok(Self {
            namespaces: auto.namespaces,
            creations_per_second: auto.creations_per_second,
            latency: duration("auto.admissionLatency", &auto.admission_latency)?,
            hysteresis: auto.hysteresis,
        })
    }
}

impl TryFrom<CriticalDocument> for Critical {
    type Error = DecodeError;

    fn try_from(CriticalDocument { labels, names }: CriticalDocument) -> Result<Self, DecodeError> {
        let labels = labels.filter(|labels| !labels.is_null());
        if let Some(labels) = &labels {
            LabelSelector::from_value(labels).map_err(|error| fault("critical.labels", causes(&error)))?;
        }
        // What has been checked can be read.
        let labels = labels.map(serde_json::from_value::<Labels>).transpose();
        let labels = labels.map_err(|error| fault("critical.labels", error.to_string()))?;
        let glob = |(index, name): (usize, &String)| {
            Glob::parse(name).map_err(|error| fault(&format!("critical.names[{index}]"), error.to_string()))
        };
        Ok(Self { labels, names: names.iter().enumerate().map(glob).collect::<Result<_, _>>()? })
    }
}

fn duration(path: &str, text: &str) -> Result<Duration, DecodeError> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|parsed| Duration::try_from(parsed).ok());
    parsed.ok_or_else(|| fault(path, format!("{text:?} is not a time: write for example 100ms, 15s or 10m")))
}

fn fault(path: &str, message: impl Into<String>) -> DecodeError {
    let path = if path.is_empty() { FIELD.to_owned() } else { format!("{FIELD}.{path}") };
    DecodeError { path, message: message.into() }
}

fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({}))]
    #[case(json!({"strategy": {}}))]
    #[case(Value::Null)]
    fn none_is_set(#[case] settings: Value) {
        assert!(read(&settings).expect("a document").is_none());
    }

    #[test]
    fn defaults() {
        let strategy = read(&json!({"strategy": {"mode": "auto"}})).expect("a document").expect("a strategy");
        let limits = Limits { namespaces: 5000, creations_per_second: 20.0, latency: Duration::from_millis(100), hysteresis: 20 };
        assert_eq!((strategy.choice, strategy.pin, strategy.limits), (Choice::Auto, None, limits));
        assert_eq!((strategy.period, strategy.hold), (Duration::from_secs(15), Duration::from_secs(600)));
    }

    /// What users copy is read, and its `auto` is what the defaults are.
    #[test]
    fn the_documentations_example() {
        let text = include_str!("../../../../docs/strategies.md");
        let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        let document: Value = serde_saphyr::from_str(yaml).expect("YAML");
        let strategy = read(&document["settings"]).expect("a document").expect("a strategy");
        let defaults = read(&json!({"strategy": {"mode": "auto"}})).expect("a document").expect("a strategy");
        let critical = strategy.critical.clone();
        assert!(critical.labels.is_some() && critical.names.len() == 1);
        assert_eq!(strategy, Strategy { critical, pin: Some(Mode::Webhook), ..defaults });
        tenancy::settings::Settings::from_value(&document["settings"]).expect("settings");
    }

    #[rstest]
    #[case::a_field(json!({"mod": "auto"}), "strategy: unknown field `mod`", "did you mean `mode`?")]
    #[case::a_mode(json!({"mode": "hybrit"}), "strategy.mode: unknown variant `hybrit`", "did you mean `hybrid`?")]
    #[case::a_field_inside(json!({"auto": {"namespace": 1}}), "strategy.auto: unknown field `namespace`", "did you mean `namespaces`?")]
    #[case::a_pin(json!({"pin": "auto"}), "strategy.pin: unknown variant `auto`", "webhook")]
    #[case::a_time(json!({"auto": {"period": "15"}}), "strategy.auto.period: \"15\" is not a time", "write for example")]
    #[case::a_short_time(json!({"auto": {"period": "1ms"}}), "strategy.auto.period: \"1ms\" is too short", "1s or more")]
    #[case::a_negative_time(json!({"auto": {"holdFor": "-1m"}}), "strategy.auto.holdFor: \"-1m\" is not a time", "10m")]
    #[case::a_rate(json!({"auto": {"creationsPerSecond": 0}}), "strategy.auto.creationsPerSecond: 0", "above 0")]
    #[case::too_much(json!({"auto": {"hysteresis": 100}}), "strategy.auto.hysteresis: 100 per cent", "90 or less")]
    #[case::nothing_critical(json!({"mode": "hybrid"}), "strategy.critical: names no namespace", "write `controller`")]
    #[case::nothing_critical_pinned(json!({"mode": "auto", "pin": "hybrid"}), "strategy.critical: ", "labels or names")]
    #[case::a_selector(json!({"critical": {"labels": {"matchLabels": {"a b": "c"}}}}), "strategy.critical.labels: matchLabels[\"a b\"]", "a b")]
    #[case::a_glob(json!({"critical": {"names": ["a", "[x]"]}}), "strategy.critical.names[1]: pattern", "only * and ?")]
    #[case::not_an_object(json!("auto"), "strategy: invalid type", "auto")]
    fn refuses(#[case] strategy: Value, #[case] begin: &str, #[case] part: &str) {
        let error = read(&json!({"strategy": strategy})).expect_err("must be refused").to_string();
        assert!(error.starts_with(begin) && error.contains(part), "{error}");
    }
}
