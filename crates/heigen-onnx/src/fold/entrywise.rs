//! Functions of one number, two or three, entry by entry, with broadcasting.

use super::{spend, tensor, truths};
use crate::error::OnnxError;
use crate::shapes::{Given, broadcast};
use crate::strided::{read, repeated};
use crate::tensor::{Budget, Element, Precision, Tensor};

pub(super) fn evaluate(given: &Given<'_>, first: &Tensor, budget: &mut Budget) -> Result<Option<Tensor>, OnnxError> {
    let operator = given.node.operator.as_str();
    match operator {
        "Identity" | "Dropout" => return Ok(Some(first.clone())),
        "Cast" => {
            let to = given.node.attributes.int("to", 0) as i32;
            let element = Element::of(to);
            let element = element.ok_or_else(|| {
                given.error(format!("it makes type {to} of a constant; expected numbers or truth values"))
            })?;
            let single = matches!(to, crate::proto::data_type::FLOAT);
            return cast(given, first, element, single, budget).map(Some);
        }
        "CastLike" => {
            let Some(like) = given.constant(1) else { return Ok(None) };
            return cast(given, first, like.element, false, budget).map(Some);
        }
        "Where" => {
            let (Some(a), Some(b)) = (given.constant(1), given.constant(2)) else { return Ok(None) };
            let rest = broadcast(&a.shape, &b.shape).and_then(|shape| broadcast(&shape, &first.shape));
            let shape = rest.ok_or_else(|| given.error("it chooses between tensors of different shapes"))?;
            spend(given, &shape, budget)?;
            let spread = |t: &Tensor| read(&t.values, &shape, &repeated(&t.shape, &shape), 0);
            let (c, x, y) = (spread(first), spread(a), spread(b));
            let values = c.iter().zip(x.iter().zip(&y)).map(|(&c, (&x, &y))| if c == 0.0 { y } else { x }).collect();
            return Ok(Some(tensor(a, shape, values)));
        }
        _ => {}
    }
    if let Some(f) = of_one(operator) {
        spend(given, &first.shape, budget)?;
        let values: Vec<f64> = first.values.iter().map(|&v| f(v)).collect();
        return Ok(Some(tensor(first, first.shape.clone(), values)));
    }
    let whole = first.element != Element::Float;
    let Some((f, is_truth)) = of_two(operator, whole) else { return Ok(None) };
    let mut result = first.clone();
    for i in 1..given.inputs.len() {
        let Some(other) = given.constant(i) else { return Ok(None) };
        let shape = broadcast(&result.shape, &other.shape);
        let shape = shape
            .ok_or_else(|| given.error(format!("it takes constants of {:?} and {:?}", result.shape, other.shape)))?;
        spend(given, &shape, budget)?;
        let values: Vec<f64> = if result.shape == other.shape {
            result.values.iter().zip(other.values.iter()).map(|(&a, &b)| f(a, b)).collect()
        } else {
            let spread = |t: &Tensor| read(&t.values, &shape, &repeated(&t.shape, &shape), 0);
            let (a, b) = (spread(&result), spread(other));
            a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect()
        };
        let element = if result.element == Element::Float || other.element == Element::Float {
            Element::Float
        } else {
            result.element
        };
        result = Tensor { shape, values: values.into(), precision: result.precision.max(other.precision), element };
    }
    if is_truth {
        result = truths(result.shape, result.values.to_vec());
    }
    if operator == "Mean" {
        let n = given.inputs.len() as f64;
        result.values = result.values.iter().map(|v| v / n).collect();
    }
    Ok(Some(result))
}

fn cast(
    given: &Given<'_>,
    from: &Tensor,
    element: Element,
    single: bool,
    budget: &mut Budget,
) -> Result<Tensor, OnnxError> {
    let convert: fn(f64) -> f64 = match element {
        Element::Float if single => |v| f64::from(v as f32),
        Element::Float => return Ok(Tensor { element, ..from.clone() }),
        Element::Integer => f64::trunc,
        Element::Bool => |v| f64::from(u8::from(v != 0.0)),
    };
    spend(given, &from.shape, budget)?;
    let values = from.values.iter().map(|&v| convert(v)).collect();
    let precision = if single { Precision::Single } else { Precision::Double };
    let precision = if element == Element::Float { precision.min(from.precision) } else { precision };
    Ok(Tensor { shape: from.shape.clone(), values, precision, element })
}

/// A function of two numbers.
type OfTwo = fn(f64, f64) -> f64;

fn of_one(operator: &str) -> Option<fn(f64) -> f64> {
    Some(match operator {
        "Neg" => |v| -v,
        "Abs" => f64::abs,
        "Sqrt" => f64::sqrt,
        "Exp" => f64::exp,
        "Log" => f64::ln,
        "Reciprocal" => f64::recip,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        "Sin" => f64::sin,
        "Cos" => f64::cos,
        "Tanh" => f64::tanh,
        "Relu" => |v| v.max(0.0),
        "Sigmoid" => |v| 1.0 / (1.0 + (-v).exp()),
        "Sign" => |v| if v == 0.0 { 0.0 } else { v.signum() },
        "Not" => |v| f64::from(u8::from(v == 0.0)),
        _ => return None,
    })
}

/// The function of two numbers, and whether its results are truth values; `whole` says that the numbers are integers.
fn of_two(operator: &str, whole: bool) -> Option<(OfTwo, bool)> {
    const fn number(truth: bool) -> f64 {
        if truth { 1.0 } else { 0.0 }
    }
    let f: OfTwo = match operator {
        "Add" | "Sum" | "Mean" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" if whole => |a, b| (a / b).trunc(),
        "Div" => |a, b| a / b,
        "Pow" => f64::powf,
        "Mod" => |a, b| if b == 0.0 { f64::NAN } else { a - b * (a / b).floor() },
        "Min" => f64::min,
        "Max" => f64::max,
        "Equal" => |a, b| number(a == b),
        "Less" => |a, b| number(a < b),
        "LessOrEqual" => |a, b| number(a <= b),
        "Greater" => |a, b| number(a > b),
        "GreaterOrEqual" => |a, b| number(a >= b),
        "And" => |a, b| number(a != 0.0 && b != 0.0),
        "Or" => |a, b| number(a != 0.0 || b != 0.0),
        "Xor" => |a, b| number((a != 0.0) != (b != 0.0)),
        _ => return None,
    };
    let arithmetic = ["Add", "Sum", "Mean", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max"];
    Some((f, !arithmetic.contains(&operator)))
}
