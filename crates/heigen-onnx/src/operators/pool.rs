//! Pools.

use super::{sizes, window};
use crate::error::OnnxError;
use crate::graph::{Node, NodeId};
use crate::step::{Form, Kind};
use crate::value::{Axes, Data, Value};
use crate::walk::Walk;
use heigen::vocabulary::{LayerSpec, WindowSpec};

pub(super) fn max(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let (data, image) = walk.images(node, 0)?;
    let (window, form) = sliding(node, image)?;
    Ok(walk.layer(&data, Kind::Layer(LayerSpec::MaxPool(window)), form, id))
}

pub(super) fn average(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let (data, image) = walk.images(node, 0)?;
    let whole = window::pair(node, "kernel_shape", [0, 0])? == [image[1], image[2]];
    if whole && !node.attributes.has("pads") && !node.attributes.has("auto_pad") && image[1] != image[2] {
        return Ok(over_all_pixels(walk, &data, image[0], id));
    }
    let (window, form) = sliding(node, image)?;
    if window.padding > 0 && node.attributes.int("count_include_pad", 0) == 0 {
        return Err(node.not_yet("its means leave the padding out; expected count_include_pad 1, or no padding"));
    }
    Ok(walk.layer(&data, Kind::Layer(LayerSpec::AvgPool(window)), form, id))
}

fn sliding(node: &Node, image: [usize; 3]) -> Result<(WindowSpec, Form), OnnxError> {
    let kernel = window::pair(node, "kernel_shape", [0, 0])?;
    let (window, form) = window::of(node, image, kernel, image[0])?;
    if 2 * window.padding > window.kernel_size {
        return Err(node.error(format!(
            "its padding is {} and its window {}; expected at most half of that",
            window.padding, window.kernel_size
        )));
    }
    Ok((window, form))
}

pub(super) fn global_average(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let (data, image) = walk.images(node, 0)?;
    Ok(over_all_pixels(walk, &data, image[0], id))
}

fn over_all_pixels(walk: &mut Walk<'_>, data: &Data, channels: usize, id: NodeId) -> Value {
    walk.layer(data, Kind::Layer(LayerSpec::GlobalAvgPool), Form::Image([channels, 1, 1]), id)
}

/// The mean over rows and columns.
pub(super) fn reduce_mean(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let (data, image) = walk.images(node, 0)?;
    let mut axes = sizes::axes(walk, node, data.axes.rank())?.unwrap_or_default();
    axes.sort_unstable();
    if axes != [2, 3] {
        return Err(node.error(format!("it means over the axes {axes:?}; expected 2 and 3, rows and columns")));
    }
    let value = over_all_pixels(walk, &data, image[0], id);
    match value {
        Value::Data(mut pooled) if node.attributes.int("keepdims", 1) == 0 => {
            pooled.axes = Axes::of_samples(&[image[0]]);
            Ok(Value::Data(pooled))
        }
        value => Ok(value),
    }
}
