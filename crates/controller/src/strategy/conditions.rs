//! Conditions: what a mode says to the API server about when to ask the webhook. It is one of the
//! policy's `matchConditions`, evaluated in the API server, so that what is left out costs nothing,
//! and a change of mode rolls no policy server. A `namespaceSelector` would see the new labels
//! only: dropping the critical label in the same update would slip past it.

use tenancy::glob::Glob;
use tenancy::label_selector::Test;
use tenancy::settings::Settings;

use super::{Critical, Mode};

/// A label of the controller's dry-run creation that the webhook is not asked about: it shows what
/// the API server takes by itself.
pub const BASELINE: &str = "landlord.dev/probe";
/// Of a `generateName`, so many characters are sure to begin the name
/// (`k8s.io/apiserver/pkg/storage/names`).
const MAX_STEM_BYTES: usize = 58;

/// The condition of this mode, in CEL.
pub fn expression(mode: Mode, critical: &Critical, settings: &Settings) -> String {
    let asked = match mode {
        Mode::Webhook => "true".to_owned(),
        Mode::Controller => "false".to_owned(),
        Mode::Hybrid => format!("({})", is_critical(critical, &settings.excluded)),
    };
    let account = quoted(&format!("system:serviceaccount:{}", settings.controller));
    let probe = format!(
        "request.operation == 'CREATE' && request.userInfo.username == {account} && has(request.dryRun) && request.dryRun"
    );
    format!(
        "{probe} ? !(has(object.metadata.labels) && '{BASELINE}' in object.metadata.labels) : {asked}"
    )
}

/// Also what it was before an update: a namespace that is critical no longer was critical a moment
/// ago. Names that tenancy excludes are a way out of it, and only the webhook knows who may create
/// them.
fn is_critical(Critical { labels, names }: &Critical, excluded: &[Glob]) -> String {
    let labels = labels.as_ref().map(|selector| {
        let terms: Vec<String> = selector.terms().map(term).collect();
        if terms.is_empty() { "true".to_owned() } else { terms.join(" && ") }
    });
    let names = (!names.is_empty()).then(|| has_name(names));
    let ways: Vec<String> =
        [labels, names].into_iter().flatten().map(|way| format!("({way})")).collect();
    let critical = (!ways.is_empty())
        .then(|| format!("[object, oldObject].exists(o, o != null && ({}))", ways.join(" || ")));
    let excluded = (!excluded.is_empty()).then(|| {
        format!("request.operation == 'CREATE' && [object].exists(o, {})", has_name(excluded))
    });
    let ways: Vec<String> = [critical, excluded].into_iter().flatten().collect();
    if ways.is_empty() { "false".to_owned() } else { ways.join(" || ") }
}

fn term((key, test): (&str, &Test)) -> String {
    match test {
        Test::In(values) => has_value(key, values),
        Test::NotIn(values) => format!("!({})", has_value(key, values)),
        Test::Exists => has_key(key),
        Test::DoesNotExist => format!("!({})", has_key(key)),
    }
}

fn has_key(key: &str) -> String {
    format!("has(o.metadata.labels) && {} in o.metadata.labels", quoted(key))
}

fn has_value(key: &str, values: &[String]) -> String {
    let list: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("{} && o.metadata.labels[{}] in [{}]", has_key(key), quoted(key), list.join(", "))
}

/// Whether the name fits a glob. A name that the API server is yet to make may fit where it can
/// begin as the glob does.
fn has_name(globs: &[Glob]) -> String {
    let patterns: Vec<String> = globs.iter().map(|glob| pattern(glob.as_str())).collect();
    let stems: Vec<String> = globs.iter().map(|glob| quoted(&stem(glob.as_str()))).collect();
    format!(
        "has(o.metadata.name) && o.metadata.name != '' ? o.metadata.name.matches({}) : has(o.metadata.generateName) && \
         [{}].exists(s, s.startsWith(o.metadata.generateName) || o.metadata.generateName.startsWith(s))",
        quoted(&format!("^(?:{})$", patterns.join("|"))),
        stems.join(", ")
    )
}

/// RE2 of a glob.
fn pattern(glob: &str) -> String {
    let one = |c: char| match c {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        '.' | '+' | '(' | ')' | '|' | '^' | '$' => format!("\\{c}"),
        c => c.to_string(),
    };
    glob.chars().map(one).collect()
}

/// How every name that fits begins.
fn stem(glob: &str) -> String {
    glob.chars().take_while(|c| !matches!(c, '*' | '?')).take(MAX_STEM_BYTES).collect()
}

/// A string of CEL.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| matches!(c, '\\' | '\'').then_some('\\').into_iter().chain([c]))
        .collect();
    format!("'{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("prod-*", "prod-.*", "prod-")]
    #[case("a.b?", "a\\.b.", "a.b")]
    #[case("*", ".*", "")]
    fn globs(#[case] glob: &str, #[case] regex: &str, #[case] begins: &str) {
        assert_eq!((pattern(glob), stem(glob)), (regex.to_owned(), begins.to_owned()));
    }

    #[test]
    fn text_is_quoted() {
        assert_eq!(quoted(r"it's \d"), r"'it\'s \\d'");
    }
}
