//! Account: who the API server takes a client for, and whether the settings let that account's
//! writes through guard and policy.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};
use kube::{Client, Error};
use tenancy::requester::Requester;
use tenancy::settings::Settings;

/// What the settings make of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the one that they name as the controller's.
    Controller,
    /// It is one of their admins, whose writes pass as well.
    Admin,
    /// Guard and policy treat its writes as those of any user.
    Other,
}

impl Standing {
    /// What these settings make of this account.
    pub fn judge(settings: &Settings, account: &Requester) -> Self {
        if settings.is_controller(account) {
            Self::Controller
        } else if settings.is_admin(account) {
            Self::Admin
        } else {
            Self::Other
        }
    }
}

/// Who the API server takes this client for; `None` where it does not answer that question, as
/// before Kubernetes 1.28.
pub async fn read(client: &Client) -> Result<Option<Requester>, Error> {
    let reviews: Api<SelfSubjectReview> = Api::all(client.clone());
    match reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await {
        Ok(review) => {
            let user = review.status.and_then(|status| status.user_info).unwrap_or_default();
            Ok(user
                .username
                .map(|username| Requester { username, groups: user.groups.unwrap_or_default() }))
        }
        Err(Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with a controller that works as this account, and what to do about it.
pub fn mismatch(settings: &Settings, account: &Requester) -> (String, String) {
    let (username, named) = (&account.username, &settings.controller);
    let what = format!(
        "the controller works as {username:?}, but the settings name service account {named} (`controller`): guard and policy undo or refuse what it writes"
    );
    let fix = format!(
        "run the controller as service account {named}, or name its own in the settings (`controller: NAMESPACE:NAME`) and install the guard anew \
         (`landlord render guard | kubectl apply -f -`)"
    );
    (what, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case("system:serviceaccount:landlord:controller", &[], Standing::Controller)]
    #[case("system:serviceaccount:landlord:other", &["system:serviceaccounts"], Standing::Other)]
    #[case("kubernetes-admin", &["system:masters"], Standing::Admin)]
    #[case("ann", &[], Standing::Admin)]
    #[case("landlord:controller", &[], Standing::Other)]
    fn what_settings_make_of_an_account(
        #[case] username: &str,
        #[case] groups: &[&str],
        #[case] expected: Standing,
    ) {
        let settings = Settings::from_value(
            &json!({"admins": {"users": ["ann"], "groups": ["system:masters"]}}),
        )
        .expect("settings");
        let groups = groups.iter().map(ToString::to_string).collect();
        let account = Requester { username: username.to_owned(), groups };
        assert_eq!(Standing::judge(&settings, &account), expected);
    }
}
