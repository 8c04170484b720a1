//! Payer: whose share of Events those about a namespace are taken from.

use serde_json::Value;
use tenancy::keys::CREATOR;
use tenancy::requester::Requester;

use super::Store;
use crate::outcome::Payer;

impl Store {
    /// The tenant's that has the namespace; of one that nobody has taken in, the user's who created
    /// it, as far as the guard has recorded that, else the tenant's that it claims. A tenant that
    /// does not exist has no share.
    pub fn payer(&self, name: &str) -> Payer {
        let Some(entry) = self.namespaces.get(name) else { return Payer::Others };
        if let Some(payer) = self.paying_tenant(&entry.record.ledger.tenant) {
            return payer;
        }
        let metadata = &entry.cached.namespace.metadata;
        let creator = metadata.annotations.get(CREATOR).and_then(|stamp| {
            let stamp: Value = serde_json::from_str(stamp).ok()?;
            Some(Payer::Creator(Requester::from_user_info(&stamp).username))
        });
        let claimed = || self.paying_tenant(entry.standing.as_ref()?.tenant.as_deref()?);
        creator.or_else(claimed).unwrap_or(Payer::Others)
    }

    fn paying_tenant(&self, name: &str) -> Option<Payer> {
        let exists = !matches!(self.tenant(name), Ok(None));
        exists.then(|| Payer::Tenant(name.to_owned()))
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
    #[case::taken_in(json!({"landlord.dev/ledger": LEDGER, CREATOR: STAMP}), &["solar"], Payer::Tenant("solar".to_owned()))]
    #[case::stamped(json!({CREATOR: STAMP}), &["lunar"], Payer::Creator("mallory".to_owned()))]
    #[case::claimed(json!({}), &["lunar"], Payer::Tenant("lunar".to_owned()))]
    #[case::of_a_tenant_that_is_gone(json!({"landlord.dev/ledger": LEDGER, CREATOR: STAMP}), &["lunar"], Payer::Creator("mallory".to_owned()))]
    #[case::invented(json!({"landlord.dev/ledger": LEDGER}), &[], Payer::Others)]
    fn whose_events_they_are(
        #[case] annotations: Value,
        #[case] tenants: &[&str],
        #[case] expected: Payer,
    ) {
        let meta =
            json!({"name": "web", "uid": "u", "resourceVersion": "1", "annotations": annotations});
        let mut store = Store::new(Arc::new(Settings::from_value(&Value::Null).expect("settings")));
        let meta = serde_json::from_value(meta).expect("metadata");
        store.put_namespace(CachedNamespace::from_meta(&meta));
        for tenant in tenants {
            let broken = Err("a broken one exists as well".to_owned());
            store.put_tenant((*tenant).to_owned(), broken);
        }
        let state = Compliance::Failed;
        store
            .stand("web", Some(Standing { tenant: Some("lunar".to_owned()), state, reason: None }));
        assert_eq!(store.payer("web"), expected);
        assert_eq!(store.payer("gone"), Payer::Others);
    }
}
