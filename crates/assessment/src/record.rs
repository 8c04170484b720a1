//! Record: what landlord wrote down on a namespace, parsed once where the namespace is taken in.

use std::sync::{Arc, OnceLock};

use tenancy::ledger::{ANNOTATION, Ledger};
use tenancy::metadata::Metadata;
use tenancy::plan::read_ledger;

/// The ledger of a namespace, shared by all that ask about the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Empty where there is none, or one that cannot be read.
    pub ledger: Arc<Ledger>,
    /// Why it could not be read; it is rewritten.
    pub fault: Option<Arc<str>>,
}

impl Record {
    /// Reads the record from labels and annotations as they came in.
    pub fn read(metadata: &Metadata) -> Self {
        if !metadata.annotations.contains_key(ANNOTATION) {
            return Self::default();
        }
        let (ledger, fault) = read_ledger(metadata);
        Self { ledger: Arc::new(ledger), fault: fault.map(Arc::from) }
    }
}

/// None. Most namespaces of a cluster may have none, so all of them share it.
impl Default for Record {
    fn default() -> Self {
        static EMPTY: OnceLock<Arc<Ledger>> = OnceLock::new();
        Self { ledger: Arc::clone(EMPTY.get_or_init(Arc::default)), fault: None }
    }
}
