//! The API server: which version it is, and which form of the guard it can have. The form follows
//! from the kinds that it serves; the number is only told.

use guard::form::{Form, MutatingVersion};

use super::guard::install;
use super::{Check, CheckContext, Finding};
use cluster::error::message;

pub(super) async fn check(context: &CheckContext) -> Finding {
    let info = match context.client.apiserver_version().await {
        Ok(info) => info,
        Err(error) => {
            return Check::Version.unknown(
                format!("the API server does not say its version: {}", message(&error)),
                "let yourself GET /version",
            );
        }
    };
    let name = format!("the API server is Kubernetes {}.{}", info.major, info.minor);
    let stored = match &context.stored {
        Ok(stored) => stored,
        Err(error) => return Check::Version.unknown(format!("{name}; {error}"), LOOK),
    };
    match context.guard_form() {
        Ok(form) if !context.is_installed => foresee(&name, form),
        Ok(form) => {
            let is_whole = |form| stored.shortfall(&context.inventory.settings, form).is_none();
            judge(&name, form, form.is_some_and(is_whole))
        }
        Err(error) => Check::Version.unknown(format!("{name}; {error}"), LOOK),
    }
}

const LOOK: &str =
    "let yourself list admission policies, their bindings and mutatingwebhookconfigurations";

/// Before anything is installed: the form of the guard that is possible.
fn foresee(name: &str, form: Option<Form>) -> Finding {
    match form {
        Some(form) if !form.uncovered().is_empty() => Check::Version.good(format!(
            "{name} and serves no MutatingAdmissionPolicies; the guard can have its form {}: {}",
            form.word(),
            form.uncovered()
        )),
        form => judge(name, form, false),
    }
}

/// `is_whole`: whether the guard is there in this form.
fn judge(name: &str, form: Option<Form>, is_whole: bool) -> Finding {
    let without = format!("{name} and serves no MutatingAdmissionPolicies");
    match form {
        Some(Form::Mutating(MutatingVersion::V1)) => Check::Version.good(name),
        Some(Form::Mutating(MutatingVersion::V1beta1)) => {
            Check::Version.good(format!("{name} and serves MutatingAdmissionPolicies as v1beta1"))
        }
        Some(form) if is_whole => Check::Version.good(format!(
            "{without}; the form of the guard that does without is in force ({})",
            form.word()
        )),
        Some(form) => Check::Version.wrong(
            format!("{without}, and the form of the guard that does without is not in force"),
            install(form),
        ),
        None => Check::Version.wrong(
            format!("{name} and serves no ValidatingAdmissionPolicies, so no form of the guard is possible"),
            "update it to 1.30 or newer",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;

    const MUTATING: Option<Form> = Some(Form::Mutating(MutatingVersion::V1));
    const BETA: Option<Form> = Some(Form::Mutating(MutatingVersion::V1beta1));

    #[rstest]
    #[case(MUTATING, false, State::Good, "")]
    #[case(BETA, false, State::Good, "")]
    #[case(Some(Form::Validating), true, State::Good, "")]
    #[case(Some(Form::BesideWebhook), true, State::Good, "")]
    #[case(
        Some(Form::Validating),
        false,
        State::Wrong,
        "`landlord render guard --without-mutating-policies | kubectl apply -f -`"
    )]
    #[case(
        Some(Form::BesideWebhook),
        false,
        State::Wrong,
        "`landlord render guard --without-mutating-policies --beside-webhook | kubectl apply -f -`"
    )]
    #[case(None, false, State::Wrong, "update it to 1.30")]
    fn the_form_decides(
        #[case] form: Option<Form>,
        #[case] is_whole: bool,
        #[case] state: State,
        #[case] fix: &str,
    ) {
        let found = judge("the API server is Kubernetes 1.35", form, is_whole);
        assert_eq!(found.state, state, "{}", found.what);
        assert!(found.fix.unwrap_or_default().contains(fix));
    }
}
