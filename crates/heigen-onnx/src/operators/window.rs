//! The windows of convolutions and pools: their sides, strides and padding.

use crate::error::{OnnxError, list};
use crate::graph::Node;
use crate::step::Form;
use crate::walk::MOST_NUMBERS;
use heigen::model::{Shape, Window};
use heigen::vocabulary::WindowSpec;

/// Longest side, stride and padding.
const LONGEST: usize = 10_000;

/// The window of `node` over an image of the shape `image`, and the form of the result of a layer of `outputs` channels.
pub(super) fn of(
    node: &Node,
    image: [usize; 3],
    kernel: [usize; 2],
    outputs: usize,
) -> Result<(WindowSpec, Form), OnnxError> {
    let named = pair(node, "kernel_shape", kernel)?;
    if named != kernel {
        return Err(node.error(format!("its attribute kernel_shape is {named:?}, and its weight is of {kernel:?}")));
    }
    let kernel_size = square(node, "kernel_shape", kernel)?;
    let stride = square(node, "strides", pair(node, "strides", [1, 1])?)?;
    let dilation = square(node, "dilations", pair(node, "dilations", [1, 1])?)?;
    if dilation != 1 {
        return Err(node.not_yet(&format!("its dilation is {dilation}; expected 1")));
    }
    if !(1..=LONGEST).contains(&kernel_size) || !(1..=LONGEST).contains(&stride) {
        return Err(node.error(format!("its kernel is {kernel_size} and its stride {stride}; expected 1 to {LONGEST}")));
    }
    let padding = padding(node, image, kernel_size, stride)?;
    let [channels, height, width] = image;
    let window = Window::new(Shape { channels, height, width }, kernel_size, stride, padding).ok_or_else(|| {
        let got = Form::Image(image);
        node.error(format!("its window of {kernel_size} x {kernel_size} with padding {padding} does not fit {got}"))
    })?;
    let rest = |side: usize| (side + 2 * padding - kernel_size) % stride;
    if node.attributes.int("ceil_mode", 0) != 0 && (rest(height) != 0 || rest(width) != 0) {
        return Err(node.not_yet("its attribute ceil_mode makes a place of an incomplete window; expected ceil_mode 0"));
    }
    let shape = window.output(outputs);
    if shape.checked_features().is_none_or(|n| n > MOST_NUMBERS) {
        return Err(node.error(format!("it makes images of {shape}; expected at most {MOST_NUMBERS} numbers")));
    }
    let form = Form::Image([shape.channels, shape.height, shape.width]);
    Ok((WindowSpec { kernel_size, stride, padding }, form))
}

/// An attribute of two sizes.
pub(super) fn pair(node: &Node, name: &str, default: [usize; 2]) -> Result<[usize; 2], OnnxError> {
    let Some(ints) = node.attributes.ints(name) else {
        return Ok(default);
    };
    match ints {
        &[a, b] if a >= 0 && b >= 0 => Ok([a as usize, b as usize]),
        _ => Err(node.error(format!("its attribute {name} is {}; expected two sizes", list(ints)))),
    }
}

fn square(node: &Node, name: &str, [rows, columns]: [usize; 2]) -> Result<usize, OnnxError> {
    if rows == columns {
        return Ok(rows);
    }
    Err(node.not_yet(&format!("its attribute {name} is [{rows}, {columns}]; expected two equal sizes")))
}

fn padding(node: &Node, image: [usize; 3], kernel: usize, stride: usize) -> Result<usize, OnnxError> {
    let mode = node.attributes.text("auto_pad").unwrap_or_else(|| "NOTSET".to_owned());
    let sides = match mode.as_str() {
        "NOTSET" | "" => {
            let pads = node.attributes.ints("pads").unwrap_or(&[0; 4]);
            let equal = |p: &i64| usize::try_from(*p).ok().filter(|&p| p <= LONGEST && pads == [p as i64; 4]);
            return pads.first().and_then(equal).ok_or_else(|| {
                node.not_yet(&format!("its attribute pads is {}; expected four equal sizes", list(pads)))
            });
        }
        "VALID" => return Ok(0),
        "SAME_UPPER" | "SAME_LOWER" => [image[1], image[2]],
        _ => return Err(node.error(format!("its attribute auto_pad is {mode:?}, which ONNX does not know"))),
    };
    // By this rule there are as many windows as multiples of the stride along the side.
    let around = sides.map(|side| ((side.div_ceil(stride) - 1) * stride + kernel).saturating_sub(side));
    if around[0] != around[1] || around[0] % 2 != 0 {
        return Err(node.error(format!(
            "its attribute auto_pad, {mode}, asks for {} rows and {} columns of padding in all; expected the same on \
             every side",
            around[0], around[1]
        )));
    }
    Ok(around[0] / 2)
}
