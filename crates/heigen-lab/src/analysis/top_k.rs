//! Some eigenpairs by block Lanczos, where the whole spectrum is too much.

use super::coherences::{coherences, missing_cosines};
use super::operator::operator;
use super::recipe::{Computed, Findings};
use super::request::Keep;
use super::setting::Setting;
use super::whole::example_labels;
use super::{estimates, solvers, stage};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use crate::watch;
use heigen::analysis::alignments;
use heigen::curvature::{IndexRanges, Precision, Problem, SymmetricOperator, Which};
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
    let (name, asked, paths) = (setting.name(), setting.asked, &setting.paths);
    let problem = setting.restricted_problem::<T>()?;
    let share = setting.share::<T>()?;
    let summed = share.as_ref().unwrap_or(&problem);
    let operator = operator(summed, &asked.subject, setting.selection.as_ref())?;
    setting.note_held_statistics();
    setting.note_no_classes(&problem);
    let options = setting.search(pairs, size_of::<T>()).of(name)?;
    setting.room_for_estimates(size_of::<T>()).of(name)?;
    setting.note_cost_of_search(pairs.k);
    let mut watch = setting.call.job(name);
    let mut top = solvers::top_k(&operator, pairs.k, pairs.which, &options, &mut watch).of(name)?;
    let Precision { matrix_error, vanishes } = solvers::precision(&operator).of(name)?;
    if vanishes {
        top.eigenvalues.fill(0.0);
    }
    let (mut estimates, mut staged) = estimates::estimate(name, &operator, &asked.estimates, paths, &mut watch)?;
    estimates.by_layer = estimates::by_layer(setting, &problem, &mut watch)?;
    if asked.keep.coherence {
        staged.extend(coherences(setting, &problem, &mut watch)?.staged);
    }
    watch.begin(watch::stage::ALIGNMENTS)?;
    let overlaps = alignments_of(setting.call, &problem, setting.selection.as_ref(), &top.eigenvectors);
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
        which: pairs.which.into(),
        eigenvalues: top.eigenvalues.clone(),
        residual_max: top.residuals.iter().copied().fold(0.0, f64::max),
        residuals: top.residuals,
        tolerance: top.tolerance,
        scale: top.scale,
        orthogonality: orthogonality(&top.eigenvectors),
        matrix_error,
        vanishes,
        products: top.products,
        restarts: top.restarts,
        method: PartialMethod::Lanczos,
        dtype: asked.how.dtype,
    };
    Ok(Computed { summary, estimates, staged, arrays: () })
}

/// Alignments of the problem's reinforcing gradients with the columns of `vectors`, [k, N]. Where only some parameters
/// are free, the gradients are those by the free parameters.
fn alignments_of<T: Scalar>(
    call: &Call,
    problem: &Problem<T>,
    selection: Option<&IndexRanges>,
    vectors: &Matrix<T>,
) -> Matrix<T> {
    let (inputs, labels) = (problem.inputs(), &example_labels(problem));
    let Some(selection) = selection else { return problem.alignments_at(inputs, labels, vectors) };
    let (n, mut data) = (problem.n_samples(), Vec::new());
    let together = (NUMBERS / problem.n_params().max(1)).clamp(1, SAMPLES);
    for start in (0..n).step_by(together) {
        let gradients = problem.example_gradients_at(&inputs.columns(start..(start + together).min(n)), labels);
        let mut part = Matrix::zeros(selection.len(), gradients.columns);
        selection.extract(&gradients, &mut part);
        data.extend(call.run(|| alignments(&part, vectors)).data);
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
