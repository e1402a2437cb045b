//! Functions and arithmetic, entry by entry.

use super::super::softmax::{Along, Kind, Softmax};
use super::super::step::Step;
use super::shapes::broadcast;
use super::value::Value;
use super::{Built, Lowering};
use crate::model::{Function, Layer, Smooth};
use crate::vocabulary::graph::Comparison;
use crate::vocabulary::{Activation, Approximate, Op};

/// The function of an operation that is one.
pub(super) fn function(op: &Op) -> Option<Function> {
    let smooth = match *op {
        Op::Relu => return Some(Function::Activation(Activation::Relu)),
        Op::Gelu { approximate: Approximate::None } => return Some(Function::Activation(Activation::Gelu)),
        Op::Gelu { approximate: Approximate::Tanh } => return Some(Function::Activation(Activation::GeluTanh)),
        Op::Tanh => return Some(Function::Activation(Activation::Tanh)),
        Op::Sigmoid => return Some(Function::Activation(Activation::Sigmoid)),
        Op::Rsqrt => return Some(Function::InverseSqrt { epsilon: 0.0 }),
        Op::LeakyRelu { negative_slope } => Smooth::LeakyRelu(negative_slope),
        Op::Elu { alpha } => Smooth::Elu { alpha, scale: 1.0, width: 1.0 },
        // The constants of arXiv:1706.02515.
        Op::Selu => Smooth::Elu { alpha: 1.673_263_242_354_377_2, scale: 1.050_700_987_355_480_5, width: 1.0 },
        Op::Celu { alpha } => Smooth::Elu { alpha, scale: 1.0, width: alpha },
        Op::Silu => Smooth::Silu,
        Op::Mish => Smooth::Mish,
        Op::Hardswish => Smooth::Hardswish,
        Op::Hardsigmoid { alpha, beta } => Smooth::Hardsigmoid { scale: alpha, shift: beta },
        Op::Softplus { beta, threshold } => Smooth::Softplus { beta, threshold },
        Op::Softsign => Smooth::Softsign,
        Op::LogSigmoid => Smooth::LogSigmoid,
        Op::Softshrink { lambd } => Smooth::Softshrink(lambd),
        Op::Hardshrink { lambd } => Smooth::Hardshrink(lambd),
        Op::Threshold { threshold, value } => Smooth::Threshold { threshold, value },
        Op::Exp => Smooth::Exp,
        Op::Expm1 => Smooth::Expm1,
        Op::Log => Smooth::Log,
        Op::Log1p => Smooth::Log1p,
        Op::Sqrt => Smooth::Sqrt,
        Op::Reciprocal => Smooth::Reciprocal,
        Op::Erf => Smooth::Erf,
        Op::Sin => Smooth::Sin,
        Op::Cos => Smooth::Cos,
        Op::Abs => Smooth::Abs,
        Op::Sign => Smooth::Sign,
        Op::Floor => Smooth::Floor,
        Op::Ceil => Smooth::Ceil,
        Op::Round => Smooth::Round,
        Op::Clip { min, max } => Smooth::Clip(min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY)),
        Op::PowScalar { exponent } => Smooth::Power(exponent),
        _ => return None,
    };
    Some(Function::Smooth(smooth))
}

impl Lowering<'_> {
    /// A step that leaves shape and order as they are.
    fn same(&mut self, step: Step, inputs: Vec<usize>, like: &Value) -> Value {
        let (size, rows) = (self.nodes[like.node].size, self.nodes[like.node].rows);
        Value { node: self.push(step, inputs, size, rows), ..like.clone() }
    }

    pub(super) fn elementwise(&mut self, x: &Value, f: Function) -> Value {
        self.same(Step::Elementwise(f), vec![x.node], x)
    }

    pub(super) fn smooth(&mut self, x: &Value, f: Smooth) -> Value {
        self.elementwise(x, Function::Smooth(f))
    }

    /// scale x + shift.
    pub(super) fn scaled(&mut self, x: &Value, scale: f64, shift: f64) -> Value {
        self.smooth(x, Smooth::Affine { scale, shift })
    }

    pub(super) fn negate(&mut self, x: &Value) -> Value {
        self.same(Step::Negate, vec![x.node], x)
    }

    /// The one number of a tensor that is a constant number.
    fn number(&self, x: &Value) -> Option<f64> {
        match &self.nodes[x.node].step {
            Step::Constant(values) => match values[..] {
                [one] => Some(one),
                _ => None,
            },
            _ => None,
        }
    }

    /// Two tensors broadcast to one shape, with their axes in one order and in columns of one length; the first one depends
    /// on the sample if any does. Says whether they were exchanged.
    fn aligned(&mut self, a: &Value, b: &Value) -> Built<(Value, Value, bool)> {
        let shape = broadcast(&a.shape, &b.shape)
            .ok_or_else(|| format!("the shapes {:?} and {:?} do not broadcast", a.shape, b.shape))?;
        super::product(&shape).ok_or("the result is too large")?;
        let shared = |x: &Value| self.nodes[x.node].shared;
        // The tensor whose order is kept is one of the whole shape, rather one that depends on the sample.
        let rank = |x: &Value| (x.shape == shape, !shared(x), x.size());
        let exchanged = shared(a) && !shared(b);
        let order = if rank(b) > rank(a) { order_for(b, &shape) } else { order_for(a, &shape) };
        let (a, b) = if exchanged { (b, a) } else { (a, b) };
        let spans_rows = self.spans_rows(a, b, &shape, &order);
        let mut wide = |x: &Value| {
            if x.shape == shape { self.ordered(x, &order) } else { self.expanded(x, &shape, &order) }
        };
        let first = wide(a);
        if spans_rows {
            let second = Value { shape: shape.clone(), order: order.clone(), ..b.clone() };
            let second = Value { node: self.features(b).node, ..second };
            return Ok((first, second, exchanged));
        }
        let second = wide(b);
        let of = |x: &Value| &self.nodes[x.node];
        if of(&first).rows == of(&second).rows && of(&first).shared == of(&second).shared {
            return Ok((first, second, exchanged));
        }
        Ok((self.features(&first), self.features(&second), exchanged))
    }

    /// Whether `b` is the same for all samples and has one number for each row of `a`, whose columns are runs of the innermost
    /// axis.
    fn spans_rows(&self, a: &Value, b: &Value, shape: &[usize], order: &[usize]) -> bool {
        let (of_a, of_b) = (&self.nodes[a.node], &self.nodes[b.node]);
        let Some(&last) = order.last() else { return false };
        let Some(own) = (last + b.shape.len()).checked_sub(shape.len()) else { return false };
        a.shape == shape
            && a.lies_as(order)
            && of_b.shared
            && !of_a.shared
            && of_a.rows == shape[last]
            && of_a.rows < a.size()
            && b.shape[own] == of_a.rows
            && b.size() == of_a.rows
    }

    pub(super) fn add(&mut self, a: &Value, b: &Value) -> Built<Value> {
        for (x, number) in [(a, self.number(b)), (b, self.number(a))] {
            let other = if std::ptr::eq(x, a) { b } else { a };
            if let Some(shift) = number
                && broadcast(&x.shape, &other.shape).as_ref() == Some(&x.shape)
                && shift.is_finite()
            {
                return Ok(self.scaled(x, 1.0, shift));
            }
        }
        let (a, b, _) = self.aligned(a, b)?;
        Ok(self.same(Step::Add, vec![a.node, b.node], &a))
    }

    pub(super) fn multiply(&mut self, a: &Value, b: &Value) -> Built<Value> {
        for (x, number) in [(a, self.number(b)), (b, self.number(a))] {
            let other = if std::ptr::eq(x, a) { b } else { a };
            if let Some(scale) = number
                && broadcast(&x.shape, &other.shape).as_ref() == Some(&x.shape)
            {
                return Ok(self.scaled(x, scale, 0.0));
            }
        }
        let (a, b, _) = self.aligned(a, b)?;
        Ok(self.same(Step::Multiply, vec![a.node, b.node], &a))
    }

    pub(super) fn divide(&mut self, a: &Value, b: &Value) -> Built<Value> {
        let inverse = self.smooth(b, Smooth::Reciprocal);
        self.multiply(a, &inverse)
    }

    pub(super) fn power(&mut self, a: &Value, b: &Value) -> Built<Value> {
        if let Some(exponent) = self.number(b)
            && broadcast(&a.shape, &b.shape).as_ref() == Some(&a.shape)
        {
            return Ok(self.smooth(a, Smooth::Power(exponent)));
        }
        let log = self.smooth(a, Smooth::Log);
        let product = self.multiply(&log, b)?;
        Ok(self.smooth(&product, Smooth::Exp))
    }

    pub(super) fn compare(&mut self, a: &Value, b: &Value, comparison: Comparison) -> Built<Value> {
        let (a, b) = match comparison {
            Comparison::Less | Comparison::LessEqual => (b, a),
            _ => (a, b),
        };
        let order = self.order(a, b)?;
        let f = match comparison {
            Comparison::Equal => Smooth::Zero,
            Comparison::NotEqual => Smooth::NotZero,
            Comparison::Greater | Comparison::Less => Smooth::Positive,
            Comparison::GreaterEqual | Comparison::LessEqual => Smooth::NotNegative,
        };
        Ok(self.smooth(&order, f))
    }

    /// The sign of a - b.
    fn order(&mut self, a: &Value, b: &Value) -> Built<Value> {
        let (a, b, exchanged) = self.aligned(a, b)?;
        let sign = self.same(Step::Order, vec![a.node, b.node], &a);
        Ok(if exchanged { self.negate(&sign) } else { sign })
    }

    /// The larger one of two tensors; where they are equal each gets half of the derivative, as in PyTorch.
    pub(super) fn larger(&mut self, a: &Value, b: &Value) -> Built<Value> {
        let sign = self.order(a, b)?;
        // 1, 1/2 or 0.
        let of_a = self.scaled(&sign, 0.5, 0.5);
        let of_b = self.scaled(&sign, -0.5, 0.5);
        let (a, b) = (self.masked(a, &of_a)?, self.masked(b, &of_b)?);
        self.add(&a, &b)
    }

    /// `a` where the condition is not 0, `b` elsewhere.
    pub(super) fn choice(&mut self, condition: &Value, a: &Value, b: &Value) -> Built<Value> {
        let holds = self.smooth(condition, Smooth::NotZero);
        let fails = self.scaled(&holds, -1.0, 1.0);
        let (a, b) = (self.masked(a, &holds)?, self.masked(b, &fails)?);
        self.add(&a, &b)
    }

    /// x m with the rule that 0 times anything is 0.
    fn masked(&mut self, x: &Value, mask: &Value) -> Built<Value> {
        let shape = broadcast(&x.shape, &mask.shape)
            .ok_or_else(|| format!("the shapes {:?} and {:?} do not broadcast", x.shape, mask.shape))?;
        let order = order_for(if x.shape == shape { x } else { mask }, &shape);
        let x = self.expanded(x, &shape, &order);
        let mask = self.expanded(mask, &shape, &order);
        let (mut x, mask) = (self.features(&x), self.features(&mask));
        if self.nodes[x.node].shared && !self.nodes[mask.node].shared {
            // A copy for every sample.
            let zeros = self.scaled(&mask, 0.0, 0.0);
            x = self.same(Step::Add, vec![zeros.node, x.node], &x);
        }
        Ok(self.same(Step::Masked, vec![x.node, mask.node], &x))
    }

    /// max(0, x) + slope min(0, x); one slope, or one for each channel.
    pub(super) fn prelu(&mut self, x: &Value, slope: &Value) -> Built<Value> {
        let mut own = slope.clone();
        if slope.size() > 1 && slope.shape.len() == 1 {
            if x.shape.get(1) != Some(&slope.size()) {
                return Err(format!("{} slopes for a tensor of shape {:?}", slope.size(), x.shape));
            }
            let mut shape = vec![1; x.shape.len()];
            shape[1] = slope.size();
            own = self.reshape(slope, &shape)?;
        }
        let positive = self.elementwise(x, Function::Activation(Activation::Relu));
        let minus = self.negate(x);
        let negative = self.elementwise(&minus, Function::Activation(Activation::Relu));
        let negative = self.negate(&negative);
        let negative = self.multiply(&negative, &own)?;
        self.add(&positive, &negative)
    }

    pub(super) fn softmax(&mut self, x: &Value, axis: usize, kind: Kind) -> Built<Value> {
        let Some(place) = x.order.iter().position(|&a| a == axis) else {
            return Err(format!("there is no axis {axis} in {:?}", x.shape));
        };
        let size = |axes: &[usize]| axes.iter().map(|&a| x.shape[a]).product();
        let along = Along([size(&x.order[..place]), x.shape[axis], size(&x.order[place + 1..])]);
        let x = self.features(x);
        if kind == Kind::Logarithms && x.shape[axis] == x.size() && !self.nodes[x.node].shared {
            return Ok(self.same(Step::Layer(Box::new(Layer::LogSoftmax)), vec![x.node], &x));
        }
        Ok(self.same(Step::Softmax(Softmax { along, kind }), vec![x.node], &x))
    }
}

/// The order of the axes of `x` as part of a larger shape.
fn order_for(x: &Value, shape: &[usize]) -> Vec<usize> {
    let new = shape.len() - x.shape.len();
    (0..new).chain(x.order.iter().map(|&axis| axis + new)).collect()
}
