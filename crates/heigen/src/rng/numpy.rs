//! `NumPy`'s legacy `RandomState`.

use super::mt19937::Mt19937;

/// `numpy.random.RandomState(seed)`: the same numbers for the same calls in the same order.
///
/// `NumPy` froze this stream (NEP 19), so it is safe to define data sets by it.
///
/// ```
/// let mut state = heigen::rng::NumpyRandomState::new(42);
/// assert_eq!(state.random_sample(), 0.3745401188473625);
/// ```
#[derive(Clone, Debug)]
pub struct NumpyRandomState {
    engine: Mt19937,
    /// The second number of a pair, which waits for the next call: the polar method makes normal numbers in pairs.
    cached_gauss: Option<f64>,
}

impl NumpyRandomState {
    /// `RandomState(seed)` for an integer seed.
    pub fn new(seed: u32) -> Self {
        Self { engine: Mt19937::new(seed), cached_gauss: None }
    }

    /// `random_sample()`: uniform on [0, 1), a multiple of 2^-53 from 27 bits and then 26 bits.
    pub fn random_sample(&mut self) -> f64 {
        let high = f64::from(self.engine.next_u32() >> 5);
        let low = f64::from(self.engine.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// `randn()`: N(0, 1).
    ///
    /// Marsaglia's polar method: (x, y) uniform on the unit disc without its centre, r2 = x^2 + y^2; the numbers are
    /// y sqrt(-2 ln r2 / r2) and then x sqrt(-2 ln r2 / r2).
    pub fn randn(&mut self) -> f64 {
        if let Some(second) = self.cached_gauss.take() {
            return second;
        }
        loop {
            let x = 2.0 * self.random_sample() - 1.0;
            let y = 2.0 * self.random_sample() - 1.0;
            let r2 = x * x + y * y;
            if r2 < 1.0 && r2 != 0.0 {
                let factor = (-2.0 * r2.ln() / r2).sqrt();
                self.cached_gauss = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// `normal(mean, sd)`: N(mean, sd^2) as mean + sd * `randn()`.
    ///
    /// A call with `size` or with arrays is this call for every entry in row-major order.
    pub fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        mean + sd * self.randn()
    }

    /// `randint(low, high)` with the default type int64: uniform on low..high; `low` if that is empty.
    ///
    /// Words are masked to the bits of the largest offset and redrawn while above it. One word serves a range of up to
    /// 2^32, two words a wider one.
    pub fn randint(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let largest = high.wrapping_sub(low).wrapping_sub(1).cast_unsigned();
        low.wrapping_add(self.up_to(largest).cast_signed())
    }

    /// `permutation(n)`: the numbers 0..n in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.permute(&mut order);
        order
    }

    /// `shuffle(values)` in place; on a copy it is `permutation(values)`.
    ///
    /// Fisher-Yates from the last entry down to the second.
    pub fn permute<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            let j = self.up_to(i as u64) as usize;
            values.swap(i, j);
        }
    }

    /// Uniform on 0..=largest by masked rejection; draws nothing for 0.
    fn up_to(&mut self, largest: u64) -> u64 {
        if largest == 0 {
            return 0;
        }
        let mask = u64::MAX >> largest.leading_zeros();
        loop {
            let word =
                if u32::try_from(largest).is_ok() { u64::from(self.engine.next_u32()) } else { self.engine.next_u64() };
            let value = word & mask;
            if value <= largest {
                return value;
            }
        }
    }
}
