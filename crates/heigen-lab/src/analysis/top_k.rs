//! Some eigenpairs by block Lanczos, where the whole spectrum is too much.

use super::coherences::{coherences, missing_cosines};
use super::operator::{operator, operator_by_rows};
use super::recipe::{Computed, Findings};
use super::request::Keep;
use super::setting::Setting;
use super::vectors::Vectors;
use super::whole::example_labels;
use super::{estimates, solvers, stage};
use crate::LabError;
use crate::error::OfJob;
use crate::watch;
use heigen::analysis::alignments;
use heigen::curvature::{Failure, Precision, Problem, SymmetricOperator, Which};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::{Dtype, PartialMethod, TopKSummary};

/// Number of samples whose gradients are in memory at a time, and most of the numbers in these gradients.
const SAMPLES: usize = 64;
const NUMBERS: usize = 1 << 26;

/// The eigenpairs that the iteration looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pairs {
    pub(super) k: usize,
    pub(super) which: Which,
    pub(super) tolerance: f64,
}

impl Findings for TopKSummary {
    type Way = Pairs;
    type Arrays = ();

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn lacks(&self, keep: Keep, paths: &ExperimentPaths) -> Option<String> {
        missing_cosines(keep, paths)
    }

    fn compute(setting: &Setting, pairs: Pairs) -> Result<Computed<Self>, LabError> {
        match setting.asked.how.dtype {
            Dtype::Float64 => compute::<f64>(setting, pairs),
            Dtype::Float32 => compute::<f32>(setting, pairs),
        }
    }
}

/// Computes the eigenpairs and all quantities that are stored with them.
fn compute<T: Scalar + Element>(setting: &Setting, pairs: Pairs) -> Result<Computed<TopKSummary>, LabError> {
    let (matter, selection) = (&setting.asked.subject, setting.selection.as_ref());
    let problem = &*setting.summed_problem::<T>()?;
    if setting.pieces() > 1 {
        let operator = operator_by_rows(problem, matter, selection)?;
        return found(setting, pairs, problem, &*operator);
    }
    let operator = operator(problem, matter, selection)?;
    found(setting, pairs, problem, &*operator)
}

/// [`compute`] with an operator whose vectors have any home.
fn found<T: Scalar + Element, S: Vectors<T>>(
    setting: &Setting,
    pairs: Pairs,
    problem: &Problem<'_, T>,
    operator: &dyn SymmetricOperator<S>,
) -> Result<Computed<TopKSummary>, LabError> {
    let (name, asked, paths, space) = (setting.name(), setting.asked, &setting.paths, operator.space());
    setting.note_held_statistics();
    setting.note_no_classes(problem);
    let options = setting.search(pairs, size_of::<T>()).of(name)?;
    setting.room_for_estimates(size_of::<T>()).of(name)?;
    setting.note_cost_of_search(pairs.k);
    let mut watch = setting.call.job(name);
    let mut top = solvers::top_k(operator, pairs.k, pairs.which, &options, &mut watch).of(name)?;
    let Precision { matrix_error, vanishes } = solvers::precision(operator).of(name)?;
    if vanishes {
        top.eigenvalues.fill(0.0);
    }
    let (mut estimates, mut staged) = estimates::estimate(name, operator, &asked.estimates, paths, &mut watch)?;
    estimates.by_layer = estimates::by_layer(setting, problem, &mut watch)?;
    if asked.keep.coherence {
        staged.extend(coherences(setting, problem, &mut watch)?.staged);
    }
    watch.begin(watch::stage::ALIGNMENTS)?;
    let overlaps = alignments_of(setting, problem, &space, &top.eigenvectors).of(name)?;
    let eigenvalues: Vec<T> = top.eigenvalues.iter().map(|&l| T::from_f64(l)).collect();
    staged.push(npy::stage(&paths.heigenvalues(), &[eigenvalues.len()], Order::C, &eigenvalues)?);
    staged.extend(space.stage(&paths.heigenvectors(), &top.eigenvectors)?);
    staged.push(stage(&paths.overlaps(), &overlaps)?);
    let (gradient, products) = (problem.gradient(), top.all_products());
    let summary = TopKSummary {
        n_params: operator.n_params(),
        n_samples: problem.n_all_samples(),
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: gradient.iter().map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt(),
        which: pairs.which.into(),
        eigenvalues: top.eigenvalues.clone(),
        residual_max: top.residuals.iter().copied().fold(0.0, f64::max),
        residuals: top.residuals,
        tolerance: top.tolerance,
        scale: top.scale,
        orthogonality: space.orthogonality(&top.eigenvectors)?,
        matrix_error,
        vanishes,
        products,
        restarts: top.restarts,
        method: PartialMethod::Lanczos,
        dtype: asked.how.dtype,
    };
    Ok(Computed { summary, estimates, staged, arrays: () })
}

/// Alignments of the reinforcing gradients of all samples with the columns of `vectors`, [k, N]. Where only some parameters are free, the
/// gradients are those by the free parameters.
fn alignments_of<T: Scalar + Element, S: Vectors<T>>(
    setting: &Setting,
    problem: &Problem<T>,
    space: &S,
    vectors: &Matrix<T>,
) -> Result<Matrix<T>, Failure> {
    let labels = &example_labels(problem);
    let mut all = Matrix::zeros(vectors.columns, problem.n_all_samples());
    for group in space.groups(vectors) {
        let vectors = space.whole(vectors, group.clone())?;
        let part = match &setting.selection {
            None => problem.alignments(labels, &vectors)?,
            Some(selection) => {
                let together = (NUMBERS / problem.n_params().max(1)).clamp(1, SAMPLES);
                let mut own = Vec::with_capacity(group.len() * problem.n_samples());
                for samples in problem.own_tiles(together) {
                    let gradients = problem.example_gradients_of(samples, labels);
                    let mut part = Matrix::zeros(selection.len(), gradients.columns);
                    selection.extract(&gradients, &mut part);
                    own.extend(setting.call.run(|| alignments(&part, &vectors)).data);
                }
                problem.of_all_samples(&own, group.len())?
            }
        };
        for n in 0..all.columns {
            all.column_mut(n)[group.clone()].copy_from_slice(part.column(n));
        }
    }
    Ok(all)
}
