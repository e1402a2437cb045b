//! The whole spectrum with everything that follows from it.

use super::operator::{operator, restricted_samples};
use super::setting::{Findings, Setting};
use super::{estimates, memory_limit, stage};
use crate::args::KeepArgs;
use crate::progress::SpectrumProgress;
use anyhow::{Context, Result};
use heigen::analysis::{Analysis, Summary, analyze, class_order, cosine_similarities, logit_order};
use heigen::curvature::{ExampleLabels, IndexRanges, Method, Problem, SymmetricOperator, dense, spectrum};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::Estimates;
use std::path::PathBuf;

impl Findings for Summary {
    fn dtype(&self) -> &str {
        &self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn arrays(&self, paths: &ExperimentPaths) -> Vec<(PathBuf, Vec<usize>)> {
        let (p, k, n) = (self.n_params, self.n_eigenvectors, self.n_samples);
        vec![(paths.heigenvalues(), vec![p]), (paths.heigenvectors(), vec![p, k]), (paths.overlaps(), vec![k, n])]
    }

    fn lacks(&self, keep: KeepArgs, paths: &ExperimentPaths) -> Option<String> {
        if keep.save_hessian && !paths.hessian().is_file() {
            return Some(format!("{} is missing", paths.hessian().display()));
        }
        let partial = keep.full_basis && self.n_eigenvectors < self.n_params;
        partial.then(|| "the stored eigenvectors are not a full basis".into())
    }
}

/// Spectrum, alignments, coherences.
pub(crate) fn compute<T: Scalar + Element>(
    setting: &Setting,
    method: Method,
) -> Result<(Summary, Estimates, Vec<Staged>)> {
    let (name, args, paths) = (setting.name(), setting.subject_args, &setting.paths);
    let problem = restricted_samples(setting.problem::<T>()?, args)?;
    let selection = setting.selection.as_ref();
    let operator = operator(&problem, args, selection)?;
    let mut shown = SpectrumProgress::new(name, operator.n_params());
    let spectrum = spectrum(&operator, method, memory_limit(), &mut shown);
    let spectrum = spectrum.inspect_err(|_| shown.clear()).with_context(|| name.to_string())?;
    let free = |gradients: Matrix<T>| restricted(gradients, selection);
    let gradients = free(problem.example_gradients(&ExampleLabels::Predicted));
    let analysis = analyze(&problem, &gradients, spectrum, setting.keep.full_basis)?;
    let mut staged = stage_arrays(paths, &problem, &analysis, free)?;
    if setting.keep.save_hessian {
        let matrix = dense(&operator, &mut shown).with_context(|| name.to_string())?;
        let data = matrix.data.into_iter().map(T::from_f64).collect();
        let matrix: Matrix<T> = Matrix { data, rows: matrix.rows, columns: matrix.columns };
        staged.push(stage(&paths.hessian(), &matrix)?);
    }
    shown.clear();
    let (estimates, arrays) = estimates::estimate(name, &operator, setting.estimates, paths)?;
    staged.extend(arrays);
    Ok((analysis.summary, estimates, staged))
}

/// The rows of the free parameters.
fn restricted<T: Scalar>(gradients: Matrix<T>, selection: Option<&IndexRanges>) -> Matrix<T> {
    let Some(selection) = selection else { return gradients };
    let mut free = Matrix::zeros(selection.len(), gradients.columns);
    selection.extract(&gradients, &mut free);
    free
}

fn stage_arrays<T: Scalar + Element>(
    paths: &ExperimentPaths,
    problem: &Problem<T>,
    analysis: &Analysis<T>,
    free: impl Fn(Matrix<T>) -> Matrix<T>,
) -> Result<Vec<Staged>> {
    let eigenvalues: Vec<T> = analysis.spectrum.eigenvalues.iter().map(|&l| T::from_f64(l)).collect();
    let mut staged = vec![
        npy::stage(&paths.heigenvalues(), &[eigenvalues.len()], Order::C, &eigenvalues)?,
        stage(&paths.heigenvectors(), &analysis.spectrum.eigenvectors)?,
        stage(&paths.overlaps(), &analysis.overlaps)?,
    ];
    let labels = problem.labels();
    let gradients = free(problem.example_gradients(&ExampleLabels::True));
    let order = class_order(labels);
    let gradients = reordered(&[gradients], order.iter().map(|&n| (0, n)));
    staged.push(stage(&paths.coherence(), &cosine_similarities(&gradients))?);
    let classes = problem.network().n_outputs();
    let logits: Vec<Matrix<T>> = (0..classes).map(|c| free(problem.logit_gradients(c))).collect();
    let logits = reordered(&logits, logit_order(labels, classes).into_iter());
    staged.push(stage(&paths.logit_coherence(), &cosine_similarities(&logits))?);
    Ok(staged)
}

/// Columns (matrix, column) of several matrices of equal height, one after another.
fn reordered<T: Scalar>(matrices: &[Matrix<T>], order: impl ExactSizeIterator<Item = (usize, usize)>) -> Matrix<T> {
    let (rows, columns) = (matrices[0].rows, order.len());
    let mut data = Vec::with_capacity(rows * columns);
    order.for_each(|(m, j)| data.extend_from_slice(matrices[m].column(j)));
    Matrix { data, rows, columns }
}
