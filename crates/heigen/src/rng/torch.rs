//! PyTorch's CPU generator: words, uniform numbers, permutations.

use super::mt19937::Mt19937;

/// `torch.Generator().manual_seed(seed)` on the CPU, or the default generator after `torch.manual_seed(seed)`: the same
/// numbers for the same calls in the same order.
///
/// The methods that draw normal numbers, such as `randn_f32`, are in the file `torch_normal.rs`.
///
/// ```
/// let mut generator = heigen::rng::TorchGenerator::new(42);
/// assert_eq!(generator.randperm(6), [0, 3, 2, 4, 1, 5]);
/// ```
#[derive(Clone, Debug)]
pub struct TorchGenerator {
    engine: Mt19937,
    /// The second number of a pair, which waits for the next serial call: Box-Muller makes normal numbers in pairs.
    pub(super) cached_normal: Option<f64>,
}

impl TorchGenerator {
    /// The generator after `manual_seed(seed)`. The engine takes the lower 32 bits of the seed, as in PyTorch.
    pub fn new(seed: u64) -> Self {
        Self { engine: Mt19937::new(seed as u32), cached_normal: None }
    }

    /// One word, uniform on 0..2^32.
    pub fn random_u32(&mut self) -> u32 {
        self.engine.next_u32()
    }

    /// `torch.empty((), dtype=torch.int64).random_()`: uniform on 0..2^63, from two words.
    pub fn random_i64(&mut self) -> i64 {
        (self.engine.next_u64() & (u64::MAX >> 1)).cast_signed()
    }

    /// One entry of `torch.rand(n)`: uniform on [0, 1), the lower 24 bits of one word times 2^-24.
    pub fn rand_f32(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00ff_ffff) as f32 * (1.0 / 16_777_216.0)
    }

    /// One entry of `torch.rand(n, dtype=torch.float64)`: uniform on [0, 1), the lower 53 bits of two words times
    /// 2^-53.
    pub fn rand_f64(&mut self) -> f64 {
        (self.engine.next_u64() & ((1 << 53) - 1)) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// One entry of `tensor.uniform_(from, to)` for float32: u (to - from) + from, u from [`Self::rand_f32`].
    ///
    /// Product and sum are fused: one rounding, as in PyTorch's kernel for processors with AVX2.
    pub fn uniform_f32(&mut self, from: f32, to: f32) -> f32 {
        self.rand_f32().mul_add(to - from, from)
    }

    /// `tensor.uniform_(from, to)` for float32, entry after entry in row-major order.
    pub fn fill_uniform_f32(&mut self, values: &mut [f32], from: f32, to: f32) {
        for value in values {
            *value = self.uniform_f32(from, to);
        }
    }

    /// `torch.randperm(n)`: the numbers 0..n in random order.
    pub fn randperm(&mut self, n: usize) -> Vec<usize> {
        let mut order = vec![0; n];
        self.fill_randperm(&mut order);
        order
    }

    /// `torch.randperm(order.len())` written to a buffer; the old content of the buffer does not matter.
    ///
    /// Fisher-Yates from the first entry to the last but one, the offset being one word modulo the number of entries
    /// left. (PyTorch takes another way from 2^32 / 20 entries on, far above any data set here.)
    pub fn fill_randperm(&mut self, order: &mut [usize]) {
        for (i, slot) in order.iter_mut().enumerate() {
            *slot = i;
        }
        let n = order.len();
        for i in 0..n.saturating_sub(1) {
            let offset = u64::from(self.engine.next_u32()) % (n - i) as u64;
            order.swap(i, i + offset as usize);
        }
    }
}
