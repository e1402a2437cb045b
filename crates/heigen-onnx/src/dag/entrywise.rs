//! Operations entry by entry, with broadcasting.

use super::Reader;
use super::value::{Made, Value};
use super::write::comparison;
use crate::error::OnnxError;
use crate::graph::Node;
use crate::proto::data_type;
use crate::shapes::Given;
use crate::tensor::{Element, Tensor};
use heigen::vocabulary::graph::Comparison;
use heigen::vocabulary::{Approximate, Op};

/// The operators that leave their input as it is.
pub(super) fn same(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let value = reader.input(node, 0)?;
    let to = match node.operator.as_str() {
        "Dropout" => {
            let training = given.constant(2).is_some_and(|mode| mode.values.iter().any(|&m| m != 0.0));
            if training || (node.input(2).is_some() && given.constant(2).is_none()) {
                return Err(node.error("it is in training mode; export the model in evaluation mode"));
            }
            return Ok(value);
        }
        "Cast" => {
            let to = node.attributes.int("to", 0) as i32;
            Element::of(to).filter(|_| to != data_type::STRING).ok_or_else(|| {
                node.error(format!("it makes type {to} of what depends on the samples; expected numbers"))
            })?
        }
        "CastLike" => reader.input(node, 1)?.element(),
        _ => return Ok(value),
    };
    let Value::Made(made) = value else { return Ok(value) };
    let made = match (made.element, to) {
        (_, Element::Float) | (Element::Integer | Element::Bool, Element::Integer) | (Element::Bool, Element::Bool) => {
            made
        }
        (_, Element::Bool) => {
            let zero = reader.scalar(0.0);
            let (shape, place) = (made.shape.clone(), made.place);
            reader.push(node, Op::Compare { comparison: Comparison::NotEqual }, &[&made, &zero], shape, place)?
        }
        // The whole part: the sign times the whole part of the size.
        (Element::Float, Element::Integer) => {
            let (shape, place) = (made.shape.clone(), made.place);
            let size = reader.push(node, Op::Abs, &[&made], shape.clone(), place)?;
            let whole = reader.push(node, Op::Floor, &[&size], shape.clone(), place)?;
            let sign = reader.push(node, Op::Sign, &[&made], shape.clone(), place)?;
            reader.push(node, Op::Mul, &[&sign, &whole], shape, place)?
        }
    };
    Ok(Value::Made(Made { element: to, ..made }))
}

/// An operator of one tensor or of several of which each entry is made of entries at the same place.
pub(super) fn evaluate(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    if let Some(op) = of_one(given)? {
        let made = reader.tensor(node, 0)?;
        return reader.unary(node, op, &made).map(Value::Made);
    }
    let values: Vec<Value> = (0..node.inputs.len())
        .filter(|&i| node.input(i).is_some())
        .map(|i| reader.input(node, i))
        .collect::<Result<_, _>>()?;
    let truth = |made: Made| Value::Made(Made { element: Element::Bool, ..made });
    match node.operator.as_str() {
        "Selu" | "Shrink" | "Swish" => composite(reader, given),
        "Not" => {
            let one = Value::Constant(number(1.0));
            let not = reader.combined(node, &Op::Sub, vec![one, values[0].clone()])?;
            Ok(truth(not))
        }
        "Clip" => clip(reader, given),
        "PRelu" => prelu(reader, node),
        "Pow" => pow(reader, given, values),
        "And" => reader.combined(node, &Op::Mul, values).map(truth),
        "Or" => reader.combined(node, &Op::Maximum, values).map(truth),
        "Xor" => reader.combined(node, &Op::Compare { comparison: Comparison::NotEqual }, values).map(truth),
        "Where" if values.len() == 3 => {
            let element = values[1].element();
            let made = reader.combined(node, &Op::Where, values)?;
            Ok(Value::Made(Made { element, ..made }))
        }
        operator => {
            if let (Some(comparison), 2) = (comparison(operator), values.len()) {
                return reader.combined(node, &Op::Compare { comparison }, values).map(truth);
            }
            let op = match operator {
                "Add" | "Sum" | "Mean" => Op::Add,
                "Sub" => Op::Sub,
                "Mul" => Op::Mul,
                "Div" => Op::Div,
                "Max" => Op::Maximum,
                "Min" => Op::Minimum,
                _ => return Err(node.unsupported()),
            };
            arithmetic(reader, node, &op, values)
        }
    }
}

fn arithmetic(reader: &mut Reader<'_>, node: &Node, op: &Op, values: Vec<Value>) -> Result<Value, OnnxError> {
    let count = values.len();
    let whole = values.iter().all(|value| value.element() != Element::Float);
    let variadic = matches!(node.operator.as_str(), "Sum" | "Mean" | "Max" | "Min");
    if count == 0 || (!variadic && count != 2) {
        return Err(node.error(format!("it has {count} inputs")));
    }
    if *op == Op::Div
        && let Value::Constant(by) = &values[1]
        && by.values.contains(&0.0)
    {
        return Err(node.error("it divides by zero"));
    }
    let mut values = values.into_iter();
    let mut made = values.next().ok_or_else(|| node.error("it has no inputs"))?;
    for value in values {
        let next = reader.combined(node, op, vec![made, value])?;
        made = Value::Made(Made { element: if whole { Element::Integer } else { Element::Float }, ..next });
    }
    if node.operator == "Mean" {
        let by = Value::Constant(number(1.0 / count as f64));
        made = Value::Made(reader.combined(node, &Op::Mul, vec![made, by])?);
    }
    if whole
        && *op == Op::Div
        && let Value::Made(quotient) = made
    {
        let floor = reader.unary(node, Op::Floor, &quotient)?;
        made = Value::Made(Made { element: Element::Integer, ..floor });
    }
    Ok(made)
}

/// A constant number.
pub(super) fn number(value: f64) -> Tensor {
    Tensor { shape: vec![], values: [value].into(), precision: crate::Precision::Double, element: Element::Float }
}

fn of_one(given: &Given<'_>) -> Result<Option<Op>, OnnxError> {
    let attributes = &given.node.attributes;
    let decimal = |name: &str, default: f64| attributes.decimal(name, default);
    Ok(Some(match given.node.operator.as_str() {
        "Relu" => Op::Relu,
        "LeakyRelu" => Op::LeakyRelu { negative_slope: decimal("alpha", 0.01) },
        "ThresholdedRelu" => Op::Threshold { threshold: decimal("alpha", 1.0), value: 0.0 },
        "Elu" => Op::Elu { alpha: decimal("alpha", 1.0) },
        "Celu" => Op::Celu { alpha: decimal("alpha", 1.0) },
        "Gelu" => Op::Gelu {
            approximate: match attributes.text("approximate").as_deref() {
                None | Some("none") => Approximate::None,
                Some("tanh") => Approximate::Tanh,
                Some(other) => {
                    return Err(given.error(format!("its attribute approximate is {other:?}; expected none or tanh")));
                }
            },
        },
        "Mish" => Op::Mish,
        "HardSwish" => Op::Hardswish,
        "HardSigmoid" => {
            let alpha = decimal("alpha", 0.2);
            // PyTorch's 1/6, in single precision.
            let alpha =
                if attributes.has("alpha") { crate::tensor::unrounded(attributes.float("alpha", 0.2)) } else { alpha };
            Op::Hardsigmoid { alpha, beta: decimal("beta", 0.5) }
        }
        "Sigmoid" => Op::Sigmoid,
        "Tanh" => Op::Tanh,
        "Softplus" => Op::Softplus { beta: 1.0, threshold: 20.0 },
        "Softsign" => Op::Softsign,
        "Exp" => Op::Exp,
        "Log" => Op::Log,
        "Sqrt" => Op::Sqrt,
        "Reciprocal" => Op::Reciprocal,
        "Erf" => Op::Erf,
        "Sin" => Op::Sin,
        "Cos" => Op::Cos,
        "Abs" => Op::Abs,
        "Sign" => Op::Sign,
        "Floor" => Op::Floor,
        "Ceil" => Op::Ceil,
        "Round" => Op::Round,
        "Neg" => Op::Neg,
        _ => return Ok(None),
    }))
}

fn composite(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let made = reader.tensor(node, 0)?;
    let float = |name: &str, default: f64| node.attributes.decimal(name, default);
    let op = match node.operator.as_str() {
        "Selu" => {
            const ALPHA: f64 = 1.673_263_242_354_377_2;
            const GAMMA: f64 = 1.050_700_987_355_480_5;
            let near = |name: &str, own: f64| (float(name, own) - own).abs() < 1e-6;
            if near("alpha", ALPHA) && near("gamma", GAMMA) {
                Op::Selu
            } else {
                let elu = reader.unary(node, Op::Elu { alpha: float("alpha", ALPHA) }, &made)?;
                let by = Value::Constant(number(float("gamma", GAMMA)));
                return reader.combined(node, &Op::Mul, vec![Value::Made(elu), by]).map(Value::Made);
            }
        }
        "Swish" => {
            let alpha = float("alpha", 1.0);
            if (alpha - 1.0).abs() > 0.0 {
                let by = Value::Constant(number(alpha));
                let scaled = reader.combined(node, &Op::Mul, vec![Value::Made(made.clone()), by])?;
                let gate = reader.unary(node, Op::Sigmoid, &scaled)?;
                let values = vec![Value::Made(made), Value::Made(gate)];
                return reader.combined(node, &Op::Mul, values).map(Value::Made);
            }
            Op::Silu
        }
        _ => {
            let (lambd, bias) = (float("lambd", 0.5), float("bias", 0.0));
            if bias == lambd {
                Op::Softshrink { lambd }
            } else if bias == 0.0 {
                Op::Hardshrink { lambd }
            } else {
                return Err(
                    node.error(format!("its lambd is {lambd} and its bias {bias}; expected a bias of 0 or of lambd"))
                );
            }
        }
    };
    reader.unary(node, op, &made).map(Value::Made)
}

fn clip(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let bound = |i: usize, name: &str| -> Result<Option<f64>, OnnxError> {
        let number = match given.number(i, name)? {
            None if node.attributes.has(name) => Some(node.attributes.decimal(name, 0.0)),
            None => None,
            Some(number) => Some(number),
        };
        Ok(number.filter(|n| n.abs() < f64::from(f32::MAX)))
    };
    let (min, max) = (bound(1, "min")?, bound(2, "max")?);
    let made = reader.tensor(node, 0)?;
    if min.is_none() && max.is_none() {
        return Ok(Value::Made(made));
    }
    reader.unary(node, Op::Clip { min, max }, &made).map(Value::Made)
}

/// The operator takes a slope that broadcasts; the graph's takes one, or one for each channel.
fn prelu(reader: &mut Reader<'_>, node: &Node) -> Result<Value, OnnxError> {
    let (x, slope) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?);
    let numbers: usize = slope.shape.iter().product();
    let channels = x.shape.get(1).copied().unwrap_or(1);
    let axis = (slope.shape.len() + 1).checked_sub(x.shape.len());
    let by_channel = numbers == channels && axis.is_some_and(|axis| slope.shape.get(axis) == Some(&channels));
    if slope.place.is_none() && (numbers == 1 || by_channel) {
        let flat = if slope.shape.len() == 1 {
            slope
        } else {
            reader.push(node, Op::Reshape { shape: vec![numbers] }, &[&slope], vec![numbers], None)?
        };
        let (shape, place) = (x.shape.clone(), x.place);
        return reader.push(node, Op::Prelu, &[&x, &flat], shape, place).map(Value::Made);
    }
    // max(0, x) + slope min(0, x).
    let zero = Value::Constant(number(0.0));
    let above = reader.unary(node, Op::Relu, &x)?;
    let below = reader.combined(node, &Op::Minimum, vec![Value::Made(x), zero])?;
    let scaled = reader.combined(node, &Op::Mul, vec![Value::Made(slope), Value::Made(below)])?;
    reader.combined(node, &Op::Add, vec![Value::Made(above), Value::Made(scaled)]).map(Value::Made)
}

fn pow(reader: &mut Reader<'_>, given: &Given<'_>, values: Vec<Value>) -> Result<Value, OnnxError> {
    let node = given.node;
    if let Some(exponent) = given.constant(1) {
        let first = exponent.values.first().copied().unwrap_or(1.0);
        let rank = values[0].shape().len();
        if exponent.values.iter().all(|&e| e == first) && exponent.shape.len() <= rank && exponent.is_scalar() {
            let x = reader.tensor(node, 0)?;
            return reader.unary(node, Op::PowScalar { exponent: first }, &x).map(Value::Made);
        }
    }
    reader.combined(node, &Op::Pow, values).map(Value::Made)
}

impl Reader<'_> {
    /// An operation on one tensor that leaves its shape.
    pub(super) fn unary(&mut self, node: &Node, op: Op, made: &Made) -> Result<Made, OnnxError> {
        self.push(node, op, &[made], made.shape.clone(), made.place)
    }
}
