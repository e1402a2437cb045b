//! Problems of experiments that live by themselves, with the operators that are asked for, for solvers outside of the lab.

use super::operator::{operator, restricted_samples};
use super::setting::Setting;
use super::{AnalysisRequest, Matter};
use crate::{Lab, LabError, LabWatch};
use heigen::config::ExperimentName;
use heigen::curvature::{Host, IndexRanges, Problem, SymmetricOperator};
use heigen::linalg::Scalar;
use heigen::model::ParamEntry;
use std::sync::Arc;

/// The matrix that an analysis would be of, with all that it is made from.
///
/// Products enter the threads that it was made with; they are the same numbers as in an analysis.
#[derive(Clone, Debug)]
pub struct Owned<T> {
    name: ExperimentName,
    problem: Problem<'static, T>,
    matter: Matter,
    selection: Option<IndexRanges>,
}

impl Lab {
    /// The matrix that `request` asks about, as an operator; the model is trained first if need be.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the operator from being made.
    pub fn operator<T: Scalar>(&self, request: &AnalysisRequest, watch: &dyn LabWatch) -> Result<Owned<T>, LabError> {
        request.asked.check()?;
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = call.seeded(request.experiment.clone());
            let setting = Setting::new(call, &loaded, &request.asked)?;
            let (objective, matter) = (setting.objective(), request.asked.subject.clone());
            let Setting { prepared, theta, samples, selection, .. } = setting;
            let problem = Problem::new(Arc::new(prepared.network), &theta, &samples, objective)?;
            let problem = restricted_samples(problem.on(call.threads.clone()), &matter)?;
            let owned = Owned { name: loaded.experiment.name, problem, matter, selection };
            owned.operator()?;
            Ok(owned)
        })
    }
}

impl<T: Scalar> Owned<T> {
    /// The experiment.
    pub fn name(&self) -> &ExperimentName {
        &self.name
    }

    /// The problem: the network at theta with its samples.
    pub fn problem(&self) -> &Problem<'static, T> {
        &self.problem
    }

    /// The matrix in question.
    pub fn matter(&self) -> &Matter {
        &self.matter
    }

    /// The tensors of the network, in the order of theta.
    pub fn parameters(&self) -> &[ParamEntry] {
        self.problem.network().layout().entries()
    }

    /// The operator itself, which borrows from here.
    ///
    /// # Errors
    /// [`LabError`] if the choice of parameters does not fit; an operator that could be made once always can.
    pub fn operator(&self) -> Result<Box<dyn SymmetricOperator<Host<T>> + '_>, LabError> {
        operator(&self.problem, &self.matter, self.selection.as_ref())
    }
}
