//! The guard's parts: whether those are there that belong together.

use tenancy::settings::OnUnready;

use super::{Check, Finding, Patient, some};
use crate::guard::Part;
use crate::guarded::Parts;

/// What belongs to every guard.
const PARTS: [Part; 5] = [Part::Names, Part::Stamp, Part::Seal, Part::Deny, Part::Binding];
const FIX: &str = "`landlord render guard | kubectl apply -f -`, or let `landlord controller --guard` keep it in place";

pub(super) fn examine(patient: &Patient) -> Finding {
    match &patient.parts {
        Ok(parts) => judge(parts, patient.inventory.settings.guard.on_unready),
        Err(error) => {
            Check::Guard.unknown(error, "let yourself list validatingadmissionpolicies, mutatingadmissionpolicies and their bindings")
        }
    }
}

fn judge(parts: &Parts, on_unready: OnUnready) -> Finding {
    let hold = (on_unready == OnUnready::Hold).then_some(Part::Hold);
    let wanted: Vec<&str> = PARTS.into_iter().chain(hold).map(Part::word).collect();
    let missing: Vec<&str> = wanted.iter().copied().filter(|part| !parts.has(part)).collect();
    match missing.len() {
        0 => Check::Guard.good(format!("its parts are in force: {}", some(parts.policies.keys()))),
        count if count == wanted.len() => Check::Guard.wrong("it is not installed", FIX),
        _ => Check::Guard.wrong(format!("parts of it are missing, or not bound: {}", some(missing)), FIX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use k8s_openapi::jiff::Timestamp;
    use rstest::rstest;

    #[rstest]
    #[case::all(&["names", "stamp", "seal", "deny", "binding", "hold", "place"], OnUnready::Hold, State::Good, "binding, deny, hold, names, place and 2 more")]
    #[case::hold_is_not_wanted(&["names", "stamp", "seal", "deny", "binding"], OnUnready::Deny, State::Good, "in force")]
    #[case::hold_is_missing(&["names", "stamp", "seal", "deny", "binding"], OnUnready::Hold, State::Wrong, "missing, or not bound: hold")]
    #[case::none(&[], OnUnready::Hold, State::Wrong, "not installed")]
    fn parts(#[case] names: &[&str], #[case] on_unready: OnUnready, #[case] state: State, #[case] words: &str) {
        let there: std::collections::BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), Timestamp::UNIX_EPOCH)).collect();
        let finding = judge(&Parts { policies: there.clone(), bindings: there }, on_unready);
        assert!(finding.state == state && finding.what.contains(words), "{finding:?}");
    }

    #[test]
    fn a_policy_that_is_not_bound_does_nothing() {
        let policies = PARTS.map(|part| (part.word().to_owned(), Timestamp::UNIX_EPOCH)).into();
        let finding = judge(&Parts { policies, ..Parts::default() }, OnUnready::Deny);
        assert_eq!((finding.state, finding.what.as_str()), (State::Wrong, "it is not installed"));
    }
}
