//! The Mersenne Twister, the engine of both random streams.

/// Number of words in the state.
const N: usize = 624;
/// Distance, in words, of the word that is mixed in.
const M: usize = 397;
/// The matrix of the twist, as a bit mask.
const MATRIX: u32 = 0x9908_b0df;
/// The mask of the one bit that is taken from a word; the other 31 bits come from the next word.
const UPPER: u32 = 0x8000_0000;

/// MT19937: 32-bit words with period 2^19937 - 1.
///
/// # References
/// Matsumoto, Nishimura, *Mersenne Twister*, ACM TOMACS 8 (1998), doi:10.1145/272991.272995.
#[derive(Clone, Debug)]
pub struct Mt19937 {
    state: [u32; N],
    /// The index of the next word to hand out; N means that the state must be twisted first.
    position: usize,
}

impl Mt19937 {
    /// The engine after Knuth's linear initialisation: the first word is the seed, and
    /// `s[i] = 1812433253 (s[i - 1] xor s[i - 1] >> 30) + i`.
    pub fn new(seed: u32) -> Self {
        let mut state = [0; N];
        let mut word = seed;
        for (i, slot) in state.iter_mut().enumerate() {
            if i > 0 {
                word = 1_812_433_253_u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(i as u32);
            }
            *slot = word;
        }
        Self { state, position: N }
    }

    /// The next word, uniform on 0..2^32.
    pub fn next_u32(&mut self) -> u32 {
        if self.position >= N {
            self.twist();
        }
        let mut y = self.state[self.position];
        self.position += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Two words as one number, the first word in the upper half (`NumPy`'s and PyTorch's order).
    pub fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    fn twist(&mut self) {
        for i in 0..N {
            let y = (self.state[i] & UPPER) | (self.state[(i + 1) % N] & !UPPER);
            let mixed = if y & 1 == 0 { y >> 1 } else { (y >> 1) ^ MATRIX };
            self.state[i] = self.state[(i + M) % N] ^ mixed;
        }
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Mt19937;

    /// Checks the 10,000th word of `std::mt19937` with its default seed, which the C++ standard fixes.
    #[test]
    fn ten_thousandth_word_of_the_default_seed() {
        let mut engine = Mt19937::new(5489);
        let last = (0..10_000).map(|_| engine.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
