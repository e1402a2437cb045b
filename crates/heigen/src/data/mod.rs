//! Data sets: labelled samples in memory, and their split into training, test and validation parts.

/// Labelled samples. Features are stored as float32, the reference's storage type.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Sample after sample, [N, d], row-major (sample n at `n * d ..`).
    pub features: Vec<f32>,
    /// Shape of one sample, e.g. `[2]` or `[1, 28, 28]`; its product is d.
    pub shape: Vec<usize>,
    /// Class of every sample, `0..n_classes`.
    pub labels: Vec<usize>,
    /// Number of classes C.
    pub n_classes: usize,
    /// Where the samples come from, for the records, e.g. `generated: gauss_mixtures`.
    pub source: String,
}
