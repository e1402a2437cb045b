//! The matrix that is asked for, put together from the library's operators.

use crate::args::{OperatorArg, SubjectArgs};
use anyhow::{Context, Result};
use heigen::curvature::{
    Batched, EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, ParamSelection, Problem, Restricted, Shifted,
    Stage, SymmetricOperator,
};
use heigen::linalg::{Matrix, Scalar};

/// Any symmetric operator.
pub(crate) struct Operator<'a, T>(Box<dyn SymmetricOperator<T> + 'a>);

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
pub(crate) fn restricted_samples<'a, T: Scalar>(problem: Problem<'a, T>, args: &SubjectArgs) -> Result<Problem<'a, T>> {
    let mut problem = problem;
    if !args.classes.is_empty() {
        problem = problem.of_classes(&args.classes).context("--classes")?;
    }
    if let Some(range) = &args.samples {
        problem = problem.of_samples(&range.0.clone().collect::<Vec<usize>>()).context("--samples")?;
    }
    Ok(problem)
}

/// The operator of `problem`, restricted to `selection` and shifted as asked for.
pub(crate) fn operator<'a, T: Scalar>(
    problem: &'a Problem<'a, T>,
    args: &SubjectArgs,
    selection: Option<&ParamSelection>,
) -> Result<Operator<'a, T>> {
    let whole: Box<dyn SymmetricOperator<T> + 'a> = match (args.batch, args.operator) {
        (Some(batch_size), kind) => Box::new(Batched { problem, kind: kind.kind(), batch_size }),
        (None, OperatorArg::Hessian) => Box::new(Hessian(problem)),
        (None, OperatorArg::Ggn) => Box::new(GaussNewton(problem)),
        (None, OperatorArg::Fisher) => Box::new(EmpiricalFisher(problem)),
        (None, OperatorArg::Remainder) => Box::new(FunctionalRemainder(problem)),
    };
    let mut operator = Operator(whole);
    if let Some(selection) = selection {
        operator = Operator(Box::new(Restricted::new(operator, selection.clone())?));
    }
    if args.weight_decay != 0.0 {
        operator = Operator(Box::new(Shifted { operator, shift: T::from_f64(args.weight_decay) }));
    }
    Ok(operator)
}
