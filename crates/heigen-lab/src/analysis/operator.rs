//! The matrix that is asked for, put together from the library's operators.

use super::request::Matter;
use crate::LabError;
use crate::error::{Choice, OfJob};
use heigen::curvature::{
    Batched, EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, OperatorKind, ParamSelection, Problem,
    Restricted, Shifted, Stage, SymmetricOperator,
};
use heigen::linalg::{Matrix, Scalar};

/// Any symmetric operator.
pub(super) struct Operator<'a, T>(Box<dyn SymmetricOperator<T> + 'a>);

impl<T: Scalar> SymmetricOperator<T> for Operator<'_, T> {
    fn n_params(&self) -> usize {
        self.0.n_params()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        self.0.apply(directions, out);
    }

    fn exact_trace(&self) -> Option<f64> {
        self.0.exact_trace()
    }

    fn rounding(&self) -> f64 {
        self.0.rounding()
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        progress: &mut dyn FnMut(Stage),
    ) -> Option<Box<dyn SymmetricOperator<T> + '_>> {
        self.0.written_out(limit_bytes, progress)
    }
}

/// The part of the problem's samples that is asked for.
pub(super) fn restricted_samples<'a, T: Scalar>(
    problem: Problem<'a, T>,
    matter: &Matter,
) -> Result<Problem<'a, T>, LabError> {
    let mut problem = problem;
    if !matter.classes.is_empty() {
        problem = problem.of_classes(&matter.classes).chosen(Choice::Classes)?;
    }
    if let Some(range) = &matter.samples {
        problem = problem.of_samples(&range.clone().collect::<Vec<usize>>()).chosen(Choice::Samples)?;
    }
    Ok(problem)
}

/// The operator of `problem`, restricted to `selection` and shifted as asked for.
pub(super) fn operator<'a, T: Scalar>(
    problem: &'a Problem<'a, T>,
    matter: &Matter,
    selection: Option<&ParamSelection>,
) -> Result<Operator<'a, T>, LabError> {
    let whole: Box<dyn SymmetricOperator<T> + 'a> = match (matter.batch, matter.operator) {
        (Some(batch_size), kind) => Box::new(Batched { problem, kind, batch_size }),
        (None, OperatorKind::Hessian) => Box::new(Hessian(problem)),
        (None, OperatorKind::GaussNewton) => Box::new(GaussNewton(problem)),
        (None, OperatorKind::EmpiricalFisher) => Box::new(EmpiricalFisher(problem)),
        (None, OperatorKind::FunctionalRemainder) => Box::new(FunctionalRemainder(problem)),
    };
    let mut operator = Operator(whole);
    if let Some(selection) = selection {
        operator = Operator(Box::new(Restricted::new(operator, selection.clone())?));
    }
    if matter.weight_decay != 0.0 {
        operator = Operator(Box::new(Shifted { operator, shift: T::from_f64(matter.weight_decay) }));
    }
    Ok(operator)
}
