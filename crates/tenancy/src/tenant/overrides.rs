//! Overrides of a tenant, checked against what it writes itself: one that can match no namespace is
//! a mistake of its author.

use super::{Dialect, Tenant};
use crate::decode::DecodeError;
use crate::keys::OWN_PREFIX;
use crate::label_selector::{LabelSelector, Test};
use crate::metadata::Field;
use crate::template::Template;
use crate::why::Why;

pub(super) fn check(tenant: &Tenant) -> Result<(), DecodeError> {
    for layer in tenant.layers.iter().filter(|_| tenant.dialect == Dialect::Landlord) {
        let (Some(selector), Why::Override(index)) = (&layer.selector, &layer.why) else {
            continue;
        };
        if let Some(message) = never_matches(tenant, selector) {
            let path = format!("overrides[{index}].namespaceSelector");
            return Err(DecodeError::new(path, message));
        }
    }
    Ok(())
}

fn never_matches(tenant: &Tenant, selector: &LabelSelector) -> Option<String> {
    if let Some(key) = selector.contradiction() {
        return Some(format!(
            "no label {key:?} fulfils all of its terms, so it matches no namespace: fix or remove one"
        ));
    }
    let mut needed =
        selector.terms().filter(|(_, test)| matches!(test, Test::In(_) | Test::Exists));
    let (key, _) = needed.find(|(key, _)| key.starts_with(OWN_PREFIX) || writes(tenant, key))?;
    Some(format!(
        "it needs label {key:?}, which landlord writes itself, and selectors see only what nobody writes, so it matches no namespace: \
         select by another label, or take the key from the tenant and its hooks"
    ))
}

/// Whether the tenant or a hook could write this label, as far as that is known without a namespace.
fn writes(tenant: &Tenant, key: &str) -> bool {
    let of_layers = tenant.layers.iter().flat_map(|layer| &layer.labels).map(|entry| &entry.key);
    let hooks = tenant.hooks.iter().flat_map(|hook| hook.keys());
    let of_hooks = hooks.filter(|(field, _)| *field == Field::Label).map(|(_, key)| key);
    let is_it = |template: &Template| {
        template.render(&tenant.name, None).is_some_and(|written| written == key)
    };
    of_layers.chain(of_hooks).any(is_it)
}
