//! Windows that slide over one axis or two: convolutions and pools.

use super::entrywise::number;
use super::value::{Made, Place, Value};
use super::{Reader, mixes};
use crate::error::{OnnxError, list};
use crate::shapes::Given;
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::{PoolWindow, Slide};

/// Longest side, stride and padding.
const LONGEST: usize = 100_000;

/// A window with the sizes of what it makes.
struct Sliding {
    kernel: Vec<usize>,
    stride: Vec<usize>,
    padding: Vec<[usize; 2]>,
    dilation: Vec<usize>,
    made: Vec<usize>,
    ceil: bool,
}

/// Several sizes of an attribute.
fn sizes(given: &Given<'_>, name: &str, count: usize, least: usize) -> Result<Option<Vec<usize>>, OnnxError> {
    let Some(ints) = given.node.attributes.ints(name).filter(|ints| !ints.is_empty()) else { return Ok(None) };
    let size = |&n: &i64| usize::try_from(n).ok().filter(|n| (least..=LONGEST).contains(n));
    let sizes = ints.iter().map(size).collect::<Option<Vec<_>>>().filter(|sizes| sizes.len() == count);
    sizes.map(Some).ok_or_else(|| {
        given.error(format!("its attribute {name} is {}; expected {count} sizes of {least} to {LONGEST}", list(ints)))
    })
}

impl Sliding {
    /// The window of `given` over axes of these lengths.
    fn of(given: &Given<'_>, axes: &[usize], kernel: &[usize]) -> Result<Self, OnnxError> {
        let n = axes.len();
        let stride = sizes(given, "strides", n, 1)?.unwrap_or_else(|| vec![1; n]);
        let dilation = sizes(given, "dilations", n, 1)?.unwrap_or_else(|| vec![1; n]);
        let ceil = given.node.attributes.int("ceil_mode", 0) != 0;
        let reach: Vec<usize> = kernel.iter().zip(&dilation).map(|(&k, &d)| d * (k - 1) + 1).collect();
        let mode = given.node.attributes.text("auto_pad").unwrap_or_else(|| "NOTSET".to_owned());
        let padding = match mode.as_str() {
            "NOTSET" | "" => {
                let pads = sizes(given, "pads", 2 * n, 0)?.unwrap_or_else(|| vec![0; 2 * n]);
                (0..n).map(|i| [pads[i], pads[n + i]]).collect()
            }
            "VALID" => vec![[0, 0]; n],
            "SAME_UPPER" | "SAME_LOWER" => {
                let around = |i: usize| {
                    let all = ((axes[i].div_ceil(stride[i]) - 1) * stride[i] + reach[i]).saturating_sub(axes[i]);
                    if mode == "SAME_UPPER" { [all / 2, all.div_ceil(2)] } else { [all.div_ceil(2), all / 2] }
                };
                (0..n).map(around).collect()
            }
            _ => return Err(given.error(format!("its attribute auto_pad is {mode:?}, which ONNX does not know"))),
        };
        let mut made = Vec::with_capacity(n);
        for i in 0..n {
            let [before, after]: [usize; 2] = padding[i];
            // With `ceil_mode`, a window that reaches beyond the padded end by less than a stride has a place, even the only one.
            let more = if ceil { stride[i] - 1 } else { 0 };
            let rest = (axes[i] + before + after + more).checked_sub(reach[i]).ok_or_else(|| {
                given.error(format!("its window of {kernel:?} does not fit an axis of {} with its padding", axes[i]))
            })?;
            let mut places = rest / stride[i] + 1;
            // A window that would begin behind the axis is left out, as PyTorch does.
            if ceil && (places - 1) * stride[i] >= axes[i] + before {
                places -= 1;
            }
            made.push(places);
        }
        Ok(Self { kernel: kernel.to_vec(), stride, padding, dilation, made, ceil })
    }

    fn slide(&self) -> Slide {
        Slide { stride: self.stride.clone(), padding: self.padding.clone(), dilation: self.dilation.clone() }
    }

    fn pool(&self) -> PoolWindow {
        PoolWindow {
            kernel_size: self.kernel.clone(),
            stride: self.stride.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
            ceil_mode: self.ceil,
        }
    }
}

/// Checks that a tensor is [N, channels, ...] with one axis or two for the window, and the samples first.
fn windowed(reader: &Reader<'_>, given: &Given<'_>, x: &Made) -> Result<(), OnnxError> {
    if !(3..=4).contains(&x.shape.len()) {
        return Err(given.error(format!(
            "it gets {}, a window over {} axes; heigen has windows over one axis or two: for one over three write the network \
             with two-dimensional layers",
            reader.shown_made(x),
            x.shape.len().saturating_sub(2)
        )));
    }
    if x.place.is_some_and(|place| place != Place::axis(0) && place.axis != 0) {
        return Err(mixes(given.node));
    }
    Ok(())
}

pub(super) fn convolution(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let (x, weight) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?);
    windowed(reader, given, &x)?;
    let groups = usize::try_from(node.attributes.int("group", 1)).unwrap_or(0);
    let got = reader.shown_made(&x);
    let wrong =
        || node.error(format!("it gets {got}, and its weight has the shape {:?} in {groups} groups", weight.shape));
    let fits = weight.shape.len() == x.shape.len() && weight.place.is_none() && groups > 0;
    if !fits || weight.shape[1].checked_mul(groups) != Some(x.shape[1]) || weight.shape[0] % groups != 0 {
        return Err(wrong());
    }
    let kernel = &weight.shape[2..];
    if let Some(stated) = sizes(given, "kernel_shape", kernel.len(), 1)?.filter(|stated| stated != kernel) {
        return Err(node.error(format!("its attribute kernel_shape is {stated:?}, and its weight is of {kernel:?}")));
    }
    if kernel.contains(&0) {
        return Err(wrong());
    }
    let window = Sliding::of(given, &x.shape[2..], kernel)?;
    let bias = reader.bias(node, 2)?;
    reader.look_at(node, true, bias.is_some());
    let mut shape = vec![x.shape[0], weight.shape[0]];
    shape.extend(&window.made);
    let inputs: Vec<&Made> = [&x, &weight].into_iter().chain(bias.as_ref()).collect();
    reader.push(node, Op::Conv { slide: window.slide(), groups }, &inputs, shape, x.place).map(Value::Made)
}

pub(super) fn transposed(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let (x, weight) = (reader.tensor(node, 0)?, reader.tensor(node, 1)?);
    windowed(reader, given, &x)?;
    let groups = usize::try_from(node.attributes.int("group", 1)).unwrap_or(0);
    let n = x.shape.len() - 2;
    if weight.shape.len() != x.shape.len() || weight.shape[0] != x.shape[1] || groups == 0 || weight.place.is_some() {
        return Err(node.error(format!(
            "it gets {}, and its weight has the shape {:?}",
            reader.shown_made(&x),
            weight.shape
        )));
    }
    let kernel = &weight.shape[2..];
    let stride = sizes(given, "strides", n, 1)?.unwrap_or_else(|| vec![1; n]);
    let dilation = sizes(given, "dilations", n, 1)?.unwrap_or_else(|| vec![1; n]);
    let more = sizes(given, "output_padding", n, 0)?.unwrap_or_else(|| vec![0; n]);
    let pads = sizes(given, "pads", 2 * n, 0)?.unwrap_or_else(|| vec![0; 2 * n]);
    let mode = node.attributes.text("auto_pad").unwrap_or_default();
    let wanted = match sizes(given, "output_shape", n, 1)? {
        None if mode.starts_with("SAME") => Some((0..n).map(|i| x.shape[2 + i] * stride[i]).collect()),
        wanted => wanted,
    };
    let (mut padding, mut shape) = (Vec::new(), vec![x.shape[0], weight.shape[1] * groups]);
    for i in 0..n {
        let whole = (x.shape[2 + i] - 1) * stride[i] + dilation[i] * kernel[i].saturating_sub(1) + 1 + more[i];
        let pad = match &wanted {
            None => [pads[i], pads[n + i]],
            Some(wanted) => {
                let all = whole.saturating_sub(wanted[i]);
                if mode == "SAME_UPPER" { [all / 2, all.div_ceil(2)] } else { [all.div_ceil(2), all / 2] }
            }
        };
        let left = whole.checked_sub(pad[0] + pad[1]).filter(|&left| left > 0);
        padding.push(pad);
        shape.push(left.ok_or_else(|| node.error("its padding leaves nothing"))?);
    }
    let bias = reader.bias(node, 2)?;
    let slide = Slide { stride, padding, dilation };
    let op = Op::ConvTranspose { slide, output_padding: more, groups };
    let inputs: Vec<&Made> = [&x, &weight].into_iter().chain(bias.as_ref()).collect();
    reader.push(node, op, &inputs, shape, x.place).map(Value::Made)
}

pub(super) fn pool(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    windowed(reader, given, &x)?;
    let n = x.shape.len() - 2;
    let kernel = sizes(given, "kernel_shape", n, 1)?.ok_or_else(|| node.error("it has no kernel_shape"))?;
    let window = Sliding::of(given, &x.shape[2..], &kernel)?;
    let mut shape = x.shape[..2].to_vec();
    shape.extend(&window.made);
    let place = x.place;
    if node.operator == "MaxPool" {
        return reader.push(node, Op::MaxPool { window: window.pool() }, &[&x], shape, place).map(Value::Made);
    }
    let count_include_pad = node.attributes.int("count_include_pad", 0) != 0;
    let average = |divisor_override| Op::AvgPool { window: window.pool(), count_include_pad, divisor_override };
    if node.operator == "AveragePool" {
        return reader.push(node, average(None), &[&x], shape, place).map(Value::Made);
    }
    let p = node.attributes.int("p", 2) as f64;
    let size = reader.unary(node, Op::Abs, &x)?;
    let powers = reader.unary(node, Op::PowScalar { exponent: p }, &size)?;
    let sums = reader.push(node, average(Some(1.0)), &[&powers], shape, place)?;
    reader.unary(node, Op::PowScalar { exponent: 1.0 / p }, &sums).map(Value::Made)
}

/// Every number divided by what its neighbours in other channels make.
pub(super) fn local_response(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let size = usize::try_from(node.attributes.int("size", 0)).unwrap_or(0);
    if x.shape.len() < 2 || !(1..=LONGEST).contains(&size) || x.place.is_some_and(|place| place.axis != 0) {
        return Err(node.error(format!("it gets {:?} and has the size {size}; expected [N, channels, ...]", x.shape)));
    }
    let decimal = |name: &str, default: f64| node.attributes.decimal(name, default);
    let (alpha, beta, bias) = (decimal("alpha", 1e-4), decimal("beta", 0.75), decimal("bias", 1.0));
    let squares = reader.combined(node, &Op::Mul, vec![Value::Made(x.clone()), Value::Made(x.clone())])?;
    let inner: usize = x.shape[2..].iter().product();
    let images = reader.reshaped(node, &squares, vec![x.shape[0], 1, x.shape[1], inner])?;
    let window = PoolWindow {
        kernel_size: vec![size, 1],
        stride: vec![1, 1],
        padding: vec![[(size - 1) / 2, (size - 1).div_ceil(2)], [0, 0]],
        dilation: vec![1, 1],
        ceil_mode: false,
    };
    let average = Op::AvgPool { window, count_include_pad: true, divisor_override: None };
    let means = reader.push(node, average, &[&images], images.shape.clone(), images.place)?;
    let means = reader.reshaped(node, &means, x.shape.clone())?;
    let scaled = reader.combined(node, &Op::Mul, vec![Value::Made(means), Value::Constant(number(alpha))])?;
    let shifted = reader.combined(node, &Op::Add, vec![Value::Made(scaled), Value::Constant(number(bias))])?;
    let power = reader.unary(node, Op::PowScalar { exponent: -beta }, &shifted)?;
    reader.combined(node, &Op::Mul, vec![Value::Made(x), Value::Made(power)]).map(Value::Made)
}
