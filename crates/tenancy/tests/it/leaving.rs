//! Landlord's end on a namespace: what it wrote goes, and nothing else.

use proptest::prelude::*;
use tenancy::keys::OWN_PREFIX;
use tenancy::metadata::{Field, Key};
use tenancy::plan::{Claims, leave, read_ledger};

use crate::laws::any_world;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_of_landlords_stays_and_nothing_else_goes(world in any_world(), keep in any::<bool>()) {
        let (cluster, mut namespace) = world.happen();
        let namespace_before = namespace.metadata.clone();
        let claims = if keep { Claims::Stay } else { Claims::Go };
        let (ledger, _) = read_ledger(&namespace.metadata);
        namespace.metadata = leave(&cluster.settings, &namespace, claims).apply(&namespace.metadata);

        let label = Key::label(cluster.settings.tenant_label());
        for field in [Field::Label, Field::Annotation] {
            for name in namespace.metadata.field(field).keys().filter(|name| name.starts_with(OWN_PREFIX)) {
                prop_assert!(keep && Key { field, name: name.clone() } == label, "{name} stays");
            }
            for (name, value) in namespace_before.field(field) {
                let key = Key { field, name: name.clone() };
                let foreign = !ledger.manages(&key) && !name.starts_with(OWN_PREFIX) && key != label;
                prop_assert!(!foreign || namespace.metadata.field(field).get(name) == Some(value), "{key} is foreign");
            }
        }
        prop_assert!(leave(&cluster.settings, &namespace, claims).is_empty(), "it takes one plan");
    }
}
