//! Ledgers: namespaces of one tenant mostly have the same ledger, and share it in memory.

use std::collections::HashSet;
use std::sync::Arc;

use assessment::Record;
use tenancy::ledger::Ledger;

/// Ledgers that are kept before it is looked for those that no namespace has any more.
const FEWEST: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ledgers {
    known: HashSet<Arc<Ledger>>,
    /// With so many, those that no namespace has any more are forgotten.
    limit: usize,
}

impl Ledgers {
    /// The record with the ledger that others have as well.
    pub(super) fn share(&mut self, record: Record) -> Record {
        if let Some(known) = self.known.get(&record.ledger) {
            return Record { ledger: Arc::clone(known), ..record };
        }
        if self.known.len() >= self.limit {
            self.known.retain(|ledger| Arc::strong_count(ledger) > 1);
            self.limit = FEWEST.max(2 * self.known.len());
        }
        self.known.insert(Arc::clone(&record.ledger));
        record
    }
}

#[cfg(test)]
mod tests {
    use tenancy::ledger::ANNOTATION;
    use tenancy::metadata::Metadata;

    use super::*;

    fn record(tenant: &str) -> Record {
        let text = format!(r#"{{"tenant":{tenant:?},"labels":["a"],"annotations":[]}}"#);
        let annotations = [(ANNOTATION.to_owned(), text)].into();
        Record::read(&Metadata { annotations, ..Metadata::default() })
    }

    #[test]
    fn equal_ledgers_are_one_and_old_ones_are_forgotten() {
        let mut ledgers = Ledgers::default();
        let [one, same, other] = ["solar", "solar", "lunar"].map(|one| ledgers.share(record(one)));
        assert!(Arc::ptr_eq(&one.ledger, &same.ledger));
        assert_ne!(one.ledger, other.ledger);
        (0..10 * FEWEST).for_each(|number| drop(ledgers.share(record(&format!("gone-{number}")))));
        assert!(ledgers.known.len() <= FEWEST, "{}", ledgers.known.len());
        assert!(Arc::ptr_eq(&one.ledger, &ledgers.share(record("solar")).ledger));
    }
}
