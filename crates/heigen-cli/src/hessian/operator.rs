//! The matrix that is asked for, put together from the library's operators.

use crate::args::{OperatorArg, SubjectArgs};
use anyhow::{Context, Result};
use heigen::curvature::{
    Batched, EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, Host, IndexRanges, Problem, Restricted,
    Shifted, SymmetricOperator,
};
use heigen::linalg::Scalar;

/// Any symmetric operator.
pub(crate) type Operator<'a, T> = Box<dyn SymmetricOperator<Host<T>> + 'a>;

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
    selection: Option<&IndexRanges>,
) -> Result<Operator<'a, T>> {
    let mut operator: Operator<'a, T> = match (args.batch, args.operator) {
        (Some(batch_size), kind) => Box::new(Batched { problem, kind: kind.kind(), batch_size }),
        (None, OperatorArg::Hessian) => Box::new(Hessian(problem)),
        (None, OperatorArg::Ggn) => Box::new(GaussNewton(problem)),
        (None, OperatorArg::Fisher) => Box::new(EmpiricalFisher(problem)),
        (None, OperatorArg::Remainder) => Box::new(FunctionalRemainder(problem)),
    };
    if let Some(selection) = selection {
        operator = Box::new(Restricted::new(operator, selection.clone())?);
    }
    if args.weight_decay != 0.0 {
        operator = Box::new(Shifted { operator, shift: args.weight_decay });
    }
    Ok(operator)
}
