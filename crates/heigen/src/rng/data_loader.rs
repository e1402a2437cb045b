//! The order in which PyTorch's `DataLoader(shuffle=True)` visits the samples.

use super::torch::TorchGenerator;

/// The sample order of every epoch of `DataLoader(dataset, shuffle=True)`.
///
/// At the start of an epoch the loader draws its base seed from the default generator (unused without worker
/// processes, yet drawn), then its `RandomSampler` draws a seed; the order is `torch.randperm(n)` of a fresh generator
/// with that seed. A batch is the next `batch_size` samples of the order.
///
/// ```
/// use heigen::rng::{DataLoaderOrder, TorchGenerator};
/// let mut orders = DataLoaderOrder::new(TorchGenerator::new(0));
/// let mut order = vec![0; 150];
/// orders.next_epoch(&mut order);
/// order.sort_unstable();
/// assert!(order.iter().enumerate().all(|(i, &sample)| i == sample));
/// ```
#[derive(Clone, Debug)]
pub struct DataLoaderOrder {
    default_generator: TorchGenerator,
}

impl DataLoaderOrder {
    /// Orders drawn from `default_generator`, PyTorch's global generator as it is right before the loader is
    /// iterated.
    pub fn new(default_generator: TorchGenerator) -> Self {
        Self { default_generator }
    }

    /// Writes the order of the next epoch to `order`, whose length is the number of samples. Allocates nothing.
    pub fn next_epoch(&mut self, order: &mut [usize]) {
        let _base_seed = self.default_generator.random_i64();
        let seed = self.default_generator.random_i64();
        TorchGenerator::new(seed.cast_unsigned()).fill_randperm(order);
    }
}
