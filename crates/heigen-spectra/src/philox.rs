//! Philox 4x64-10, a counter-based generator: any of its words can be computed without the words before it.

/// Multipliers of a round.
const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
/// The constants added to the two halves of the key after every round (Weyl sequences).
const KEY_STEPS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;

/// The four words that belong to a counter under a key.
///
/// `numpy.random.Philox(key=key, counter=counter)` adds 1 to its counter (256 bits, lowest word first) before every
/// block, so its first four words are those of `counter + 1`.
///
/// # References
/// Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, SC11 (2011),
/// doi:10.1145/2063384.2063405.
///
/// ```
/// let words = heigen_spectra::philox([1, 0, 0, 0], [0, 0]);
/// // numpy.random.Philox(key=0, counter=0).random_raw()
/// assert_eq!(words[0], 213_000_021_201_967_259);
/// ```
#[inline]
pub fn philox(counter: [u64; 4], key: [u64; 2]) -> [u64; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..ROUNDS {
        let (high0, low0) = widening_product(MULTIPLIERS[0], c0);
        let (high1, low1) = widening_product(MULTIPLIERS[1], c2);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        (k0, k1) = (k0.wrapping_add(KEY_STEPS[0]), k1.wrapping_add(KEY_STEPS[1]));
    }
    [c0, c1, c2, c3]
}

/// The high and the low half of the 128-bit product a b.
#[inline]
fn widening_product(a: u64, b: u64) -> (u64, u64) {
    let wide = u128::from(a) * u128::from(b);
    ((wide >> 64) as u64, wide as u64)
}
