//! Data sets: labelled samples in memory, and their split into training, test and validation parts.
//!
//! [`generate`] makes the synthetic sets and iris from a checked [`DatasetSpec`](crate::config::DatasetSpec);
//! [`split()`] divides the samples; [`Dataset::subset`] takes a part. Image sets come from files, which this crate does
//! not read: the caller reads them, fills a [`Dataset`] and permutes its labels by [`permute_image_labels`].

use crate::vocabulary::Targets;

mod blobs;
mod error;
mod generate;
mod image_formats;
mod image_selection;
mod iris;
mod labels;
mod own;
mod plane_curves;
mod split;

pub use error::DataError;
pub use generate::generate;
pub use heigen_pickle::PickleError;
pub use image_formats::{ImageFileError, cifar10_binary, cifar10_python, mnist, mnist_labels, mnist_pixels};
pub use image_selection::Images;
pub use labels::permute_image_labels;
pub use own::Standardization;
pub use split::{Split, split};

/// Labelled samples. Features are stored as float32, the reference's storage type.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Sample after sample, [N, d], row-major (sample n at `n * d ..`).
    pub features: Vec<f32>,
    /// Shape of one sample, e.g. `[2]` or `[1, 28, 28]`; its product is d.
    pub shape: Vec<usize>,
    /// Class of every sample, `0..n_classes`; all 0 where samples have `others`.
    pub labels: Vec<usize>,
    /// The targets of samples that have no class: real numbers, or classes of positions.
    pub others: Option<Targets>,
    /// Number of classes C; with `others` the number of outputs that a network for them has.
    pub n_classes: usize,
    /// The origin of the samples, for the records, e.g. `generated: gauss_mixtures`.
    pub source: String,
}

impl Dataset {
    /// Number of samples N.
    pub fn n_samples(&self) -> usize {
        self.labels.len()
    }

    /// Number of features d of one sample, the product of its shape.
    pub fn n_features(&self) -> usize {
        self.shape.iter().product()
    }

    /// The targets that the outputs of a network for the samples are compared with: their classes, or their other targets.
    pub fn targets(&self) -> Targets {
        self.others.clone().unwrap_or_else(|| Targets::Classes(self.labels.clone()))
    }

    /// The class of every sample, where samples have classes.
    pub fn classes(&self) -> Option<&[usize]> {
        self.others.is_none().then_some(&self.labels)
    }

    /// The samples `indices`, in that order; shape, number of classes and source stay.
    ///
    /// # Panics
    /// If an index is not below the number of samples, as indexing a slice does. The parts of a [`Split`] of
    /// [`Dataset::n_samples`] samples never are.
    ///
    /// ```
    /// use heigen::{config::DatasetSpec, data};
    /// let intro = data::generate(&DatasetSpec::Intro {})?;
    /// let part = intro.subset(&[5, 1]);
    /// assert_eq!((part.features, part.labels), (vec![1.45, 1.0], vec![0, 1]));
    /// # Ok::<(), data::DataError>(())
    /// ```
    #[must_use]
    pub fn subset(&self, indices: &[usize]) -> Self {
        let d = self.n_features();
        let mut features = Vec::with_capacity(indices.len() * d);
        for &n in indices {
            features.extend_from_slice(&self.features[n * d..(n + 1) * d]);
        }
        Self {
            features,
            shape: self.shape.clone(),
            labels: indices.iter().map(|&n| self.labels[n]).collect(),
            others: self.others.as_ref().map(|others| others.of_samples(indices.iter().copied())),
            n_classes: self.n_classes,
            source: self.source.clone(),
        }
    }
}
