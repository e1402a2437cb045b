//! Arithmetic with constants, which becomes part of linear layers or of a GELU, and sums of two branches.

use crate::affine::Scaling;
use crate::error::OnnxError;
use crate::expression::Expression;
use crate::graph::{Node, NodeId};
use crate::step::Kind;
use crate::tensor::{MOST_AXES, Tensor};
use crate::value::{Data, Pending, Size, Value, shown};
use crate::walk::Walk;

/// An operator of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Sub,
    Mul,
    Div,
}

impl Operation {
    pub(super) fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        }
    }

    /// The operation on x and the constant c as a scale and a shift of x; `first` says that x is the first operand.
    fn scaling(self, c: f64, first: bool) -> Option<(f64, f64)> {
        Some(match (self, first) {
            (Self::Add, _) => (1.0, c),
            (Self::Sub, true) => (1.0, -c),
            (Self::Sub, false) => (-1.0, c),
            (Self::Mul, _) => (c, 0.0),
            (Self::Div, true) if c != 0.0 => (1.0 / c, 0.0),
            (Self::Div, _) => return None,
        })
    }
}

pub(super) fn binary(walk: &mut Walk<'_>, id: NodeId, node: &Node, operation: Operation) -> Result<Value, OnnxError> {
    match (walk.input(node, 0)?, walk.input(node, 1)?) {
        (Value::Data(_), Value::Constant(c, _)) => with_constant(walk, id, node, operation, 0, &c),
        (Value::Constant(c, _), Value::Data(_)) => with_constant(walk, id, node, operation, 1, &c),
        (Value::Data(a), Value::Data(b)) => of_two(walk, id, node, operation, a, &b),
        _ => Err(node.error("it takes sizes of a tensor together with numbers; expected samples and constants")),
    }
}

/// The operation on samples, which are input `at` of `node`, and the constant `c`, which is the other input.
fn with_constant(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    operation: Operation,
    at: usize,
    c: &Tensor,
) -> Result<Value, OnnxError> {
    let undefined = || node.error("it divides by zero, or by what depends on the samples");
    let pairs =
        c.values.iter().map(|&c| operation.scaling(c, at == 0)).collect::<Option<Vec<_>>>().ok_or_else(undefined)?;
    walk.budget.spend(2 * pairs.len(), || node.label.clone())?;
    let scaling = Scaling {
        scale: pairs.iter().map(|&(scale, _)| scale).collect(),
        shift: pairs.iter().map(|&(_, shift)| shift).collect(),
    };
    let data = walk.raw_data(node, at)?;
    // A bias of one number is one all the same: it must not become part of a GELU after it.
    let of_one_feature = data.axes.sample().is_some_and(|s| s == [1]) && !c.shape.is_empty();
    if c.is_scalar() && !of_one_feature && c.shape.len() <= data.axes.rank() {
        return scaled_by_number(walk, id, node, data, &scaling);
    }
    let channels = channels_of(node, &data, c)?;
    let data = match channels {
        Channels::Features => walk.features(node, at, true)?,
        Channels::Image => walk.images(node, at, true)?.0,
    };
    scaled(walk, id, node, data, &scaling)
}

fn scaled_by_number(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    mut data: Data,
    scaling: &Scaling,
) -> Result<Value, OnnxError> {
    let (scale, shift) = (scaling.scale[0], scaling.shift[0]);
    let next = match &data.pending {
        Pending::Scaling(before) => Some(Pending::Scaling(before.then(scaling))),
        Pending::Expression(before) => before
            .times(&Expression::constant(scale))
            .and_then(|product| product.plus(&Expression::constant(shift)))
            .map(Pending::Expression),
    };
    data.pending = next.ok_or_else(|| no_layer(node))?;
    if let Pending::Scaling(scaling) = &data.pending {
        walk.budget.spend(scaling.scale.len() + scaling.shift.len(), || node.label.clone())?;
    }
    data.by = Some(id);
    Ok(walk.recognised(data, id))
}

/// `data` with every feature or channel scaled by its own number.
fn scaled(walk: &mut Walk<'_>, id: NodeId, node: &Node, mut data: Data, next: &Scaling) -> Result<Value, OnnxError> {
    let before = data.scaling().ok_or_else(|| no_layer(node))?;
    walk.budget.spend(before.scale.len() + next.scale.len(), || node.label.clone())?;
    data.pending = Pending::Scaling(before.then(next));
    data.by = Some(id);
    if matches!(walk.steps.get(data.step).kind, Kind::Affine(_)) {
        data = walk.finish(&data, node)?;
    }
    Ok(Value::Data(data))
}

/// The axis along which a constant has one number for each place.
enum Channels {
    Features,
    Image,
}

fn channels_of(node: &Node, data: &Data, c: &Tensor) -> Result<Channels, OnnxError> {
    let sample = data.axes.sample().unwrap_or_default();
    let mut shape = vec![1; MOST_AXES.saturating_sub(c.shape.len())];
    shape.extend(&c.shape);
    let ends_in = |wanted: &[usize]| {
        let before = shape.len() - wanted.len();
        c.shape.len() <= data.axes.rank() && shape[before..] == *wanted && shape[..before].iter().all(|&n| n == 1)
    };
    match sample[..] {
        [d] if ends_in(&[d]) => Ok(Channels::Features),
        [c, _, _] if ends_in(&[c, 1, 1]) => Ok(Channels::Image),
        _ => {
            let (got, with) = (shown(&data.axes.sizes()), &c.shape);
            Err(node.error(format!(
                "it gets {got} and a constant {with:?}; expected one number, or one for each feature \
                                    of [N, d] or channel of [N, c, h, w]"
            )))
        }
    }
}

fn of_two(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    operation: Operation,
    mut a: Data,
    b: &Data,
) -> Result<Value, OnnxError> {
    if let (Pending::Expression(x), Pending::Expression(y)) = (&a.pending, &b.pending)
        && a.step == b.step
        && a.axes == b.axes
    {
        let result = match operation {
            Operation::Add => x.plus(y),
            Operation::Sub => x.plus(&y.negative()),
            Operation::Mul => x.times(y),
            Operation::Div => None,
        };
        a.pending = Pending::Expression(result.ok_or_else(|| no_layer(node))?);
        a.by = Some(id);
        return Ok(walk.recognised(a, id));
    }
    if operation != Operation::Add {
        return Err(node.error(
            "it takes two values that both depend on the samples; no layer but their sum, a residual \
                               block, is expressed",
        ));
    }
    join(walk, id, node)
}

/// The sum of two branches.
fn join(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let (mut a, mut b) = (walk.data(node, 0)?, walk.data(node, 1)?);
    let (left, right): (Vec<Size>, Vec<Size>) = (a.axes.sizes(), b.axes.sizes());
    let unequal = || node.error(format!("it adds {} to {}; expected two equal shapes", shown(&right), shown(&left)));
    if a.axes != b.axes {
        return Err(unequal());
    }
    if walk.steps.get(a.step).form != walk.steps.get(b.step).form {
        (a, b) = match a.axes.sample().unwrap_or_default().len() {
            1 => (walk.features(node, 0, false)?, walk.features(node, 1, false)?),
            3 => (walk.images(node, 0, false)?.0, walk.images(node, 1, false)?.0),
            _ => return Err(unequal()),
        };
    }
    let step = walk.steps.join([a.step, b.step], id);
    Ok(Value::Data(Data::finished(step, a.axes)))
}

pub(super) fn negative(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.raw_data(node, 0)?;
    scaled_by_number(walk, id, node, data, &Scaling { scale: [-1.0].into(), shift: [0.0].into() })
}

/// x^1, x^2 and x^3, which stand inside a GELU.
pub(super) fn power(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let mut data = walk.raw_data(node, 0)?;
    let exponent = walk.constant(node, 1, "exponent")?.filter(|(e, _)| e.is_scalar()).map(|(e, _)| e.values[0]);
    let Pending::Expression(x) = &data.pending else {
        return Err(no_layer(node));
    };
    let power = match exponent {
        Some(1.0) => Some(*x),
        Some(2.0) => x.times(x),
        Some(3.0) => x.times(x).and_then(|square| square.times(x)),
        _ => None,
    };
    data.pending = Pending::Expression(power.ok_or_else(|| no_layer(node))?);
    data.by = Some(id);
    Ok(Value::Data(data))
}

/// The operator of traditional machine learning that computes (x - offset) * scale.
pub(super) fn scaler(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.features(node, 0, true)?;
    let n = data.axes.sample().unwrap_or_default().iter().product::<usize>();
    let list = |name: &str, default: f32| -> Result<Vec<f64>, OnnxError> {
        let values =
            node.attributes.floats(name).filter(|values| !values.is_empty()).unwrap_or(std::slice::from_ref(&default));
        if values.len() != 1 && values.len() != n {
            return Err(node.error(format!("its attribute {name} has {} numbers; expected 1 or {n}", values.len())));
        }
        Ok(values.iter().copied().map(f64::from).collect())
    };
    let (offset, scale) = (list("offset", 0.0)?, list("scale", 1.0)?);
    let shift = Scaling { scale: [1.0].into(), shift: offset.iter().map(|o| -o).collect() };
    let scaling = shift.then(&Scaling { scale: scale.into(), shift: [0.0].into() });
    scaled(walk, id, node, data, &scaling)
}

fn no_layer(node: &Node) -> OnnxError {
    node.error("it is part of arithmetic that no layer expresses; expected a GELU, or a scaling beside a linear layer")
}
