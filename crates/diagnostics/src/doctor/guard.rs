//! The guard's parts: whether those are there that belong together, each as the settings call for.

use super::{Check, CheckContext, Finding, some};
use cluster::admission_policies::stored::Shortfall;

const FIX: &str = "`landlord render guard | kubectl apply -f -` with the settings in force, or let `landlord controller --guard` keep it in place";

pub(super) fn check(context: &CheckContext) -> Finding {
    match &context.stored {
        Ok(stored) => judge(&stored.shortfall(&context.inventory.settings)),
        Err(error) => {
            Check::Guard.unknown(error, "let yourself list validatingadmissionpolicies, mutatingadmissionpolicies and their bindings")
        }
    }
}

fn judge(shortfall: &Shortfall) -> Finding {
    match shortfall {
        none if none.is_none() => Check::Guard.good(format!(
            "its parts are in force, as the settings call for: {}",
            some(&none.wanted)
        )),
        all if all.is_all() => Check::Guard.wrong("it is not installed", FIX),
        some => Check::Guard.wrong(some.describe(), FIX),
    }
}
