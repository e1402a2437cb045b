//! Operators that live by themselves, for solvers outside of the lab.

use super::AnalysisRequest;
use super::operator::restricted_samples;
use super::setting::Setting;
use crate::{Lab, LabError, LabWatch};
use heigen::curvature::{Failure, Host, IndexRanges, OwnedOperator, Problem, Restricted, SymmetricOperator, Work};
use heigen::linalg::Scalar;
use std::sync::Arc;

/// The matrix that an analysis would be of, as an operator that owns all that it is made from.
///
/// Products enter the threads that it was made with; they are the same numbers as in an analysis.
pub struct Owned<T> {
    /// The problem: the network at theta with its samples and its objective.
    pub problem: Arc<Problem<'static, T>>,
    /// The operator, restricted to the parameters that are asked about.
    pub operator: Arc<dyn SymmetricOperator<Host<T>> + Send + Sync>,
    /// The operator's form in float32 ([`SymmetricOperator::coarse`]), which owns all that it is made from, too; it is the
    /// operator itself where that is in float32.
    pub coarse: Arc<dyn SymmetricOperator<Host<f32>> + Send + Sync>,
    /// Floating-point operations of a product with one direction, about.
    pub operations: f64,
}

impl<T> std::fmt::Debug for Owned<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owned").finish_non_exhaustive()
    }
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
            let (objective, matter) = (setting.objective(), &request.asked.subject);
            let Setting { prepared, theta, samples, selection, .. } = setting;
            let problem = Problem::new(Arc::new(prepared.network), &theta, &samples, objective)?;
            let problem = Arc::new(restricted_samples(problem.on(call.threads.clone()), matter)?);
            let (kind, batch) = (matter.operator, matter.batch);
            let coarse = OwnedOperator { problem: Arc::new(problem.in_type::<f32>()), kind, batch };
            let coarse = restricted(coarse, selection.clone())?;
            let operator = restricted(OwnedOperator { problem: Arc::clone(&problem), kind, batch }, selection)?;
            let operations = Work::of(problem.network(), operator.n_params(), problem.n_samples()).product();
            Ok(Owned { problem, operator, coarse, operations })
        })
    }
}

/// The block of an operator that belongs to the chosen parameters; all of it where there is no choice.
fn restricted<U: Scalar>(
    whole: OwnedOperator<U>,
    selection: Option<IndexRanges>,
) -> Result<Arc<dyn SymmetricOperator<Host<U>> + Send + Sync>, Failure> {
    Ok(match selection {
        Some(selection) => Arc::new(Restricted::new(whole, selection)?),
        None => Arc::new(whole),
    })
}
