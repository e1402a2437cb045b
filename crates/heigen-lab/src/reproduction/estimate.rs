//! How long tasks take and how much memory they need, before they have been done: from earlier records where there are
//! some, else from operation counts at the rates of a small server's core.

use crate::prepare::Prepared;
use heigen::config::BatchSize;
use heigen_store::catalogue::Loaded;

/// Operations a second of training with fully connected layers, with convolutions, and of analyses, on one core.
const DENSE: f64 = 40e9;
const CONVOLUTIONS: f64 = 35e9;
const ANALYSIS: f64 = 40e9;
/// Seconds that a batch takes beside its operations.
const BATCH: f64 = 10e-6;
/// Multiplications a sample from which a network counts as one of convolutions.
const LARGE: usize = 1 << 17;

/// Seconds of a whole training on one core.
pub(super) fn training(loaded: &Loaded, prepared: &Prepared) -> f64 {
    let trainer = loaded.experiment.trainer;
    let n = prepared.samples.split.train.len() as f64;
    let batches = match trainer.batch_size {
        BatchSize::Full => 1.0,
        BatchSize::Samples(b) => (n / b as f64).ceil(),
    };
    let multiplications = prepared.network.multiplications();
    let rate = if multiplications >= LARGE { CONVOLUTIONS } else { DENSE };
    // Forward, and twice that backwards.
    let epoch = 6.0 * n * multiplications as f64 / rate + batches * BATCH;
    trainer.num_epochs as f64 * epoch
}

/// Seconds of an analysis on one core: about 2.5 products for each column of the range, and its algebra.
pub(super) fn analysis(prepared: &Prepared) -> f64 {
    let (p, n) = (prepared.network.n_params() as f64, prepared.samples.split.train.len() as f64);
    let multiplications = prepared.network.multiplications();
    let rank = if multiplications >= LARGE { n } else { (8.0 * n).min(p) };
    let products = 2.5 * rank * 8.0 * n * multiplications as f64;
    (products + 10.0 * p * rank * rank) / ANALYSIS
}

/// Bytes of an analysis.
pub(super) fn analysis_bytes(prepared: &Prepared) -> f64 {
    let (p, n) = (prepared.network.n_params() as f64, prepared.samples.split.train.len() as f64);
    // Basis, products and vectors; activations with the tangents of a block of directions.
    let rank = (8.0 * n).min(p);
    24.0 * p * rank + 8.0 * 64.0 * (1 << 20) as f64
}

/// Seconds of measuring a boundary, of drawing a figure, and of writing the report.
pub(super) const BOUNDARY: f64 = 4.0;
pub(super) const FIGURE: f64 = 3.0;
pub(super) const REPORT: f64 = 0.5;
