//! Restore: notices that etcd was restored from a backup. Versions go back then, and a watch that
//! waits for later ones would miss all that happens until they have grown past those that it knows.
//! API servers are restarted for a restore, so it is looked for after a watch was cut off.

use std::time::Duration;

use cluster::cached_namespace::CachedNamespace;
use cluster::clock;
use cluster::lease::Leadership;
use k8s_openapi::api::core::v1::Namespace;
use kube::Error;
use kube::api::{Api, ListParams};

use crate::context::Context;
use crate::supervisor::Pulse;

/// When the API server is asked after a watch was cut off: it may take a while to be back.
const CHECK_WAITS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// What one look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Usual,
    /// The namespace that changed last is not there, though no event said so. An event may be under
    /// way.
    Missing,
    Restored,
}

impl Context {
    /// Lets every watch begin anew once versions have gone back. Does not return.
    ///
    /// The Lease shows it as well, and for certain: it is written every two seconds, so it goes
    /// back with etcd, also where little else has changed since the backup.
    pub async fn watch_for_restore(self, mut leadership: Leadership, pulse: Pulse) {
        let mut cut_off = self.signals.cut_off.subscribe();
        loop {
            let is_restored = pulse
                .beat_while(async {
                    tokio::select! {
                        () = leadership.restored() => true,
                        changed = cut_off.changed() => {
                            if changed.is_err() {
                                std::future::pending::<()>().await;
                            }
                            false
                        }
                    }
                })
                .await;
            if is_restored || self.is_restored(&mut leadership, &pulse).await {
                tracing::warn!("versions went back: etcd was restored. Everything is listed anew");
                self.signals.list_anew();
            }
        }
    }

    /// A watch was cut off. Looks a few times whether versions have gone back.
    async fn is_restored(&self, leadership: &mut Leadership, pulse: &Pulse) -> bool {
        let mut missing = false;
        for wait in CHECK_WAITS {
            let said = tokio::time::timeout(wait, leadership.restored());
            if pulse.beat_while(said).await.is_ok() {
                return true;
            }
            let sight = self.look_for_restore().await.unwrap_or_else(|error| {
                tracing::debug!(%error, "whether versions went back is not known");
                Sight::Usual
            });
            if sight == Sight::Restored || (sight == Sight::Missing && missing) {
                return true;
            }
            missing = sight == Sight::Missing;
        }
        false
    }

    async fn look_for_restore(&self) -> Result<Sight, Error> {
        let Some(newest) = self.reconciler.shared().store.newest() else { return Ok(Sight::Usual) };
        // Watches of other kinds may be ahead of that of namespaces.
        let newest_version = newest.version.max(self.signals.newest_version());
        if self.revision().await?.is_some_and(|now| now < newest_version) {
            return Ok(Sight::Restored);
        }
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = clock::within(clock::ANSWER_TIMEOUT, api.get_metadata_opt(&newest.name))
            .await?
            .map(|found| CachedNamespace::from_meta(&found.metadata));
        let is_known = self
            .reconciler
            .shared()
            .store
            .namespace(&newest.name)
            .is_some_and(|known| known.uid == newest.uid);
        Ok(match found {
            Some(found) if found.uid == newest.uid && found.number() < Some(newest.version) => {
                Sight::Restored
            }
            Some(found) if found.uid == newest.uid => Sight::Usual,
            _ if is_known => Sight::Missing,
            _ => Sight::Usual,
        })
    }

    /// The revision of the whole cluster, which grows with every write in it; `None` where it is no
    /// number.
    async fn revision(&self) -> Result<Option<u64>, Error> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let list = clock::within(
            clock::ANSWER_TIMEOUT,
            api.list_metadata(&ListParams::default().limit(1)),
        )
        .await?;
        Ok(list.metadata.resource_version.and_then(|version| version.parse().ok()))
    }
}
