//! Account: whether the controller works as the account that the settings name. If not, guard and
//! policy undo or refuse its writes.

use std::sync::Arc;
use std::time::Duration;

use cluster::account::{self, Standing};
use cluster::clock;
use tenancy::requester::Requester;
use tenancy::settings::Settings;
use tokio::sync::watch::Receiver;

use crate::context::Context;
use crate::supervisor::Pulse;

/// How long an answer is waited for.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait after the first question without an answer; twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);

/// Compares the account with every document of settings. Does not return.
pub(super) async fn follow(
    context: Context,
    mut settings: Receiver<Option<Arc<Settings>>>,
    pulse: Pulse,
) {
    let account = ask(&context, &pulse).await;
    loop {
        let document = settings.borrow_and_update().clone();
        if let (Some(account), Some(settings)) = (&account, document) {
            compare(&context, account, &settings);
        }
        if pulse.beat_while(settings.changed()).await.is_err() {
            // The task that sends settings has ended, which ends the program under its name.
            return pulse.beat_while(std::future::pending()).await;
        }
    }
}

/// Asks until there is an answer; `None` where the API server has none to give.
async fn ask(context: &Context, pulse: &Pulse) -> Option<Requester> {
    let mut wait = FIRST_WAIT;
    loop {
        pulse.beat();
        match clock::within(ASK_TIMEOUT, account::read(&context.client)).await {
            Ok(account) => return account,
            Err(error) if wait == FIRST_WAIT => {
                tracing::warn!(%error, "the API server does not say as which account the controller works")
            }
            Err(error) => tracing::debug!(%error, "still no word of the controller's account"),
        }
        pulse.beat_while(tokio::time::sleep(wait)).await;
        wait = wait.saturating_mul(2).min(LAST_WAIT);
    }
}

fn compare(context: &Context, account: &Requester, settings: &Settings) {
    let standing = Standing::judge(settings, account);
    let fault = (standing == Standing::Other).then(|| account::mismatch(settings, account));
    context
        .reconciler
        .outcomes()
        .metrics()
        .account_valid
        .set(i64::from(standing != Standing::Other));
    match (&fault, standing) {
        (Some((what, fix)), _) => tracing::error!(fix, "wrong account: {what}"),
        (None, Standing::Admin) => tracing::info!(
            account = account.username,
            named = settings.controller,
            "the controller works as an admin, not as the account that the settings name"
        ),
        (None, _) => tracing::info!(account = account.username, "the settings name this account"),
    }
    context.reconciler.shared().wrong_account = fault.map(|(what, _)| what);
}
