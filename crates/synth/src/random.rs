//! Chance that is the same on every machine and in every release: splitmix64. The stream of a library may change between
//! versions; a city of a seed must not.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed ^ 0x9E37_79B9_7F4A_7C15) }
    }

    /// A stream of its own for one thing (a household, a file), so that what happens in one does not move the others.
    #[must_use]
    pub fn of(seed: u64, what: u64, number: u64) -> Self {
        Self::new(mix(seed).wrapping_add(mix(what.wrapping_mul(0xD1B5_4A32_D192_ED03)).wrapping_add(mix(number))))
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number from 0 to `limit` − 1; 0 when the limit is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.next()) * limit as u128;
        (wide >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let width = usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0);
        low + i32::try_from(self.below(width)).unwrap_or(0)
    }

    /// From 0 up to, but without, 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability.
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of a list; the default of the type when it is empty.
    pub fn one<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> Option<&'a T> {
        list.get(self.below(list.len())).copied()
    }

    /// About a normal distribution with mean 0 and spread 1, never beyond ±3.
    pub fn normal(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        (sum - 6.0).clamp(-3.0, 3.0)
    }
}

fn mix(seed: u64) -> u64 {
    let mut z = seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_even() {
        let mut random = Random::of(1, 2, 3);
        let mut again = Random::of(1, 2, 3);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            assert_eq!(random.next(), again.next());
            counts[random.below(10)] += 1;
            again.below(10);
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_ne!(Random::of(1, 2, 3).next(), Random::of(1, 2, 4).next());
    }
}
