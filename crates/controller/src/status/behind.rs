//! Behind: tenants that are others than their watch has brought. One that is edited all the time is
//! found so in every round, but its watch goes on. Where the watch brings nothing any more, it is
//! not just slow: after a restore of etcd it may wait for versions that are far away.

use std::collections::HashMap;

use crate::store::Identity;

/// After so many rounds in which a watch has brought nothing, everything is listed anew; if that
/// changes nothing, after twice as many again, and so on.
const ROUNDS: u32 = 5;

/// See the module. What the watch of each tenant has brought, and for how many rounds.
#[derive(Debug, Default)]
pub(super) struct Behind(HashMap<String, (Identity, u32)>);

impl Behind {
    /// Counts a round, with the tenants that were behind in it and what their watches have brought.
    /// The first one whose watch has to begin anew.
    pub(super) fn count(&mut self, found: Vec<(String, Identity)>) -> Option<String> {
        let mut before = std::mem::take(&mut self.0);
        for (tenant, identity) in found {
            let rounds = match before.remove(&tenant) {
                Some((earlier, rounds)) if earlier == identity => rounds.saturating_add(1),
                _ => 1,
            };
            self.0.insert(tenant, (identity, rounds));
        }
        let mut stuck = self.0.iter().filter(|(_, (_, rounds))| is_due(*rounds));
        stuck.next().map(|(tenant, _)| tenant.clone())
    }
}

fn is_due(rounds: u32) -> bool {
    rounds.is_multiple_of(ROUNDS) && (rounds / ROUNDS).is_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(generation: i64) -> Identity {
        Identity { uid: "u".to_owned(), generation }
    }

    #[test]
    fn only_a_watch_that_stands_still_begins_anew() {
        let mut behind = Behind::default();
        for generation in 0..100 {
            assert_eq!(behind.count(vec![("edited".to_owned(), brought(generation))]), None);
        }
        let rounds: Vec<usize> = (1..=60)
            .filter(|generation| {
                let edited = ("edited".to_owned(), brought(*generation));
                let stuck = ("stuck".to_owned(), brought(1));
                behind.count(vec![edited, stuck]).inspect(|one| assert_eq!(one, "stuck")).is_some()
            })
            .filter_map(|round| usize::try_from(round).ok())
            .collect();
        assert_eq!(rounds, [5, 10, 20, 40]);
        assert_eq!(behind.count(Vec::new()), None);
        assert_eq!(behind.0.len(), 0, "who has caught up is forgotten");
    }
}
