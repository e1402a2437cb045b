//! Arithmetic with constants, which is a bias, a scaling or part of a GELU, and sums of two branches.

use crate::affine::{Affine, Scaling};
use crate::error::OnnxError;
use crate::expression::Expression;
use crate::graph::{Node, NodeId, ValueId};
use crate::hints::Role;
use crate::step::Kind;
use crate::tensor::{MOST_AXES, Tensor};
use crate::value::{Data, Held, Size, Value, shown};
use crate::walk::Walk;
use heigen::vocabulary::LayerSpec;

/// An operator of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Sub,
    Mul,
    Div,
}

impl Operation {
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
        (Value::Data(_), Value::Constant(c, origin)) => with_constant(walk, id, node, operation, 0, (&c, origin)),
        (Value::Constant(c, origin), Value::Data(_)) => with_constant(walk, id, node, operation, 1, (&c, origin)),
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
    (c, origin): (&Tensor, Option<ValueId>),
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
        return scaled_by_number(walk, id, node, data, &scaling, Some((id, origin)));
    }
    let data = match channels_of(node, &data, c)? {
        Channels::Features => walk.features(node, at)?,
        Channels::Image => walk.images(node, at)?.0,
        Channels::LastOfSamples => walk.channels_last(node, at)?,
    };
    let step = walk.steps.get(data.step).clone();
    if let (Kind::Affine(layer), true) = (&step.kind, scaling.scales_nothing())
        && let Some(biased) = biased(walk, layer, &scaling.shift, c, origin)
    {
        let step = walk.steps.push(step.parent, Kind::Affine(biased), step.form, step.node);
        return Ok(Value::Data(Data::finished(step, data.axes)));
    }
    walk.scaled(&data, &scaling, id, &[(id, origin)]).map(Value::Data)
}

/// The layer with `shift` as its bias, if it has none yet.
fn biased(walk: &Walk<'_>, layer: &Affine, shift: &[f64], c: &Tensor, origin: Option<ValueId>) -> Option<Affine> {
    let zeros = shift.iter().all(|&s| s == 0.0);
    if layer.bias.is_some() || shift.len() != layer.outputs() || (zeros && walk.graph.role(origin) == Role::Made) {
        return None;
    }
    let bias = Tensor { shape: vec![shift.len()], values: shift.into(), ..c.clone() };
    Some(Affine { bias: Some(bias), bias_origin: origin, ..layer.clone() })
}

fn scaled_by_number(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    mut data: Data,
    scaling: &Scaling,
    held: Option<Held>,
) -> Result<Value, OnnxError> {
    const MOST_HELD: usize = 32;
    let (scale, shift) = (scaling.scale[0], scaling.shift[0]);
    let product = data.pending.times(&Expression::constant(scale));
    let sum = product.and_then(|product| product.plus(&Expression::constant(shift)));
    data.pending = sum.ok_or_else(|| no_layer(node))?;
    data.by = Some(id);
    data.held.extend(held);
    if data.held.len() > MOST_HELD {
        return Err(node.error(format!("more than {MOST_HELD} operations with numbers come one after the other")));
    }
    Ok(walk.recognised(data, id))
}

/// The axis along which a constant has one number for each place.
enum Channels {
    Features,
    Image,
    /// The last axis of samples [N, rows, columns, channels].
    LastOfSamples,
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
        [_, _, c] if ends_in(&[c]) => Ok(Channels::LastOfSamples),
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
    if a.step == b.step && a.axes == b.axes {
        let (x, y) = (a.pending, b.pending);
        let result = match operation {
            Operation::Add => x.plus(&y),
            Operation::Sub => x.plus(&y.negative()),
            Operation::Mul => x.times(&y),
            Operation::Div => None,
        };
        a.pending = result.ok_or_else(|| no_layer(node))?;
        a.by = Some(id);
        return Ok(walk.recognised(a, id));
    }
    let of_sigmoid = |x: &Data, y: &Data| {
        let step = walk.steps.get(y.step);
        matches!(step.kind, Kind::Layer(LayerSpec::Sigmoid)) && step.parent == x.step
    };
    if operation == Operation::Mul && (of_sigmoid(&a, b) || of_sigmoid(b, &a)) {
        return Err(node.error(
            "x * sigmoid(x), a SiLU or Swish: heigen does not have this activation yet; it has ReLU, tanh, sigmoid, \
             softplus and GELU",
        ));
    }
    if operation != Operation::Add {
        return Err(node.error(
            "it takes two values that both depend on the samples; heigen has no layer for that yet but their sum, a \
             residual block",
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
            1 => (walk.features(node, 0)?, walk.features(node, 1)?),
            3 => (walk.images(node, 0)?.0, walk.images(node, 1)?.0),
            _ => return Err(unequal()),
        };
    }
    let step = walk.steps.join([a.step, b.step], id);
    Ok(Value::Data(Data::finished(step, a.axes)))
}

pub(super) fn negative(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.raw_data(node, 0)?;
    scaled_by_number(walk, id, node, data, &Scaling::by(-1.0), None)
}

/// x^1, x^2 and x^3, which stand inside a GELU.
pub(super) fn power(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let mut data = walk.raw_data(node, 0)?;
    let exponent = walk.constant(node, 1, "exponent")?.filter(|(e, _)| e.is_scalar()).map(|(e, _)| e.values[0]);
    let x = data.pending;
    let power = match exponent {
        Some(1.0) => Some(x),
        Some(2.0) => x.times(&x),
        Some(3.0) => x.times(&x).and_then(|square| square.times(&x)),
        _ => None,
    };
    data.pending = power.ok_or_else(|| no_layer(node))?;
    data.by = Some(id);
    Ok(Value::Data(data))
}

/// The operator of traditional machine learning that computes (x - offset) * scale.
pub(super) fn scaler(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.features(node, 0)?;
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
    let shift = Scaling { scale: vec![1.0], shift: offset.iter().map(|o| -o).collect() };
    let scaling = shift.then(&Scaling { scale, shift: vec![0.0] });
    walk.budget.spend(scaling.len(), || node.label.clone())?;
    walk.scaled(&data, &scaling, id, &[]).map(Value::Data)
}

fn no_layer(node: &Node) -> OnnxError {
    node.error("it is part of arithmetic that no layer expresses; expected a GELU, or a scaling")
}
