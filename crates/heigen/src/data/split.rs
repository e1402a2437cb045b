//! The division of samples into training, test and validation parts.

use crate::rng::TorchGenerator;

/// The seed of the split, which is the same in every experiment.
const SEED: u64 = 42;

/// The numbers of the samples in each of the three parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The samples that the network is trained on.
    pub train: Vec<usize>,
    /// The samples that the network is tested on.
    pub test: Vec<usize>,
    /// All other samples.
    pub validation: Vec<usize>,
}

/// Divides the samples 0..n: `torch.randperm(n)` of a generator seeded with 42, cut into train, test and validation.
///
/// Sizes: `int(train_fraction * n)`, `int(test_fraction * n)` (product in float64, then towards zero), the rest.
/// Fractions that add up to more than all samples leave less for the later parts, as slicing does.
///
/// With `test_fraction` 0 nothing is divided: each of the three parts is all samples in their own order.
///
/// ```
/// let parts = heigen::data::split(300, 0.5, 0.2);
/// assert_eq!((parts.train.len(), parts.test.len(), parts.validation.len()), (150, 60, 90));
/// ```
pub fn split(n: usize, train_fraction: f64, test_fraction: f64) -> Split {
    if test_fraction == 0.0 {
        let all: Vec<usize> = (0..n).collect();
        return Split { train: all.clone(), test: all.clone(), validation: all };
    }
    let size = |fraction: f64| (fraction * n as f64) as usize;
    let mut train = TorchGenerator::new(SEED).randperm(n);
    let mut test = train.split_off(size(train_fraction).min(n));
    let validation = test.split_off(size(test_fraction).min(test.len()));
    Split { train, test, validation }
}
