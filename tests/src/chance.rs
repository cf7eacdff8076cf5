//! Numbers that only look like chance: a seed brings the same again.

/// A sequence of them; its seed is not 0.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// The sequence of this number among those of a seed: one says nothing of another (the last steps of SplitMix64).
    #[must_use]
    pub const fn of(seed: u64, number: u64) -> Self {
        let mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}
