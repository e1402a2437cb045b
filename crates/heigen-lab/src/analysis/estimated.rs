//! Estimates alone, where no eigenpairs are asked for: their cost is that of the products asked for, whatever the order of
//! the matrix.

use super::estimates;
use super::operator::{operator, operator_by_rows};
use super::recipe::{Computed, Findings};
use super::setting::Setting;
use crate::LabError;
use crate::error::OfJob;
use heigen::curvature::{Problem, Space, SymmetricOperator};
use heigen::linalg::Scalar;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::Element;
use heigen_store::record::{Dtype, EstimatesSummary};
use std::path::PathBuf;

impl Findings for EstimatesSummary {
    type Way = ();
    type Arrays = ();

    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn n_params(&self) -> usize {
        self.n_params
    }

    fn files(&self, _: &ExperimentPaths) -> Vec<PathBuf> {
        vec![]
    }

    fn compute(setting: &Setting, (): ()) -> Result<Computed<Self>, LabError> {
        match setting.asked.how.dtype {
            Dtype::Float64 => compute::<f64>(setting),
            Dtype::Float32 => compute::<f32>(setting),
        }
    }
}

fn compute<T: Scalar + Element>(setting: &Setting) -> Result<Computed<EstimatesSummary>, LabError> {
    let (matter, selection) = (&setting.asked.subject, setting.selection.as_ref());
    let problem = &*setting.summed_problem::<T>()?;
    if setting.pieces() > 1 {
        let operator = operator_by_rows(problem, matter, selection)?;
        return found(setting, problem, &*operator);
    }
    let operator = operator(problem, matter, selection)?;
    found(setting, problem, &*operator)
}

/// [`compute`] with an operator whose vectors have any home.
fn found<T: Scalar + Element, S: Space>(
    setting: &Setting,
    problem: &Problem<'_, T>,
    operator: &dyn SymmetricOperator<S>,
) -> Result<Computed<EstimatesSummary>, LabError> {
    let (name, asked) = (setting.name(), setting.asked);
    setting.room_for_estimates(size_of::<T>()).of(name)?;
    let mut watch = setting.call.job(name);
    let (mut estimates, staged) = estimates::estimate(name, operator, &asked.estimates, &setting.paths, &mut watch)?;
    estimates.by_layer = estimates::by_layer(setting, problem, &mut watch)?;
    let gradient = problem.gradient();
    let summary = EstimatesSummary {
        n_params: operator.n_params(),
        n_samples: problem.n_all_samples(),
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: gradient.iter().map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt(),
        dtype: asked.how.dtype,
    };
    Ok(Computed { summary, estimates, staged, arrays: () })
}
