//! The whole spectrum, with the alignments and coherences that follow from it.

use super::arrays::{Arrays, widened};
use super::operator::{operator, restricted_samples};
use super::recipe::{Computed, Findings};
use super::request::Keep;
use super::setting::Setting;
use super::{estimates, solvers, stage};
use crate::LabError;
use crate::error::OfJob;
use heigen::analysis::{Analysis, Summary, analyze, class_order, cosine_similarities, logit_order};
use heigen::curvature::{ExampleLabels, IndexRanges, Method, Problem};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::Dtype;
use std::path::PathBuf;

impl Findings for Summary {
    type Way = Method;
    type Arrays = Arrays;

    fn dtype(&self) -> &str {
        &self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn files(&self, paths: &ExperimentPaths) -> Vec<(PathBuf, Vec<usize>)> {
        let (p, k, n) = (self.n_params, self.n_eigenvectors, self.n_samples);
        vec![(paths.heigenvalues(), vec![p]), (paths.heigenvectors(), vec![p, k]), (paths.overlaps(), vec![k, n])]
    }

    fn lacks(&self, keep: Keep, paths: &ExperimentPaths) -> Option<String> {
        if keep.matrix && !paths.hessian().is_file() {
            return Some(format!("{} is missing", paths.hessian().display()));
        }
        let partial = keep.full_basis && self.n_eigenvectors < self.n_params;
        partial.then(|| "the stored eigenvectors are not a full basis".into())
    }

    fn compute(setting: &Setting, method: Method) -> Result<Computed<Self>, LabError> {
        match setting.asked.how.dtype {
            Dtype::Float64 => compute::<f64>(setting, method),
            Dtype::Float32 => compute::<f32>(setting, method),
        }
    }
}

/// Computes the spectrum, the alignments and the coherences.
fn compute<T: Scalar + Element>(setting: &Setting, method: Method) -> Result<Computed<Summary>, LabError> {
    let (call, asked, paths) = (setting.call, setting.asked, &setting.paths);
    let problem = restricted_samples(setting.problem::<T>()?, &asked.subject)?;
    let selection = setting.selection.as_ref();
    let operator = operator(&problem, &asked.subject, selection)?;
    setting.note_held_statistics();
    setting.note_cost(method);
    let mut watch = call.job(setting.name());
    let spectrum = solvers::spectrum(&operator, method, call.lab.memory, &mut watch).of(setting.name())?;
    let free = |gradients: Matrix<T>| restricted(gradients, selection);
    let gradients = free(problem.example_gradients(&ExampleLabels::Predicted));
    let analysis = analyze(&problem, &gradients, spectrum, asked.keep.full_basis)?;
    let (mut staged, [coherence, logit_coherence]) = stage_arrays(paths, &problem, &analysis, free)?;
    if asked.keep.matrix {
        let matrix = solvers::dense(&operator, &mut watch)?;
        staged.push(stage(&paths.hessian(), &matrix)?);
    }
    let (mut estimates, arrays) = estimates::estimate(setting.name(), &operator, &asked.estimates, paths, &mut watch)?;
    estimates.by_layer = estimates::by_layer(setting, &problem, &mut watch)?;
    staged.extend(arrays);
    let Analysis { spectrum, overlaps, summary } = analysis;
    let (values, vectors) = (spectrum.eigenvalues, spectrum.eigenvectors);
    let arrays = Arrays::of(values, widened(vectors), widened(overlaps), widened(coherence), widened(logit_coherence));
    Ok(Computed { summary, estimates, staged, arrays })
}

/// The rows of the gradients that belong to the free parameters.
fn restricted<T: Scalar>(gradients: Matrix<T>, selection: Option<&IndexRanges>) -> Matrix<T> {
    let Some(selection) = selection else { return gradients };
    let mut free = Matrix::zeros(selection.len(), gradients.columns);
    selection.extract(&gradients, &mut free);
    free
}

/// Stages the arrays that every analysis stores; returns the two coherences.
fn stage_arrays<T: Scalar + Element>(
    paths: &ExperimentPaths,
    problem: &Problem<T>,
    analysis: &Analysis<T>,
    free: impl Fn(Matrix<T>) -> Matrix<T>,
) -> Result<(Vec<Staged>, [Matrix<T>; 2]), LabError> {
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
    let coherence = cosine_similarities(&gradients);
    staged.push(stage(&paths.coherence(), &coherence)?);
    let classes = problem.network().n_outputs();
    let logits: Vec<Matrix<T>> = (0..classes).map(|c| free(problem.logit_gradients(c))).collect();
    let logits = reordered(&logits, logit_order(labels, classes).into_iter());
    let logit_coherence = cosine_similarities(&logits);
    staged.push(stage(&paths.logit_coherence(), &logit_coherence)?);
    Ok((staged, [coherence, logit_coherence]))
}

/// A matrix of the columns in `order`, each given as (matrix, column); the matrices have equal heights.
fn reordered<T: Scalar>(matrices: &[Matrix<T>], order: impl ExactSizeIterator<Item = (usize, usize)>) -> Matrix<T> {
    let (rows, columns) = (matrices[0].rows, order.len());
    let mut data = Vec::with_capacity(rows * columns);
    order.for_each(|(m, j)| data.extend_from_slice(matrices[m].column(j)));
    Matrix { data, rows, columns }
}
