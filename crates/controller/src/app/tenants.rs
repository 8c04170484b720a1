//! Tenants: puts every new document of settings in force, and follows the tenants of its source.

use std::sync::Arc;

use tenancy::settings::Settings;
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;

use crate::context::Context;
use crate::readiness::{SETTINGS, TENANTS};
use crate::supervisor::{Pulse, join};

/// Does not return.
pub(super) async fn follow(
    context: Context,
    mut settings: Receiver<Option<Arc<Settings>>>,
    pulse: Pulse,
) {
    let mut tenants = JoinSet::new();
    loop {
        // The task that follows tenants shows by its own pulse that it is alive.
        let is_alone = tenants.is_empty();
        let change = async {
            if is_alone {
                pulse.beat_while(settings.changed()).await
            } else {
                settings.changed().await
            }
        };
        let changed = tokio::select! {
            changed = change => changed,
            () = join(&mut tenants) => continue,
        };
        if changed.is_err() {
            // The task that sends settings has ended, which ends the program under its name.
            return pulse.beat_while(std::future::pending()).await;
        }
        let Some(document) = settings.borrow_and_update().clone() else { continue };
        if !tenants.is_empty() {
            // What it was about to store belongs to the old source, and what is queued was planned
            // by the old settings.
            context.lose(TENANTS, "the settings have changed");
            tenants.shutdown().await;
            if context.reconciler.shared().store.settings().source.kind() != document.source.kind()
            {
                context.losses.clear();
            }
        }
        context.reconciler.shared().store.set_settings(document);
        context.reach(SETTINGS);
        tenants.spawn(context.clone().follow_tenants(pulse.clone()));
    }
}
