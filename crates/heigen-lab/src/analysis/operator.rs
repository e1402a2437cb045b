//! The matrix that is asked for, put together from the library's operators.

use super::request::Matter;
use crate::LabError;
use crate::error::{Choice, OfJob};
use heigen::curvature::{
    Batched, ByRows, EmpiricalFisher, FunctionalRemainder, GaussNewton, Hessian, Host, IndexRanges, OperatorKind,
    Problem, Restricted, Spread, SymmetricOperator,
};
use heigen::linalg::Scalar;

/// Any symmetric operator.
pub(super) type Operator<'a, T> = Box<dyn SymmetricOperator<Host<T>> + 'a>;

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
    // The loss that belongs to the operator of mini-batches is that of mini-batches.
    Ok(match matter.batch {
        Some(size) => problem.in_batches(size),
        None => problem,
    })
}

/// The operator of `problem`, with its weight decay, restricted to `selection`.
pub(super) fn operator<'a, T: Scalar>(
    problem: &'a Problem<'a, T>,
    matter: &Matter,
    selection: Option<&IndexRanges>,
) -> Result<Operator<'a, T>, LabError> {
    let mut operator: Operator<'a, T> = match (matter.batch, matter.operator) {
        (Some(batch_size), kind) => Box::new(Batched { problem, kind, batch_size }),
        (None, OperatorKind::Hessian) => Box::new(Hessian(problem)),
        (None, OperatorKind::GaussNewton) => Box::new(GaussNewton(problem)),
        (None, OperatorKind::EmpiricalFisher) => Box::new(EmpiricalFisher(problem)),
        (None, OperatorKind::FunctionalRemainder) => Box::new(FunctionalRemainder(problem)),
    };
    if let Some(selection) = selection {
        operator = Box::new(Restricted::new(operator, selection.clone())?);
    }
    Ok(operator)
}

/// [`operator`] for vectors whose rows are spread over the processes that the problem's samples are dealt to.
pub(super) fn operator_by_rows<'a, T: Scalar>(
    problem: &'a Problem<'a, T>,
    matter: &Matter,
    selection: Option<&IndexRanges>,
) -> Result<Box<dyn SymmetricOperator<Spread<T>> + 'a>, LabError> {
    let operator = ByRows::new(problem, matter.operator);
    Ok(match selection {
        Some(selection) => Box::new(Restricted::new(operator, selection.clone())?),
        None => Box::new(operator),
    })
}
