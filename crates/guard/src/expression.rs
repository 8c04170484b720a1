//! Expression: pieces of CEL that several policies are made of.

use serde_json::Value;
use tenancy::glob::Glob;
use tenancy::settings::Accounts;

use super::{GATE, Guard};

/// What a user name of a service account begins with.
pub(super) const SERVICE_ACCOUNT: &str = "system:serviceaccount";
/// The API server itself, when it makes the namespaces that every cluster has.
const API_SERVER: &str = "system:apiserver";

/// A CEL string; JSON's escapes are CEL's as well.
pub(super) fn quote(value: &str) -> String {
    Value::from(value).to_string()
}

/// A CEL list of strings.
pub(super) fn list<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| quote(value.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// A field of an object that may be absent, or what stands for it.
pub(super) fn field_or(path: &str, absent: &str) -> String {
    format!("has({path}) ? {path} : {absent}")
}

/// The value of a key of a map, or the empty string.
pub(super) fn value_of(map: &str, key: &str) -> String {
    let key = quote(key);
    format!("{key} in {map} ? {map}[{key}] : \"\"")
}

/// Whether a Pod waits at landlord's gate.
pub(super) fn is_held(pod: &str) -> String {
    format!(
        "has({pod}.spec.schedulingGates) && {pod}.spec.schedulingGates.exists(g, g.name == {})",
        quote(GATE)
    )
}

/// Whether a Pod waits at any gate.
pub(super) fn has_gates(pod: &str) -> String {
    format!("has({pod}.spec.schedulingGates) && size({pod}.spec.schedulingGates) > 0")
}

/// Whether a Pod says itself where it runs.
pub(super) fn names_its_node(pod: &str) -> String {
    format!("has({pod}.spec.nodeName) && {pod}.spec.nodeName != \"\"")
}

impl Guard<'_> {
    /// Whether the requester is one of the settings' admins.
    pub(super) fn is_admin(&self) -> String {
        self.is_admin_or(&[], &[])
    }

    /// The same for a request that the API server itself may make.
    pub(super) fn is_admin_or_api_server(&self) -> String {
        self.is_admin_or(&[API_SERVER.to_owned()], &[])
    }

    /// Whether the requester may create namespaces that are never looked at.
    pub(super) fn may_create_excluded(&self) -> String {
        let operators = &self.settings.platform_operators;
        let users: Vec<String> =
            [API_SERVER.to_owned()].into_iter().chain(user_names(operators)).collect();
        self.is_admin_or(&users, &operators.groups)
    }

    /// Whether the requester may bind Pods.
    pub(super) fn may_bind(&self) -> String {
        self.is_admin_or(&self.settings.schedulers, &[])
    }

    fn is_admin_or(&self, users: &[String], groups: &[String]) -> String {
        let admins = &self.settings.admins;
        let users: Vec<String> =
            user_names(admins).into_iter().chain(users.iter().cloned()).collect();
        let groups: Vec<String> = admins.groups.iter().chain(groups).cloned().collect();
        requester(&users, &groups)
    }

    pub(super) fn is_controller(&self) -> String {
        is_user(&account(&self.settings.controller))
    }

    /// Whether the namespace of this name is never looked at; `None` if all are.
    pub(super) fn excludes(&self, name: &str) -> Option<String> {
        let (patterns, names): (Vec<&str>, Vec<&str>) = self
            .settings
            .excluded
            .iter()
            .map(Glob::as_str)
            .partition(|glob| glob.contains(['*', '?']));
        let listed = (!names.is_empty()).then(|| format!("{name} in {}", list(names)));
        let expressions: Vec<String> = patterns.into_iter().map(expression).collect();
        let matched = (!expressions.is_empty()).then(|| {
            format!("{name}.matches({})", quote(&format!("^({})$", expressions.join("|"))))
        });
        let parts: Vec<String> = [listed, matched].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" || "))
    }

    /// The condition that a request is about a namespace that landlord looks at.
    pub(super) fn not_excluded(&self, name: &str) -> Option<(&'static str, String)> {
        self.excludes(name).map(|excluded| ("not-excluded", format!("!({excluded})")))
    }
}

/// The CEL that says whether the requester is the user of this name.
pub fn is_user(username: &str) -> String {
    format!("request.userInfo.username == {}", quote(username))
}

fn user_names(accounts: &Accounts) -> Vec<String> {
    let services = accounts.service_accounts.iter().map(|name| account(name));
    accounts.users.iter().cloned().chain(services).collect()
}

fn account(name: &str) -> String {
    format!("{SERVICE_ACCOUNT}:{name}")
}

fn requester(users: &[String], groups: &[String]) -> String {
    let user = (!users.is_empty()).then(|| format!("request.userInfo.username in {}", list(users)));
    let group = (!groups.is_empty()).then(|| {
        format!(
            "has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in {})",
            list(groups)
        )
    });
    let parts: Vec<String> = [user, group].into_iter().flatten().collect();
    if parts.is_empty() { "false".to_owned() } else { parts.join(" || ") }
}

/// A pattern as a regular expression.
fn expression(glob: &str) -> String {
    let part = |c: char| match c {
        '*' => ".*".to_owned(),
        '?' => ".".to_owned(),
        c if c.is_ascii_alphanumeric() || c == '-' => c.to_string(),
        c => format!("\\{c}"),
    };
    glob.chars().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;
    use tenancy::settings::Settings;

    fn parsed(document: Value) -> Settings {
        Settings::from_value(&document).expect("settings")
    }

    #[rstest]
    #[case(json!(["kube-system", "ab"]), r#"n in ["kube-system", "ab"]"#)]
    #[case(json!(["kube-*"]), r#"n.matches("^(kube-.*)$")"#)]
    #[case(json!(["kube-*", "x", "a-?"]), r#"n in ["x"] || n.matches("^(kube-.*|a-.)$")"#)]
    fn excluded_names(#[case] globs: Value, #[case] expected: &str) {
        let settings =
            parsed(json!({"excludedNamespaces": globs, "includeSystemNamespaces": true}));
        assert_eq!(Guard::new(&settings).excludes("n").as_deref(), Some(expected));
    }

    #[test]
    fn nothing_is_excluded() {
        assert_eq!(
            Guard::new(&parsed(json!({"excludedNamespaces": [], "includeSystemNamespaces": true})))
                .excludes("n"),
            None
        );
    }

    #[rstest]
    #[case(json!({"groups": [], "users": []}), "false")]
    #[case(json!({"groups": [], "users": ["a\"b"]}), r#"request.userInfo.username in ["a\"b"]"#)]
    #[case(json!({"groups": [], "serviceAccounts": ["ci:bot"]}), r#"request.userInfo.username in ["system:serviceaccount:ci:bot"]"#)]
    fn requesters(#[case] admins: Value, #[case] expected: &str) {
        assert_eq!(Guard::new(&parsed(json!({"admins": admins}))).is_admin(), expected);
    }

    /// Operators of the platform get excluded names, and nothing else.
    #[test]
    fn platform_operators_create_excluded_namespaces() {
        let settings = parsed(json!({
            "admins": {"groups": ["ops"]},
            "platformOperators": {"groups": ["sre"], "serviceAccounts": ["rancher:r"]},
        }));
        let guard = Guard::new(&settings);
        let expression = guard.may_create_excluded();
        for name in ["\"ops\"", "\"sre\"", "\"system:serviceaccount:rancher:r\""] {
            assert!(expression.contains(name), "{expression}");
        }
        for other in [guard.is_admin(), guard.may_bind(), guard.is_admin_or_api_server()] {
            assert!(!other.contains("sre") && !other.contains("rancher"), "{other}");
        }
    }
}
