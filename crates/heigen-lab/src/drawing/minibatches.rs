//! The largest eigenvalue over mini-batches, against that of all samples.

use super::landscape::View;
use crate::LabError;
use crate::error::OfJob;
use heigen::curvature::{Hessian, Problem, TopKOptions, Which, top_k};
use heigen::rng::{DataLoaderOrder, TorchGenerator};
use heigen_figures::{Histogram, Scene, histogram};
use heigen_spectra::Watch;
use serde::Serialize;

/// The options of the distribution over mini-batches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchOptions {
    /// Samples in a batch; `None` for the number that the experiment trains with.
    pub size: Option<usize>,
    /// The number of batches; `None` for those of one pass.
    pub count: Option<usize>,
    /// The seed of the order of the samples, drawn as for training.
    pub seed: u64,
}

/// The numbers of the distribution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchNumbers {
    /// The experiment.
    pub name: String,
    /// Samples in a batch.
    pub batch_size: usize,
    /// The seed of their order.
    pub seed: u64,
    /// The samples of each batch by their places among the training samples, [batches, size].
    pub batches: Vec<Vec<usize>>,
    /// The largest eigenvalue of the Hessian of each batch's objective, `[batches]`.
    pub lambda_1: Vec<f64>,
    /// Upper bounds on their residuals, `[batches]`.
    pub residuals: Vec<f64>,
    /// The largest eigenvalue of all training samples.
    pub all_samples: f64,
}

/// Residuals, as fractions of |H|.
const TOLERANCE: f64 = 1e-6;
/// Samples in a batch where an experiment trains with all at once.
const SIZE: usize = 64;

/// The picture of the distribution.
pub(super) fn scene(numbers: &BatchNumbers) -> Result<Scene, LabError> {
    let mean = numbers.lambda_1.iter().sum::<f64>() / numbers.lambda_1.len().max(1) as f64;
    Ok(histogram(&Histogram {
        title: format!("{} mini-batches of {}", numbers.lambda_1.len(), numbers.batch_size),
        axis: r"$\lambda_1$".to_owned(),
        values: numbers.lambda_1.clone(),
        bins: None,
        levels: vec![("mean of the batches".to_owned(), mean), ("all samples".to_owned(), numbers.all_samples)],
    })?)
}

/// The largest eigenvalue of the Hessian over mini-batches of the training samples.
pub(super) fn numbers(view: &View, options: &BatchOptions) -> Result<BatchNumbers, LabError> {
    let (experiment, call) = (&view.loaded.experiment, view.call);
    let problem = view.setting.restricted_problem()?;
    let n = problem.n_samples();
    let of_training = match experiment.trainer.batch_size {
        heigen::config::BatchSize::Samples(size) => size,
        heigen::config::BatchSize::Full => SIZE,
    };
    let size = options.size.unwrap_or(of_training).clamp(1, n);
    let count = options.count.unwrap_or(n / size).max(1);
    let mut order = DataLoaderOrder::new(TorchGenerator::new(options.seed));
    let mut places = vec![0; n];
    let mut watch = call.job(&experiment.name);
    let (mut batches, mut lambda_1, mut residuals) = (Vec::new(), Vec::new(), Vec::new());
    'passes: loop {
        order.next_epoch(&mut places);
        for batch in places.chunks_exact(size) {
            if batches.len() == count {
                break 'passes;
            }
            let of_batch = problem.of_samples(batch)?;
            let (value, residual) = largest(&of_batch).of(&experiment.name)?;
            batches.push(batch.to_vec());
            lambda_1.push(value);
            residuals.push(residual);
            watch.tell("mini-batches", lambda_1.len() as u64, Some(count as u64), "batches")?;
        }
    }
    let (all_samples, _) = largest(&problem).of(&experiment.name)?;
    let name = experiment.name.to_string();
    Ok(BatchNumbers { name, batch_size: size, seed: options.seed, batches, lambda_1, residuals, all_samples })
}

/// The largest eigenvalue of a problem's Hessian, and a bound on its residual.
fn largest(problem: &Problem<'_, f64>) -> Result<(f64, f64), LabError> {
    let options = TopKOptions { tolerance: TOLERANCE, ..TopKOptions::default() };
    let found = top_k(&Hessian(problem), 1, Which::Largest, &options).map_err(LabError::solver)?;
    let first = |of: &[f64]| of.first().copied().unwrap_or(0.0);
    Ok((first(&found.eigenvalues), first(&found.residuals)))
}
