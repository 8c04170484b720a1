//! What Capsule's own webhook judges of a namespace's metadata, as hooks
//! (`tenantSource: {capsule: {validations: true}}`).
//!
//! | of the Tenant | in Capsule v0.14 | becomes |
//! |---|---|---|
//! | `namespaceOptions.requiredMetadata` | the key is there and matches (`validation/required_metadata.go`) | a requirement a key |
//! | `namespaceOptions.forbidden{Labels,Annotations}` | no key is among `denied` or matches `deniedRegex` (`pkg/api/forbidden_list.go`) | a requirement a list |
//! | `rules[].enforce.metadata`, `action: allow` | a matching key has one of the `values`; `required`: there is one | requirements |
//! | … `action: deny` (the default), `audit` | no matching key has one of the `values`; none listed: any | a requirement; `audit` only warns |
//! | `rules[].audience` | whose requests the rule judges (`pkg/ruleengine/audience.go`) | a hook at admission, given the requester |
//!
//! What the tenant itself writes is not judged, as in Capsule. A namespace selector of a rule is
//! asked about the namespace as it will be. Rules that allow values of the same key are taken
//! together. Else each rule and key stands by itself (in Capsule the last match decides,
//! `pkg/ruleengine/enforce_evaluator.go`), and everybody's namespaces are judged, also those that
//! an admin creates. `docs/configuration.md` has the list.

use serde_json::Value;

use super::{array, label_selector, names_namespaces, one_or_many};
use crate::decode::DecodeError;
use crate::hook::{
    Condition, Expression, Hook, Listed, Matcher, OnFailure, Place, Requirement, Stages, Test,
};
use crate::members::{at, by_name};
use crate::metadata::{Field, Key};
use crate::requester::{Owner, OwnerKind};

type Read<T> = Result<T, DecodeError>;

const USERNAME: &str = "$.request.userInfo.username";
const GROUPS: &str = "$.request.userInfo.groups[*]";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// The hooks of one Tenant. `owners` are those in force.
pub(super) fn hooks(spec: &Value, owners: &[Owner]) -> Read<Vec<Hook>> {
    let mut hooks = Vec::new();
    let required = required(spec)?;
    if !required.is_empty() {
        hooks.push(hook("capsule-required".to_owned(), required));
    }
    let forbidden = forbidden(spec)?;
    if !forbidden.is_empty() {
        hooks.push(hook("capsule-forbidden".to_owned(), forbidden));
    }
    let rules: Vec<&Value> = array(spec.get("rules")).collect();
    for index in 0..rules.len() {
        let rule = rule(index, &rules, owners)
            .map_err(|error| error.within(&format!("spec.rules[{index}]")))?;
        hooks.extend(rule.filter(|hook| !hook.require.is_empty()));
    }
    Ok(hooks)
}

fn hook(name: String, require: Vec<Requirement>) -> Hook {
    Hook {
        name,
        stages: Stages { admission: true, reconcile: true },
        priority: 0,
        when: Vec::new(),
        node_selector: None,
        set: Vec::new(),
        remove: Vec::new(),
        require,
        on_failure: OnFailure::Reject,
        conflicts: None,
    }
}

fn required(spec: &Value) -> Read<Vec<Requirement>> {
    let mut requirements = Vec::new();
    for (field, name) in [(Field::Label, "labels"), (Field::Annotation, "annotations")] {
        let path = ["namespaceOptions", "requiredMetadata", name];
        for (key, pattern) in
            at(spec, &path).and_then(Value::as_object).map(by_name).unwrap_or_default()
        {
            let place = format!("spec.{}[{key:?}]", path.join("."));
            let test = Test::Matches(expression(&place, pattern.as_str().unwrap_or_default())?);
            let condition = Condition {
                place: Place::from_key(Key { field, name: key.to_owned() }),
                test,
                negated: false,
            };
            requirements.push(Requirement {
                given: Vec::new(),
                condition,
                message: Some(format!("required by {place}")),
            });
        }
    }
    Ok(requirements)
}

fn forbidden(spec: &Value) -> Read<Vec<Requirement>> {
    let mut requirements = Vec::new();
    for (field, name) in
        [(Field::Label, "forbiddenLabels"), (Field::Annotation, "forbiddenAnnotations")]
    {
        let path = format!("spec.namespaceOptions.{name}");
        let Some(list) = at(spec, &["namespaceOptions", name]).filter(|list| !list.is_null())
        else {
            continue;
        };
        let matcher = Matcher {
            exact: texts(list.get("denied")),
            expression: optional(&format!("{path}.deniedRegex"), list.get("deniedRegex"))?,
            negate: false,
        };
        let test = Test::Listed(Listed { matchers: vec![matcher], outside: false });
        let condition = Condition { place: Place::names(field, None), test, negated: true };
        requirements.push(Requirement {
            given: Vec::new(),
            condition,
            message: Some(format!("forbidden by {path}")),
        });
    }
    Ok(requirements)
}

/// `None` for a rule about other kinds.
fn rule(index: usize, rules: &[&Value], owners: &[Owner]) -> Read<Option<Hook>> {
    let Some(rule) = rules.get(index) else { return Ok(None) };
    let action = action(rule);
    let given = selected(rule)?;
    let mut requirements = Vec::new();
    for (field, selector, policy) in policies(rule) {
        let path = format!("enforce.metadata.{}[{selector:?}]", field.member());
        let allowed = if action == "allow" {
            allowed(rules, rule, field, selector, &path)?
        } else {
            Vec::new()
        };
        for condition in judge(action, field, selector, policy, allowed, &path)? {
            let message = Some(format!("spec.rules[{index}].{path}"));
            requirements.push(Requirement { given: given.clone(), condition, message });
        }
    }
    let mut hook = hook(format!("capsule-rule-{index}"), requirements);
    if action == "audit" {
        hook.on_failure = OnFailure::Warn;
    }
    if let Some(audience) = audience(rule, owners)? {
        hook.stages.reconcile = false;
        hook.require = audience
            .iter()
            .flat_map(|who| hook.require.iter().map(|one| one.clone().given(who)))
            .collect();
    }
    Ok(Some(hook).filter(|hook| !hook.require.is_empty()))
}

fn action(rule: &Value) -> &str {
    at(rule, &["enforce", "action"]).and_then(Value::as_str).unwrap_or("deny")
}

/// What a rule says of the metadata of namespaces: field, selector of keys, policy.
fn policies(rule: &Value) -> Vec<(Field, &str, &Value)> {
    let mut policies = Vec::new();
    for metadata in one_or_many(at(rule, &["enforce", "metadata"]))
        .filter(|metadata| names_namespaces(metadata))
    {
        for field in [Field::Label, Field::Annotation] {
            for (selector, policy) in metadata
                .get(field.member())
                .and_then(Value::as_object)
                .map(by_name)
                .unwrap_or_default()
            {
                policies.push((field, selector, policy));
            }
        }
    }
    policies
}

/// Whether a rule that allows holds wherever this one does: for everybody and everywhere, or for
/// the same. What either allows is allowed.
fn holds_beside(rule: &Value, other: &Value) -> bool {
    let unsaid = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let as_wide =
        |field| other.get(field).is_none_or(unsaid) || other.get(field) == rule.get(field);
    action(other) == "allow" && as_wide("namespaceSelector") && as_wide("audience")
}

/// What the rules that hold beside this one allow of the same keys, its own values among it.
fn allowed(
    rules: &[&Value],
    rule: &Value,
    field: Field,
    selector: &str,
    path: &str,
) -> Read<Vec<Matcher>> {
    let mut allowed = Vec::new();
    for other in rules.iter().filter(|other| holds_beside(rule, other)) {
        for (_, _, policy) in
            policies(other).into_iter().filter(|(of, name, _)| (*of, *name) == (field, selector))
        {
            allowed.append(&mut matchers(path, policy)?);
        }
    }
    Ok(allowed)
}

impl Requirement {
    fn given(mut self, condition: &Condition) -> Self {
        self.given.push(condition.clone());
        self
    }
}

/// What one key's policy demands.
fn judge(
    action: &str,
    field: Field,
    selector: &str,
    policy: &Value,
    allowed: Vec<Matcher>,
    path: &str,
) -> Read<Vec<Condition>> {
    let keys = || expression(path, &key_expression(selector));
    let values = |test| {
        Ok(Condition { place: Place::values(field, keys()?, selector), test, negated: true })
    };
    let matchers = matchers(path, policy)?;
    match action {
        "allow" => {
            let listed = Test::Listed(Listed { matchers: allowed, outside: true });
            let listed = (!matchers.is_empty()).then(|| values(listed)).transpose()?;
            let required = policy.get("required").and_then(Value::as_bool).unwrap_or(false);
            // The tenant's own keys count as well: they are there.
            let present = required.then(|| {
                Ok(Condition {
                    place: Place::any(field, keys()?, selector),
                    test: Test::Exists,
                    negated: false,
                })
            });
            Ok(present.transpose()?.into_iter().chain(listed).collect())
        }
        "deny" | "audit" if policy.get("values").is_none() && is_written(policy) => Ok(Vec::new()),
        "deny" | "audit" if matchers.is_empty() => Ok(vec![values(Test::Exists)?]),
        "deny" | "audit" => Ok(vec![values(Test::Listed(Listed { matchers, outside: false }))?]),
        other => Err(DecodeError::new(
            "enforce.action",
            format!("{other:?} is no action: use allow, deny or audit"),
        )),
    }
}

/// Whether the policy says what to write, and nothing about other values.
fn is_written(policy: &Value) -> bool {
    policy.get("managed").or(policy.get("default")).is_some_and(|value| !value.is_null())
}

fn matchers(path: &str, policy: &Value) -> Read<Vec<Matcher>> {
    array(policy.get("values")).map(|value| matcher(path, value)).collect()
}

/// Capsule's `ExpressionMatch`: `exact`, `exp`, `negate`.
fn matcher(path: &str, value: &Value) -> Read<Matcher> {
    Ok(Matcher {
        exact: texts(value.get("exact")),
        expression: optional(&format!("{path}.exp"), value.get("exp"))?,
        negate: value.get("negate").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// A key of a rule is an expression in which `*` alone stands for anything
/// (`MetadataKeyExpression`).
fn key_expression(selector: &str) -> String {
    let mut expression = String::from("^(?:");
    let mut before = None;
    for c in selector.trim().chars() {
        if c == '*' && before != Some('.') {
            expression.push('.');
        }
        expression.push(c);
        before = Some(c);
    }
    expression + ")$"
}

/// The rule's `namespaceSelector`, term by term; it has been checked with the tenant's layers.
fn selected(rule: &Value) -> Read<Vec<Condition>> {
    label_selector(rule)?;
    let label = |name: &str, test, negated| Condition {
        place: Place::from_key(Key::label(name)),
        test,
        negated,
    };
    let labels = at(rule, &["namespaceSelector", "matchLabels"])
        .and_then(Value::as_object)
        .map(by_name)
        .unwrap_or_default();
    let equal = labels.into_iter().map(|(name, value)| {
        label(name, Test::In(vec![value.as_str().unwrap_or_default().to_owned()]), false)
    });
    let terms = array(at(rule, &["namespaceSelector", "matchExpressions"])).map(|term| {
        let name = term.get("key").and_then(Value::as_str).unwrap_or_default();
        let listed = || Test::In(texts(term.get("values")));
        match term.get("operator").and_then(Value::as_str) {
            Some("In") => label(name, listed(), false),
            Some("NotIn") => label(name, listed(), true),
            Some("DoesNotExist") => label(name, Test::Exists, true),
            _ => label(name, Test::Exists, false),
        }
    });
    Ok(equal.chain(terms).collect())
}

/// Who is judged: any of these conditions. `None`: everybody.
fn audience(rule: &Value, owners: &[Owner]) -> Read<Option<Vec<Condition>>> {
    let mut who = Vec::new();
    for (index, subject) in array(rule.get("audience")).enumerate() {
        let text = |field| subject.get(field).and_then(Value::as_str).unwrap_or_default();
        match (text("kind"), text("name")) {
            ("User", name) => who.push(OwnerKind::User.asks(name)?),
            ("Group", name) => who.push(OwnerKind::Group.asks(name)?),
            ("ServiceAccount", name) => who.push(OwnerKind::ServiceAccount.asks(name)?),
            ("Custom", "TenantOwner") => who.extend(
                owners
                    .iter()
                    .map(|owner| owner.kind.asks(&owner.name))
                    .collect::<Read<Vec<_>>>()?,
            ),
            (kind, name) => {
                let message = format!(
                    "{kind} {name:?} is known to Capsule's configuration only: name users, groups or service accounts, or turn the validations off"
                );
                return Err(DecodeError::new(format!("audience[{index}]"), message));
            }
        }
    }
    Ok(rule.get("audience").and_then(Value::as_array).filter(|list| !list.is_empty()).map(|_| who))
}

impl OwnerKind {
    /// Whether a request comes from that user, group or service account.
    fn asks(self, name: &str) -> Read<Condition> {
        let (path, name) = match self {
            Self::User => (USERNAME, name.to_owned()),
            Self::Group => (GROUPS, name.to_owned()),
            Self::ServiceAccount => (
                USERNAME,
                format!("{SERVICE_ACCOUNT}{}", name.strip_prefix(SERVICE_ACCOUNT).unwrap_or(name)),
            ),
        };
        let place = Place::parse(path).map_err(|message| DecodeError::new("audience", message))?;
        Ok(Condition { place, test: Test::In(vec![name]), negated: false })
    }
}

fn texts(list: Option<&Value>) -> Vec<String> {
    array(list).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn expression(path: &str, source: &str) -> Read<Expression> {
    Expression::parse(source).map_err(|message| DecodeError::new(path, message))
}

fn optional(path: &str, source: Option<&Value>) -> Read<Option<Expression>> {
    source
        .and_then(Value::as_str)
        .filter(|source| !source.is_empty())
        .map(|source| expression(path, source))
        .transpose()
}
