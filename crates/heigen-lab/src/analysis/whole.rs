//! The whole spectrum, with the alignments and coherences that follow from it.

use super::arrays::{Arrays, widened};
use super::coherences::{coherences, missing_cosines};
use super::operator::{operator, operator_by_rows};
use super::recipe::{Computed, Findings};
use super::request::Keep;
use super::setting::Setting;
use super::vectors::Vectors;
use super::{estimates, solvers, stage};
use crate::LabError;
use crate::error::OfJob;
use crate::watch;
use heigen::analysis::{Analysis, Summary, analyze_in};
use heigen::curvature::{ExampleLabels, IndexRanges, Method, Problem, SymmetricOperator};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::Dtype;

impl Findings for Summary {
    type Way = Method;
    type Arrays = Arrays;

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn lacks(&self, keep: Keep, paths: &ExperimentPaths) -> Option<String> {
        let matrix = paths.hessian();
        if keep.matrix && !files::is_file(&matrix) {
            return Some(format!("{} is missing", matrix.display()));
        }
        let partial = keep.full_basis && self.n_eigenvectors < self.n_params;
        let basis = partial.then(|| "the stored eigenvectors are not a full basis".into());
        missing_cosines(keep, paths).or(basis)
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
    let (matter, selection) = (&setting.asked.subject, setting.selection.as_ref());
    let problem = &*setting.summed_problem::<T>()?;
    if setting.pieces_of_whole() > 1 {
        let operator = operator_by_rows(problem, matter, selection)?;
        return found(setting, method, problem, &*operator);
    }
    let operator = operator(problem, matter, selection)?;
    found(setting, method, problem, &*operator)
}

/// [`compute`] with an operator whose vectors have any home. `problem` has the samples of this process.
fn found<T: Scalar + Element, S: Vectors<T>>(
    setting: &Setting,
    method: Method,
    problem: &Problem<'_, T>,
    operator: &dyn SymmetricOperator<S>,
) -> Result<Computed<Summary>, LabError> {
    let (call, asked, paths, space) = (setting.call, setting.asked, &setting.paths, operator.space());
    let selection = setting.selection.as_ref();
    setting.room_for_whole(method, size_of::<T>()).of(setting.name())?;
    setting.room_for_estimates(size_of::<T>()).of(setting.name())?;
    setting.note_held_statistics();
    setting.note_no_classes(problem);
    setting.note_cost(method);
    let mut watch = call.job(setting.name());
    let spectrum = solvers::spectrum(operator, method, call.lab.memory, &mut watch).of(setting.name())?;
    watch.begin(watch::stage::ALIGNMENTS)?;
    setting.room_for_measures(spectrum.places.len(), size_of::<T>()).of(setting.name())?;
    let gradients = restricted(problem.example_gradients(&example_labels(problem)), selection);
    let gradients = space.of_samples(problem, gradients)?;
    let analysis = analyze_in(&space, problem, gradients, spectrum, asked.keep.full_basis)?;
    let eigenvalues: Vec<T> = analysis.spectrum.eigenvalues.iter().map(|&l| T::from_f64(l)).collect();
    let mut staged = vec![npy::stage(&paths.heigenvalues(), &[eigenvalues.len()], Order::C, &eigenvalues)?];
    staged.extend(space.stage(&paths.heigenvectors(), &analysis.spectrum.eigenvectors)?);
    staged.push(stage(&paths.overlaps(), &analysis.overlaps)?);
    let cosines = coherences(setting, problem, &mut watch)?;
    staged.extend(cosines.staged);
    if asked.keep.matrix {
        let matrix: Matrix<T> = solvers::dense(operator, &mut watch)?;
        staged.push(stage(&paths.hessian(), &matrix)?);
    }
    let (mut estimates, arrays) = estimates::estimate(setting.name(), operator, &asked.estimates, paths, &mut watch)?;
    estimates.by_layer = estimates::by_layer(setting, problem, &mut watch)?;
    staged.extend(arrays);
    let Analysis { spectrum, overlaps, summary } = analysis;
    let (values, vectors) = (spectrum.eigenvalues, spectrum.eigenvectors);
    let cosines = [cosines.losses, cosines.logits].map(|cosines| cosines.map(widened));
    // Of vectors that are spread, later steps read the file.
    let vectors = (space.own_rows().len() == space.len()).then(|| widened(vectors));
    let arrays = Arrays::of(values, vectors, widened(overlaps), cosines);
    Ok(Computed { summary, estimates, staged, arrays })
}

/// The labels against which the gradients of samples are taken: the predicted classes, or the samples' own targets where they
/// are no classes.
pub(super) fn example_labels<T: Scalar>(problem: &Problem<'_, T>) -> ExampleLabels {
    if problem.classes().is_some() { ExampleLabels::Predicted } else { ExampleLabels::True }
}

/// The rows of the gradients that belong to the free parameters.
pub(super) fn restricted<T: Scalar>(gradients: Matrix<T>, selection: Option<&IndexRanges>) -> Matrix<T> {
    let Some(selection) = selection else { return gradients };
    let mut free = Matrix::zeros(selection.len(), gradients.columns);
    selection.extract(&gradients, &mut free);
    free
}
