//! Selection: the flags that say which namespaces a command is about.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;
use tenancy::label_selector::LabelSelector;

use crate::completion;
use crate::suggest::suggestion;
use assessment::Assessment;
use assessment::inventory::Inventory;

/// Which namespaces.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which namespaces")]
pub(crate) struct Selection {
    /// Only namespaces with these labels, as key=value,key=value
    #[arg(short = 'l', long, env = "LANDLORD_SELECTOR", value_name = "LABELS")]
    selector: Option<String>,
    /// Only namespaces of this tenant
    #[arg(long, env = "LANDLORD_TENANT", value_name = "NAME", add = completion::tenants())]
    tenant: Option<String>,
}

impl Selection {
    /// Those that are selected.
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
        Ok(assessments)
    }
}

/// kubectl's equality selectors: `k=v`, `k==v`, `k!=v`, `k`, `!k`.
fn parse(text: &str) -> Result<LabelSelector> {
    let expression = |part: &str| {
        let (key, operator, values) =
            match (part.split_once("!="), part.split_once('='), part.strip_prefix('!')) {
                (Some((key, value)), ..) => (key, "NotIn", vec![value.trim()]),
                (None, Some((key, value)), _) => {
                    (key, "In", vec![value.trim_start_matches('=').trim()])
                }
                (None, None, Some(key)) => (key, "DoesNotExist", Vec::new()),
                (None, None, None) => (part, "Exists", Vec::new()),
            };
        json!({"key": key.trim(), "operator": operator, "values": values})
    };
    let expressions: Vec<_> = text.split(',').map(expression).collect();
    LabelSelector::from_value(&json!({"matchExpressions": expressions}))
        .with_context(|| format!("selector {text:?}"))
}
