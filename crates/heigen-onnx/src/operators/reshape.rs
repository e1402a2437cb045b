//! Other shapes of the same numbers.

use super::sizes;
use crate::error::OnnxError;
use crate::graph::Node;
use crate::step::{Form, Kind};
use crate::value::{Axes, Data, Size, Value, shown};
use crate::walk::{Walk, wrong_shape};
use heigen::vocabulary::LayerSpec;

pub(super) fn evaluate(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let value = walk.input(node, 0)?;
    let mut data = match value {
        Value::Data(data) => data,
        Value::Sizes(sizes) if matches!(node.operator.as_str(), "Reshape" | "Squeeze" | "Unsqueeze") => {
            return Ok(Value::Sizes(sizes));
        }
        _ => return Err(node.error("its first input is no tensor of samples; expected one")),
    };
    let rank = data.axes.rank();
    if node.operator == "Transpose" {
        let permutation = permutation(node, rank)?;
        data.axes = data.axes.transposed(&permutation);
        return Ok(Value::Data(data));
    }
    let wanted = match node.operator.as_str() {
        "Flatten" => flat(node, &data)?,
        "Reshape" => reshaped(walk, node, &data)?,
        "Squeeze" => squeezed(walk, node, &data)?,
        _ => unsqueezed(walk, node, &data)?,
    };
    if let Some([c, h, w]) = data.axes.as_channels_last() {
        let moved = Axes::of_samples(&[h, w, c]).reshaped(&wanted, walk.batch);
        let flat = moved.filter(|axes| axes.sample().is_some_and(|sample| sample.len() == 1));
        if let (Some(axes), Form::Image(_)) = (flat, walk.steps.get(data.step).form) {
            let form = Form::Features(c * h * w);
            data.step = walk.steps.push(data.step, Kind::Layer(LayerSpec::FlattenChannelsLast), form, Some(node.id));
            data.axes = axes;
            return Ok(Value::Data(data));
        }
    }
    let Some(axes) = data.axes.reshaped(&wanted, walk.batch) else {
        let wanted = format!("what can be {} without mixing samples", shown(&wanted));
        return Err(wrong_shape(node, &data, &wanted));
    };
    data.axes = axes;
    Ok(Value::Data(data))
}

/// The attribute `perm`: all axes, each once.
fn permutation(node: &Node, rank: usize) -> Result<Vec<usize>, OnnxError> {
    let Some(ints) = node.attributes.ints("perm") else {
        return Ok((0..rank).rev().collect());
    };
    let permutation: Vec<usize> = ints.iter().filter_map(|&i| usize::try_from(i).ok()).collect();
    let each_once = (0..rank).all(|axis| permutation.contains(&axis));
    if permutation.len() != rank || ints.len() != rank || !each_once {
        return Err(node.error(format!("its attribute perm does not order {rank} axes")));
    }
    Ok(permutation)
}

fn flat(node: &Node, data: &Data) -> Result<Vec<Size>, OnnxError> {
    let axis = node.attributes.int("axis", 1);
    let from_front = if axis < 0 { axis + data.axes.rank() as i64 } else { axis };
    if from_front != 1 {
        return Err(node.error(format!("its axis is {axis}; expected 1, that after the samples")));
    }
    Ok(vec![Size::Batch, Size::Known(-1)])
}

fn reshaped(walk: &mut Walk<'_>, node: &Node, data: &Data) -> Result<Vec<Size>, OnnxError> {
    let wanted = sizes::of(&walk.input(node, 1)?).ok_or_else(|| node.error("its new shape is not known"))?;
    if node.attributes.int("allowzero", 0) != 0 {
        return Ok(wanted);
    }
    let before = data.axes.sizes();
    let copied = |(i, size): (usize, &Size)| match size {
        Size::Known(0) => before.get(i).copied().unwrap_or(Size::Known(0)),
        size => *size,
    };
    Ok(wanted.iter().enumerate().map(copied).collect())
}

fn squeezed(walk: &mut Walk<'_>, node: &Node, data: &Data) -> Result<Vec<Size>, OnnxError> {
    let before = data.axes.sizes();
    let axes = sizes::axes(walk, node, before.len())?;
    if let Some(i) = axes.iter().flatten().find(|&&i| before[i] != Size::Known(1)) {
        return Err(node.error(format!("it takes axis {i} away from {}; expected one of length 1", shown(&before))));
    }
    let gone = |i: usize| axes.as_ref().map_or(before[i] == Size::Known(1), |axes| axes.contains(&i));
    Ok((0..before.len()).filter(|&i| !gone(i)).map(|i| before[i]).collect())
}

fn unsqueezed(walk: &mut Walk<'_>, node: &Node, data: &Data) -> Result<Vec<Size>, OnnxError> {
    let before = data.axes.sizes();
    let count = sizes::axes_count(walk, node)?;
    let rank = before.len().saturating_add(count);
    let axes = sizes::axes(walk, node, rank)?.unwrap_or_default();
    let mut rest = before.into_iter();
    let sizes = (0..rank).map(|i| if axes.contains(&i) { Some(Size::Known(1)) } else { rest.next() });
    sizes.collect::<Option<_>>().ok_or_else(|| node.error("its axes are not each named once"))
}
