//! Operators that move numbers and change none: tensors in other shapes and orders, parts of tensors, tensors joined.

use super::broadcast::common_place;
use super::value::{Made, Value, moved};
use super::{Reader, Recipe, mixes};
use crate::error::OnnxError;
use crate::fold::shape_of;
use crate::graph::Node;
use crate::shapes::{Cut, Given};
use crate::tensor::Tensor;
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::PadMode;

pub(super) fn sizes(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let value = reader.input(given.node, 0)?;
    if given.node.operator == "Size" {
        let size = value.shape().iter().product::<usize>();
        return Ok(Value::Constant(Tensor { shape: vec![], ..Tensor::integers([size as i64]) }));
    }
    Ok(Value::Constant(shape_of(given, value.shape())))
}

pub(super) fn reshape(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let made = reader.tensor(given.node, 0)?;
    let wrong = |error: OnnxError| match given.node.operator.as_str() {
        "Reshape" if made.place.is_some() => given.error(format!(
            "it cannot give {} the shape that it asks for: the numbers are not as many",
            reader.shown_made(&made)
        )),
        _ => error,
    };
    let shape = given.reshaped(&made.shape).map_err(wrong)?;
    reader.reshaped(given.node, &made, shape).map(Value::Made)
}

pub(super) fn transpose(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let made = reader.tensor(given.node, 0)?;
    let permutation = given.permutation(made.shape.len())?;
    reader.transposed(given.node, &made, permutation).map(Value::Made)
}

pub(super) fn slice(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let mut made = reader.tensor(given.node, 0)?;
    for cut in given.slices(&made.shape)? {
        made = reader.cut(given.node, &made, cut)?;
    }
    Ok(Value::Made(made))
}

pub(super) fn split(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Vec<Value>, OnnxError> {
    let made = reader.tensor(given.node, 0)?;
    let axis = given.axis("axis", 0, made.shape.len())?;
    let mut start = 0;
    let mut parts = Vec::new();
    for length in given.parts(made.shape[axis])? {
        parts.push(Value::Made(reader.cut(given.node, &made, Cut { axis, start, length, step: 1 })?));
        start += length;
    }
    Ok(parts)
}

pub(super) fn concat(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let mut parts = Vec::new();
    for i in (0..node.inputs.len()).filter(|&i| node.input(i).is_some()) {
        let value = reader.input(node, i)?;
        // Empty tensors add nothing.
        if !value.shape().contains(&0) {
            parts.push(value);
        }
    }
    reader.joined(node, &parts, |rank| given.axis("axis", 1, rank)).map(Value::Made)
}

pub(super) fn pad(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let mut made = reader.tensor(node, 0)?;
    let pads = given.pads(made.shape.len())?;
    let mode = match node.attributes.text("mode").as_deref() {
        None | Some("constant") => PadMode::Constant,
        Some("reflect") => PadMode::Reflect,
        Some("edge") => PadMode::Replicate,
        Some("wrap") => PadMode::Circular,
        Some(other) => {
            return Err(node.error(format!("its mode is {other:?}; expected constant, reflect, edge or wrap")));
        }
    };
    let value = given.number(2, "constant_value")?.unwrap_or_else(|| node.attributes.float("value", 0.0));
    for (axis, &[before, after]) in pads.iter().enumerate() {
        if before < 0 || after < 0 {
            let start = before.min(0).unsigned_abs() as usize;
            let end = made.shape[axis].saturating_sub(after.min(0).unsigned_abs() as usize);
            let length = end.saturating_sub(start);
            made = reader.cut(node, &made, Cut { axis, start, length, step: 1 })?;
        }
    }
    let padding: Vec<[usize; 2]> = pads.iter().map(|pad| pad.map(|n| n.max(0) as usize)).collect();
    if padding.iter().flatten().all(|&n| n == 0) {
        return Ok(Value::Made(made));
    }
    if made.place.is_some_and(|place| padding[place.axis] != [0, 0]) {
        return Err(mixes(node));
    }
    let shape: Vec<usize> = made.shape.iter().zip(&padding).map(|(&size, pad)| size + pad[0] + pad[1]).collect();
    let place = made.place;
    reader.push(node, Op::Pad { padding, mode, value }, &[&made], shape, place).map(Value::Made)
}

pub(super) fn expand(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let made = reader.tensor(given.node, 0)?;
    let shape = given.expanded(&made.shape)?;
    reader.expanded(given.node, &made, shape).map(Value::Made)
}

pub(super) fn tile(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    const MOST: usize = 1024;
    let node = given.node;
    let mut made = reader.tensor(node, 0)?;
    let repeats = given.repeats(made.shape.len())?;
    for (axis, &times) in repeats.iter().enumerate().filter(|&(_, &times)| times != 1) {
        if made.place.is_some_and(|place| place.axis == axis) {
            return Err(mixes(node));
        }
        if made.shape[axis] == 1 {
            let mut shape = made.shape.clone();
            shape[axis] = times;
            made = reader.expanded(node, &made, shape)?;
        } else if (1..=MOST).contains(&times) {
            let parts = vec![Value::Made(made); times];
            made = reader.joined(node, &parts, |_| Ok(axis))?;
        } else {
            return Err(node.error(format!("it repeats an axis {times} times; expected 1 to {MOST}")));
        }
    }
    Ok(Value::Made(made))
}

/// Pixels to channels, and back.
pub(super) fn blocks(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let made = reader.tensor(node, 0)?;
    let size = usize::try_from(node.attributes.int("blocksize", 0)).unwrap_or(0);
    let &[n, c, h, w] = &made.shape[..] else {
        return Err(node.error(format!("it gets {}; expected [N, channels, rows, columns]", reader.shown_made(&made))));
    };
    let wrong = || node.error(format!("its blocksize is {size}, and it gets {:?}", made.shape));
    let square = size.checked_mul(size).filter(|&n| n > 0).ok_or_else(wrong)?;
    let (split, permutation, joined) = if node.operator == "SpaceToDepth" {
        if h % size != 0 || w % size != 0 {
            return Err(wrong());
        }
        (vec![n, c, h / size, size, w / size, size], [0, 3, 5, 1, 2, 4], vec![n, c * square, h / size, w / size])
    } else {
        if c % square != 0 {
            return Err(wrong());
        }
        let depth = c / square;
        let made = vec![n, depth, h * size, w * size];
        match node.attributes.text("mode").as_deref() {
            Some("CRD") => (vec![n, depth, size, size, h, w], [0, 1, 4, 2, 5, 3], made),
            _ => (vec![n, size, size, depth, h, w], [0, 3, 4, 1, 5, 2], made),
        }
    };
    let split = reader.reshaped(node, &made, split)?;
    let turned = reader.transposed(node, &split, permutation.to_vec())?;
    reader.reshaped(node, &turned, joined).map(Value::Made)
}

impl Reader<'_> {
    /// A tensor in another shape.
    pub(super) fn reshaped(&mut self, node: &Node, made: &Made, shape: Vec<usize>) -> Result<Made, OnnxError> {
        if made.shape == shape {
            return Ok(made.clone());
        }
        let place = match made.place {
            None => None,
            Some(place) => Some(moved(&made.shape, &shape, place, self.batch).ok_or_else(|| mixes(node))?),
        };
        let of_one = self.shape_of_one(&shape, place);
        let element = made.element;
        let made = self.push(node, Op::Reshape { shape: of_one }, &[made], shape, place)?;
        Ok(Made { element, ..made })
    }

    /// A tensor with its axes in another order: axis i is the former axis `permutation[i]`.
    pub(super) fn transposed(&mut self, node: &Node, made: &Made, permutation: Vec<usize>) -> Result<Made, OnnxError> {
        if permutation.is_sorted() {
            return Ok(made.clone());
        }
        let shape: Vec<usize> = permutation.iter().map(|&i| made.shape[i]).collect();
        let to = |axis: usize| permutation.iter().position(|&i| i == axis).unwrap_or(axis);
        let place = made.place.map(|place| place.at(to(place.axis)));
        let element = made.element;
        let made = self.push(node, Op::Transpose { permutation }, &[made], shape, place)?;
        Ok(Made { element, ..made })
    }

    /// Some entries along an axis.
    pub(super) fn cut(&mut self, node: &Node, made: &Made, cut: Cut) -> Result<Made, OnnxError> {
        let size = made.shape[cut.axis];
        if cut.start == 0 && cut.length == size && cut.step == 1 {
            return Ok(made.clone());
        }
        if made.place.is_some_and(|place| place.axis == cut.axis) {
            return Err(mixes(node));
        }
        let mut shape = made.shape.clone();
        shape[cut.axis] = cut.length;
        let Cut { axis, start, length, step } = cut;
        let (place, element) = (made.place, made.element);
        let made = self.push(node, Op::Slice { axis, start, length, step }, &[made], shape, place)?;
        Ok(Made { element, ..made })
    }

    /// A tensor repeated along axes of size 1, or along new ones in front.
    pub(super) fn expanded(&mut self, node: &Node, made: &Made, shape: Vec<usize>) -> Result<Made, OnnxError> {
        if made.shape == shape {
            return Ok(made.clone());
        }
        let place = made.place.map(|place| place.at(place.axis + shape.len() - made.shape.len()));
        let of_one = self.shape_of_one(&shape, place);
        let expanded = self.push(node, Op::Expand { shape: of_one }, &[made], shape, place)?;
        if place.is_none() && self.batch > 1 {
            self.recipes.insert(expanded.name.clone(), Recipe::Expand(made.clone()));
        }
        Ok(Made { element: made.element, ..expanded })
    }

    /// Tensors one after another along the axis that `axis` gives for their rank.
    pub(super) fn joined(
        &mut self,
        node: &Node,
        parts: &[Value],
        axis: impl Fn(usize) -> Result<usize, OnnxError>,
    ) -> Result<Made, OnnxError> {
        let Some(first) = parts.first() else { return Err(node.error("it joins nothing")) };
        let rank = first.shape().len();
        let axis = axis(rank)?;
        let alike = |value: &Value| {
            let shape = value.shape();
            shape.len() == rank && (0..rank).all(|i| i == axis || shape[i] == first.shape()[i])
        };
        if !parts.iter().all(alike) {
            let shapes: Vec<String> = parts.iter().map(|value| self.shown(value.shape(), value.place())).collect();
            return Err(node.error(format!("it joins tensors of {} along axis {axis}", shapes.join(" and "))));
        }
        let mut shape = first.shape().to_vec();
        shape[axis] = parts.iter().map(|value| value.shape()[axis]).fold(0, usize::saturating_add);
        let place = common_place(node, &shape, parts)?;
        if place.is_some_and(|place| place.axis == axis) {
            return Err(mixes(node));
        }
        let mut inputs = Vec::new();
        for part in parts {
            let part = self.for_one(node, part.clone(), &shape, place)?;
            inputs.push(self.written_value(node, &part)?);
        }
        if let [only] = &inputs[..] {
            return Ok(only.clone());
        }
        let element = first.element();
        let inputs: Vec<&Made> = inputs.iter().collect();
        let made = self.push(node, Op::Concat { axis }, &inputs, shape, place)?;
        Ok(Made { element, ..made })
    }
}
