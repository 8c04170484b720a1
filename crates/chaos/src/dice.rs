//! Dice: numbers that look random and are the same for the same seed, on every machine and for ever
//! (splitmix64).

/// See the module.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 if that is 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit.max(1))).unwrap_or_default()
    }

    /// One of these; `None` of nothing.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(u32::try_from(from.len()).unwrap_or(u32::MAX)) as usize).copied()
    }

    /// One of these, each as often as its weight says.
    pub fn weigh<T: Copy>(&mut self, from: &[(u32, T)]) -> Option<T> {
        let mut at = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in from {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return Some(*one),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence() {
        let roll = |seed| {
            let mut dice = Dice::new(seed);
            [(); 5].map(|()| dice.below(100))
        };
        assert_eq!(roll(7), roll(7));
        assert_ne!(roll(7), roll(8));
        assert_eq!(roll(0), [35, 0, 79, 44, 47], "on every machine");
    }

    #[test]
    fn weights_are_kept() {
        let mut dice = Dice::new(1);
        let rolled: Vec<_> =
            (0..1000).filter_map(|_| dice.weigh(&[(9, 'a'), (1, 'b'), (0, 'c')])).collect();
        let count = |one| rolled.iter().filter(|found| **found == one).count();
        assert!(count('a') > 800 && count('b') > 50 && count('c') == 0 && rolled.len() == 1000);
    }
}
