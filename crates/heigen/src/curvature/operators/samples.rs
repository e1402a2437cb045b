//! Problems over a part of the samples.

use crate::curvature::Problem;
use crate::linalg::{Matrix, Scalar};

/// Why a choice of samples was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleSelectionError {
    /// An index is out of range.
    #[error("there is no sample {index}: there are {n_samples}, numbered from 0")]
    Index {
        /// The index.
        index: usize,
        /// N, the number of samples.
        n_samples: usize,
    },
    /// The network does not have the class.
    #[error("there is no class {class}: the network has {n_classes}, numbered from 0")]
    Class {
        /// The class.
        class: usize,
        /// C, the number of classes.
        n_classes: usize,
    },
    /// Nothing was chosen, or the classes have no samples.
    #[error("the choice holds no sample that counts; the mean loss over none is undefined: choose at least one")]
    Empty,
}

impl<'a, T: Scalar> Problem<'a, T> {
    /// A problem with the same network and loss, over the samples `indices` alone, in that order.
    ///
    /// L(theta) = 1/M sum_m l(f(x_m; theta), y_m), the mean over the M chosen; a sample chosen twice counts twice.
    ///
    /// # Shapes
    /// `indices` `[M]`, each below N; inputs become [d, M].
    ///
    /// # Errors
    /// [`SampleSelectionError::Index`] for an index out of range, [`SampleSelectionError::Empty`] if there are no
    /// indices.
    pub fn of_samples(&self, indices: &[usize]) -> Result<Problem<'a, T>, SampleSelectionError> {
        let n_samples = self.n_samples();
        if let Some(&index) = indices.iter().find(|&&i| i >= n_samples) {
            return Err(SampleSelectionError::Index { index, n_samples });
        }
        if indices.is_empty() {
            return Err(SampleSelectionError::Empty);
        }
        let d = self.inputs().rows;
        let data = indices.iter().flat_map(|&i| self.inputs().column(i)).copied().collect();
        let targets = self.targets().of_samples(indices.iter().copied());
        let chosen = self.with_samples(Matrix { data, rows: d, columns: indices.len() }, targets);
        if chosen.counts_nothing() { Err(SampleSelectionError::Empty) } else { Ok(chosen) }
    }

    /// A problem with the same network and loss, over the samples of some `classes` alone, in their own order.
    ///
    /// The mean is over these samples. The network keeps all C outputs.
    ///
    /// # Errors
    /// [`SampleSelectionError::Class`] for a class that is not below C, [`SampleSelectionError::Empty`] where no sample
    /// has one of the classes.
    pub fn of_classes(&self, classes: &[usize]) -> Result<Problem<'a, T>, SampleSelectionError> {
        let n_classes = self.network().n_outputs();
        if let Some(&class) = classes.iter().find(|&&c| c >= n_classes) {
            return Err(SampleSelectionError::Class { class, n_classes });
        }
        let labels = self.targets().classes().unwrap_or_default().iter().enumerate();
        let indices: Vec<usize> = labels.filter(|(_, y)| classes.contains(y)).map(|(i, _)| i).collect();
        self.of_samples(&indices)
    }
}
