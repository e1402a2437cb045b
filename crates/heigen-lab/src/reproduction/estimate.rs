//! Estimates of the time and the memory of tasks that have not been done yet: from earlier records where there are
//! some, else from counts of operations, at the rates of one core of a small server.

use crate::prepare::Prepared;
use heigen::config::BatchSize;
use heigen_store::catalogue::Loaded;

/// Operations per second of one core: for training with fully connected layers, for training with convolutions, and for
/// analyses.
const DENSE: f64 = 40e9;
const CONVOLUTIONS: f64 = 35e9;
const ANALYSIS: f64 = 40e9;
/// Seconds that a batch takes beside its operations.
const BATCH: f64 = 10e-6;
/// A network with at least this many multiplications per sample counts as one of convolutions.
const LARGE: usize = 1 << 17;

/// Seconds that a whole training takes on one core.
pub(super) fn training(loaded: &Loaded, prepared: &Prepared) -> f64 {
    let trainer = loaded.experiment.trainer;
    let n = prepared.samples.split.train.len() as f64;
    let batches = match trainer.batch_size {
        BatchSize::Full => 1.0,
        BatchSize::Samples(b) => (n / b as f64).ceil(),
    };
    let multiplications = prepared.network.multiplications();
    let rate = if multiplications >= LARGE { CONVOLUTIONS } else { DENSE };
    // The forward pass, and twice its operations for the backward pass.
    let epoch = 6.0 * n * multiplications as f64 / rate + batches * BATCH;
    trainer.num_epochs as f64 * epoch
}

/// Seconds that an analysis takes on one core: about 2.5 products for each column of the range, and matrix algebra.
pub(super) fn analysis(prepared: &Prepared) -> f64 {
    let (p, n) = (prepared.network.n_params() as f64, prepared.samples.split.train.len() as f64);
    let multiplications = prepared.network.multiplications();
    let rank = if multiplications >= LARGE { n } else { (8.0 * n).min(p) };
    let products = 2.5 * rank * 8.0 * n * multiplications as f64;
    (products + 10.0 * p * rank * rank) / ANALYSIS
}

/// Bytes of memory that an analysis takes.
pub(super) fn analysis_bytes(prepared: &Prepared) -> f64 {
    let (p, n) = (prepared.network.n_params() as f64, prepared.samples.split.train.len() as f64);
    // Basis, products and vectors; and activations, with the tangents of a block of directions.
    let rank = (8.0 * n).min(p);
    24.0 * p * rank + 8.0 * 64.0 * (1 << 20) as f64
}

/// Seconds for measuring a boundary, for drawing a figure, and for writing the report.
pub(super) const BOUNDARY: f64 = 4.0;
pub(super) const FIGURE: f64 = 3.0;
pub(super) const REPORT: f64 = 0.5;
