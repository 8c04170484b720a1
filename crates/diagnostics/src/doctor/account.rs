//! The controller's account: whether it is the one that settings and guard let write.

use cluster::account::{Standing, mismatch};
use cluster::lease::read_account;
use tenancy::requester::Requester;
use tenancy::settings::Settings;

use super::{Check, CheckContext, Finding, LeaseName};
use cluster::error::message;

pub(super) async fn check(context: &CheckContext) -> Finding {
    let LeaseName { namespace, name } = &context.lease;
    match read_account(&context.client, namespace, name).await {
        Ok(Some(account)) => judge(context, &account),
        Ok(None) => Check::Account.skipped(format!(
            "no controller has said in Lease {namespace}/{name} as which account it works"
        )),
        Err(error) => Check::Account.unknown(
            format!("Lease {namespace}/{name} cannot be read: {}", message(&error)),
            format!("let yourself get leases in namespace {namespace}"),
        ),
    }
}

fn judge(context: &CheckContext, account: &Requester) -> Finding {
    let sealed =
        context.stored.as_ref().is_ok_and(|stored| stored.seals_against(&account.username));
    compare(&context.inventory.settings, account, sealed)
}

/// `sealed`: the guard in the cluster was rendered for another controller.
fn compare(settings: &Settings, account: &Requester, sealed: bool) -> Finding {
    let username = &account.username;
    match Standing::judge(settings, account) {
        Standing::Other => {
            let (what, fix) = mismatch(settings, account);
            Check::Account.wrong(what, fix)
        }
        Standing::Controller if sealed => Check::Account.wrong(
            format!("the controller works as {username:?}, as the settings say, but the guard in the cluster (landlord-guard-seal) lets another account write"),
            "`landlord render guard | kubectl apply -f -` with the settings in force, or let `landlord controller --guard` keep it in place",
        ),
        Standing::Controller => Check::Account
            .good(format!("the controller works as {username:?}, as the settings say")),
        Standing::Admin => Check::Account.good(format!(
            "the controller works as {username:?}, an admin by the settings, which name service account {}",
            settings.controller
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    const NAMED: &str = "system:serviceaccount:landlord:controller";

    #[rstest]
    #[case(NAMED, false, State::Good, "as the settings say")]
    #[case(NAMED, true, State::Wrong, "landlord-guard-seal")]
    #[case(
        "system:serviceaccount:ops:robot",
        false,
        State::Wrong,
        "name service account landlord:controller"
    )]
    #[case("ann", true, State::Good, "an admin by the settings")]
    fn what_is_found(
        #[case] username: &str,
        #[case] sealed: bool,
        #[case] state: State,
        #[case] part: &str,
    ) {
        let settings =
            Settings::from_value(&json!({"admins": {"users": ["ann"]}})).expect("settings");
        let account = Requester { username: username.to_owned(), groups: Vec::new() };
        let finding = compare(&settings, &account, sealed);
        assert!(finding.state == state && finding.what.contains(part), "{finding:?}");
        assert_eq!(finding.fix.is_some(), state == State::Wrong);
    }
}
