//! Some eigenpairs by block Lanczos, where the whole spectrum is too much.

use super::operator::{operator, restricted_samples};
use super::setting::{Findings, Setting};
use super::{estimates, stage};
use crate::progress::{BarWatch, bar, spinner};
use anyhow::{Context, Result};
use heigen::analysis::alignments;
use heigen::curvature::{ExampleLabels, IndexRanges, Problem, Start, SymmetricOperator, TopKOptions, top_k_from};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::{Estimates, TopKSummary};
use std::path::PathBuf;

/// Samples whose gradients are formed at a time.
const SAMPLES: usize = 64;

/// What is asked of the iteration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopK {
    pub(crate) k: usize,
    pub(crate) which: crate::args::WhichArg,
    pub(crate) tolerance: f64,
}

impl Findings for TopKSummary {
    fn dtype(&self) -> &str {
        &self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn arrays(&self, paths: &ExperimentPaths) -> Vec<(PathBuf, Vec<usize>)> {
        let (p, k, n) = (self.n_params, self.eigenvalues.len(), self.n_samples);
        vec![(paths.heigenvalues(), vec![k]), (paths.heigenvectors(), vec![p, k]), (paths.overlaps(), vec![k, n])]
    }
}

/// The eigenpairs, with everything that is kept of them.
pub(crate) fn compute<T: Scalar + Element>(
    setting: &Setting,
    asked: TopK,
) -> Result<(TopKSummary, Estimates, Vec<Staged>)> {
    let (name, args, paths) = (setting.name(), setting.subject_args, &setting.paths);
    let problem = restricted_samples(setting.problem::<T>()?, args)?;
    let operator = operator(&problem, args, setting.selection.as_ref())?;
    let shown = bar(asked.k as u64, "eigenpairs", &format!("{name}: Lanczos"));
    let options = TopKOptions { tolerance: asked.tolerance, ..TopKOptions::default() };
    let which = asked.which.which();
    let found = top_k_from(Start::Random, &operator, asked.k, which, &options, &mut BarWatch(&shown));
    shown.finish_and_clear();
    let top = found.with_context(|| name.to_string())?;
    let (estimates, mut staged) = estimates::estimate(name, &operator, setting.estimates, paths)?;
    let shown = spinner(&format!("{name}: alignments"));
    let overlaps = alignments_of(&problem, setting.selection.as_ref(), &top.eigenvectors);
    shown.finish_and_clear();
    let eigenvalues: Vec<T> = top.eigenvalues.iter().map(|&l| T::from_f64(l)).collect();
    staged.push(npy::stage(&paths.heigenvalues(), &[eigenvalues.len()], Order::C, &eigenvalues)?);
    staged.push(stage(&paths.heigenvectors(), &top.eigenvectors)?);
    staged.push(stage(&paths.overlaps(), &overlaps)?);
    let gradient = problem.gradient();
    let summary = TopKSummary {
        n_params: operator.n_params(),
        n_samples: problem.n_samples(),
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: gradient.iter().map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt(),
        which: asked.which.name().into(),
        eigenvalues: top.eigenvalues.clone(),
        residual_max: top.residuals.iter().copied().fold(0.0, f64::max),
        residuals: top.residuals,
        tolerance: top.tolerance,
        scale: top.scale,
        orthogonality: orthogonality(&top.eigenvectors),
        products: top.products,
        restarts: top.restarts,
        method: "lanczos".into(),
        dtype: T::NAME.into(),
    };
    Ok((summary, estimates, staged))
}

/// Alignments of the problem's reinforcing gradients with the columns of `vectors`, [k, N]; where only some parameters
/// are free, of the gradients by these.
fn alignments_of<T: Scalar>(problem: &Problem<T>, selection: Option<&IndexRanges>, vectors: &Matrix<T>) -> Matrix<T> {
    let (inputs, labels) = (problem.inputs(), &ExampleLabels::Predicted);
    let Some(selection) = selection else { return problem.alignments_at(inputs, labels, vectors) };
    let (n, mut data) = (problem.n_samples(), Vec::new());
    for start in (0..n).step_by(SAMPLES) {
        let gradients = problem.example_gradients_at(&inputs.columns(start..(start + SAMPLES).min(n)), labels);
        let mut part = Matrix::zeros(selection.len(), gradients.columns);
        selection.extract(&gradients, &mut part);
        data.extend(alignments(&part, vectors).data);
    }
    Matrix { data, rows: vectors.columns, columns: n }
}

/// The largest entry of |V^T V - I|.
fn orthogonality<T: Scalar>(v: &Matrix<T>) -> f64 {
    let dot =
        |i: usize, j: usize| v.column(i).iter().zip(v.column(j)).map(|(a, b)| a.to_f64() * b.to_f64()).sum::<f64>();
    let pairs = (0..v.columns).flat_map(|i| (0..=i).map(move |j| (i, j)));
    pairs.map(|(i, j)| (dot(i, j) - if i == j { 1.0 } else { 0.0 }).abs()).fold(0.0, f64::max)
}
