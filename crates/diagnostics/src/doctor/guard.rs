//! The guard's parts: whether those are there that belong together, each as the settings call for,
//! in the form that this API server can have.

use super::{Check, CheckContext, Finding, some};
use cluster::admission_policies::stored::Shortfall;
use guard::form::Form;

/// How a form of the guard is installed.
pub(super) fn install(form: Form) -> String {
    format!(
        "`landlord render guard{} | kubectl apply -f -` with the settings in force, or let `landlord controller --guard` keep it in place",
        form.flags()
    )
}

pub(super) fn check(context: &CheckContext) -> Finding {
    let stored = match &context.stored {
        Ok(stored) => stored,
        Err(error) => {
            return Check::Guard.unknown(error, "let yourself list validatingadmissionpolicies, mutatingadmissionpolicies and their bindings");
        }
    };
    match context.guard_form() {
        Ok(Some(form)) => judge(form, &stored.shortfall(&context.inventory.settings, form)),
        Ok(None) => Check::Guard.wrong(
            "the API server serves no ValidatingAdmissionPolicies, which every form of it needs",
            "update it to Kubernetes 1.30 or newer",
        ),
        Err(error) => {
            Check::Guard.unknown(error, "let yourself list mutatingwebhookconfigurations")
        }
    }
}

fn judge(form: Form, shortfall: &Shortfall) -> Finding {
    match shortfall {
        none if none.is_none() => {
            let parts =
                format!("its parts are in force, as the settings call for: {}", some(&none.wanted));
            Check::Guard.good(match form.uncovered() {
                "" => parts,
                uncovered => format!("{parts}; form {}: {uncovered}", form.word()),
            })
        }
        all if all.is_all() => Check::Guard.wrong("it is not installed", install(form)),
        some => Check::Guard.wrong(some.describe(), install(form)),
    }
}
