//! Selection: the flags that say which namespaces a command is about.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use tenancy::label_selector::LabelSelector;

use crate::completion;
use crate::suggest::suggestion;
use assessment::Assessment;
use assessment::inventory::Inventory;

/// Which namespaces.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which namespaces")]
pub(crate) struct Selection {
    /// Only namespaces with these labels, as kubectl takes them: env=prod,!legacy or
    /// 'env in (test, prod)'
    #[arg(short = 'l', long, env = "LANDLORD_SELECTOR", value_name = "LABELS")]
    selector: Option<String>,
    /// Only namespaces of this tenant
    #[arg(long, env = "LANDLORD_TENANT", value_name = "NAME", add = completion::tenants())]
    tenant: Option<String>,
}

impl Selection {
    /// Those that are selected; an error where something is selected and there is none of it.
    pub(crate) fn select(
        &self,
        inventory: &Inventory,
        mut assessments: Vec<Assessment>,
    ) -> Result<Vec<Assessment>> {
        let selector = self.selector.as_deref().map(parse).transpose()?;
        let tenant = self.tenant.clone().map(|name| inventory.settings.source.canonical(name));
        if let Some(tenant) = &tenant {
            let claimed = assessments.iter().filter_map(|assessment| assessment.tenant.clone());
            let names: BTreeSet<String> =
                inventory.tenant_names().into_iter().chain(claimed).collect();
            let suggestion = || suggestion(tenant, names.iter().map(String::as_str));
            ensure!(
                names.contains(tenant),
                "there is no tenant {tenant:?}, and no namespace claims it{}",
                suggestion()
            );
        }
        assessments.retain(|assessment| {
            let selected = selector
                .as_ref()
                .is_none_or(|selector| selector.matches(&assessment.before.labels));
            selected && (tenant.is_none() || assessment.tenant == tenant)
        });
        let is_narrowed = selector.is_some() || tenant.is_some();
        ensure!(!(is_narrowed && assessments.is_empty()), "no namespaces found{}", self.describe());
        Ok(assessments)
    }

    /// Whether nothing is left out.
    pub(crate) fn is_all(&self) -> bool {
        self.selector.is_none() && self.tenant.is_none()
    }

    /// ` with labels "env=prod" of tenant "solar"`
    fn describe(&self) -> String {
        let part = |words: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!(" {words} {value:?}")).unwrap_or_default()
        };
        part("with labels", &self.selector) + &part("of tenant", &self.tenant)
    }
}

/// kubectl's selectors: `k=v`, `k==v`, `k!=v`, `k`, `!k`, `k in (v, w)` and `k notin (v, w)`, with
/// commas in between.
fn parse(text: &str) -> Result<LabelSelector> {
    let fault = || format!("selector {text:?}");
    let terms = split_terms(text).into_iter().map(parse_term).collect::<Result<Vec<_>>>();
    let terms = terms.with_context(fault)?;
    LabelSelector::from_value(&json!({"matchExpressions": terms})).with_context(fault)
}

/// Terms are separated by commas outside of parentheses.
fn split_terms(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    let separates = |letter: char| {
        is_inside = match letter {
            '(' => true,
            ')' => false,
            _ => is_inside,
        };
        letter == ',' && !is_inside
    };
    text.split(separates).map(str::trim).collect()
}

fn parse_term(term: &str) -> Result<Value> {
    let one = |key: &str, operator: &str, values: Vec<&str>| json!({"key": key.trim(), "operator": operator, "values": values});
    if let Some((head, values)) = term.split_once('(') {
        let values = values.strip_suffix(')').context("a parenthesis is open")?;
        let values = values.split(',').map(str::trim).collect();
        return match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [key, "in"] => Ok(one(key, "In", values)),
            [key, "notin"] => Ok(one(key, "NotIn", values)),
            _ => bail!("{term:?}: write `KEY in (A, B)` or `KEY notin (A, B)`"),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(one(key, "NotIn", vec![value.trim()]));
    }
    if let Some((key, value)) = term.split_once('=') {
        return Ok(one(key, "In", vec![value.trim_start_matches('=').trim()]));
    }
    Ok(match term.strip_prefix('!') {
        Some(key) => one(key, "DoesNotExist", Vec::new()),
        None => one(term, "Exists", Vec::new()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("env=prod", true)]
    #[case("env==prod", true)]
    #[case("env!=prod", false)]
    #[case("env", true)]
    #[case("!env", false)]
    #[case("! team", true)]
    #[case("env in (prod, test)", true)]
    #[case("env in (test)", false)]
    #[case("env notin (test,dev)", true)]
    #[case("team notin (a)", true)]
    #[case("env in (prod,test),!team,region=eu", true)]
    #[case("env in(prod)", true)]
    #[case("env in (prod), region notin (eu, us)", false)]
    fn selectors(#[case] text: &str, #[case] matches: bool) {
        let labels = [("env", "prod"), ("region", "eu")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        let selector = parse(text).expect("a selector");
        assert_eq!(selector.matches(&labels.into_iter().collect()), matches);
    }

    #[rstest]
    #[case("env in (a", "a parenthesis is open")]
    #[case("env of (a)", "write `KEY in (A, B)`")]
    #[case("in (a)", "write `KEY in (A, B)`")]
    #[case("env=a b", "selector \"env=a b\"")]
    #[case("", "selector \"\"")]
    fn what_is_no_selector(#[case] text: &str, #[case] says: &str) {
        let error = format!("{:#}", parse(text).expect_err("no selector"));
        assert!(error.contains(says), "{error}");
    }
}
