//! Payer: whose share of Events those about a namespace are taken from.

use serde_json::Value;
use tenancy::keys::CREATOR;
use tenancy::plan::read_ledger;
use tenancy::requester::Requester;

use super::Store;

impl Store {
    /// The tenant's that has the namespace; of one that nobody has taken in, the user's who created
    /// it, as far as the guard has recorded that, else the tenant's that it claims.
    pub fn payer(&self, name: &str) -> String {
        let Some(entry) = self.namespaces.get(name) else { return String::new() };
        let metadata = &entry.cached.namespace.metadata;
        let (ledger, _) = read_ledger(metadata);
        if !ledger.tenant.is_empty() {
            return ledger.tenant;
        }
        let creator = metadata.annotations.get(CREATOR).and_then(|stamp| {
            let stamp: Value = serde_json::from_str(stamp).ok()?;
            Some(format!("created by {}", Requester::from_user_info(&stamp).username))
        });
        let claimed = || entry.standing.as_ref().and_then(|standing| standing.tenant.clone());
        creator.or_else(claimed).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cluster::cached_namespace::CachedNamespace;
    use rstest::rstest;
    use serde_json::json;
    use tenancy::settings::Settings;

    use super::*;
    use crate::store::{Compliance, Standing};

    const LEDGER: &str = r#"{"tenant":"solar","labels":[],"annotations":[]}"#;
    const STAMP: &str = r#"{"username":"mallory","groups":[]}"#;

    /// A stranger who claims a tenant pays for what is said of that, not the tenant.
    #[rstest]
    #[case::taken_in(json!({"landlord.dev/ledger": LEDGER, CREATOR: STAMP}), "solar")]
    #[case::stamped(json!({CREATOR: STAMP}), "created by mallory")]
    #[case::claimed(json!({}), "lunar")]
    fn whose_events_they_are(#[case] annotations: Value, #[case] expected: &str) {
        let meta =
            json!({"name": "web", "uid": "u", "resourceVersion": "1", "annotations": annotations});
        let mut store = Store::new(Arc::new(Settings::from_value(&Value::Null).expect("settings")));
        let meta = serde_json::from_value(meta).expect("metadata");
        store.put_namespace(CachedNamespace::from_meta(&meta));
        let state = Compliance::Failed;
        store
            .stand("web", Some(Standing { tenant: Some("lunar".to_owned()), state, reason: None }));
        assert_eq!(store.payer("web"), expected);
        assert_eq!(store.payer("gone"), "");
    }
}
