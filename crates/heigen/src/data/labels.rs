//! Label permutations: they break the tie between features and labels and keep the number of samples of every class.

use crate::rng::{NumpyRandomState, TorchGenerator};

/// Permutes labels as `RandomState(seed).permutation(labels)` does.
pub(super) fn permute_labels(labels: &mut [usize], seed: u32) {
    NumpyRandomState::new(seed).permute(labels);
}

/// Permutes labels in parts of length `len`, one after another, by `permutation(part)` of one `RandomState(seed)`.
pub(super) fn permute_in_parts(labels: &mut [usize], len: usize, seed: u32) {
    let mut state = NumpyRandomState::new(seed);
    labels.chunks_mut(len).for_each(|part| state.permute(part));
}

/// The label permutation of the image sets: label n becomes `labels[p[n]]`, p = `torch.randperm(N)` of a generator
/// seeded with `seed`.
///
/// # Shapes
/// `labels` has N entries, in the order of the samples.
///
/// ```
/// let mut labels = vec![0, 0, 1, 1];
/// heigen::data::permute_image_labels(&mut labels, 28);
/// labels.sort_unstable();
/// assert_eq!(labels, [0, 0, 1, 1]);
/// ```
pub fn permute_image_labels(labels: &mut [usize], seed: u64) {
    let before = labels.to_vec();
    let order = TorchGenerator::new(seed).randperm(labels.len());
    for (label, n) in labels.iter_mut().zip(order) {
        *label = before[n];
    }
}
