//! The samples of a training, part by part.

use crate::data::{Dataset, Split};
use crate::linalg::Matrix;
use crate::vocabulary::Targets;

/// Samples as a matrix [d, N] with the targets of N samples.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    pub(super) x: Matrix<f32>,
    pub(super) y: Targets,
}

impl Samples {
    fn of(data: &Dataset, indices: &[usize]) -> Self {
        let part = data.subset(indices);
        Self { x: Matrix::from_f32(&part.features, part.n_features()), y: part.targets() }
    }
}

/// Training, test and validation samples.
#[derive(Clone, Debug)]
pub struct Parts {
    pub(super) train: Samples,
    pub(super) validation: Samples,
    pub(super) test: Samples,
}

impl Parts {
    /// The training, test and validation parts of `data`, as `split` divides it.
    pub fn new(data: &Dataset, split: &Split) -> Self {
        Self {
            train: Samples::of(data, &split.train),
            validation: Samples::of(data, &split.validation),
            test: Samples::of(data, &split.test),
        }
    }
}
