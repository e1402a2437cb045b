//! Arithmetic on constants: shapes, indices, masks and tables that a graph computes before any sample is seen.

mod arrange;
mod entrywise;
mod indexed;
mod made;
mod reduced;

use crate::error::OnnxError;
use crate::shapes::{Given, count};
use crate::tensor::{Budget, Element, Precision, Tensor};

/// The outputs of a node whose inputs are all constants; nothing if its operator is not known here.
pub(crate) fn evaluate(given: &Given<'_>, budget: &mut Budget) -> Result<Option<Vec<Tensor>>, OnnxError> {
    if let Some(made) = made::evaluate(given, budget)? {
        return Ok(Some(vec![made]));
    }
    let Some(first) = given.constant(0) else { return Ok(None) };
    if let Some(made) = entrywise::evaluate(given, first, budget)? {
        return Ok(Some(vec![made]));
    }
    if let Some(made) = arrange::evaluate(given, first, budget)? {
        return Ok(Some(made));
    }
    if let Some(made) = indexed::evaluate(given, first, budget)? {
        return Ok(Some(vec![made]));
    }
    reduced::evaluate(given, first, budget).map(|made| made.map(|made| vec![made]))
}

/// Takes the numbers of a tensor of `shape` out of the budget, before they are made.
fn spend(given: &Given<'_>, shape: &[usize], budget: &mut Budget) -> Result<(), OnnxError> {
    let label = || given.node.label.clone();
    let numbers = count(shape).ok_or_else(|| OnnxError::TooLarge { place: label() })?;
    budget.spend(numbers, label)
}

/// A tensor of the kind of `like`.
fn tensor(like: &Tensor, shape: Vec<usize>, values: Vec<f64>) -> Tensor {
    Tensor { shape, values: values.into(), precision: like.precision, element: like.element }
}

fn integers(shape: Vec<usize>, values: Vec<f64>) -> Tensor {
    Tensor { shape, values: values.into(), precision: Precision::Double, element: Element::Integer }
}

fn truths(shape: Vec<usize>, values: Vec<f64>) -> Tensor {
    Tensor { shape, values: values.into(), precision: Precision::Double, element: Element::Bool }
}

pub(crate) use arrange::permuted;
pub(crate) use indexed::{element_places, indices, keeps, places_nd};
pub(crate) use made::shape as shape_of;
pub(crate) use reduced::axes as reduced_axes;
