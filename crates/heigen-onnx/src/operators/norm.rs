//! Batch normalisation.

use crate::error::OnnxError;
use crate::graph::{Node, NodeId};
use crate::hints::Role;
use crate::step::Normalization;
use crate::value::Value;
use crate::walk::{Walk, wrong_shape};

/// Weight, bias, mean and variance, as inputs 1 to 4 are called in messages.
const NAMES: [&str; 4] = ["scale", "bias", "mean", "variance"];

pub(super) fn evaluate(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    if node.attributes.int("training_mode", 0) != 0 {
        return Err(node.error("it is in training mode; export the model in evaluation mode"));
    }
    let data = walk.raw_data(node, 0)?;
    let data = match data.axes.sample().unwrap_or_default().len() {
        1 => walk.features(node, 0)?,
        3 => walk.images(node, 0)?.0,
        _ => return Err(wrong_shape(node, &data, "[N, d] or [N, channels, rows, columns]")),
    };
    let eps = node.attributes.decimal("epsilon", 1e-5);
    if !(eps > 0.0 && eps.is_finite()) {
        return Err(node.error(format!("its epsilon is {eps}; expected a number above 0")));
    }
    let channels = walk.steps.get(data.step).form.channels();
    let mut part = |i: usize| {
        let name = NAMES[i];
        let (tensor, origin) =
            walk.constant(node, i + 1, name)?.ok_or_else(|| node.error(format!("it has no {name}")))?;
        if tensor.shape != [channels] {
            return Err(node.error(format!("its {name} has the shape {:?}; expected [{channels}]", tensor.shape)));
        }
        Ok((tensor, origin))
    };
    let [(weight, w), (bias, b), (mean, m), (variance, v)] = [part(0)?, part(1)?, part(2)?, part(3)?];
    if let Some(negative) = variance.values.iter().find(|&&v| v < 0.0) {
        return Err(node.error(format!("its variance has the entry {negative}; expected 0 or more")));
    }
    let made = [w, b].map(|origin| walk.graph.role(origin) == Role::Made);
    let none = weight.values.iter().all(|&w| w == 1.0) && bias.values.iter().all(|&b| b == 0.0);
    let affine = !(made == [true; 2] && none);
    if affine && made.contains(&true) {
        walk.warn(format!(
            "the scale or the bias of {} was made by the exporter and may be no parameter of the model; it is counted as \
             one: compare the number of parameters with the model's",
            node.label
        ));
    }
    let origins = if affine { [w, b, m, v] } else { [None, None, m, v] };
    let normalization = Normalization { eps, tensors: [weight, bias, mean, variance], origins, affine };
    Ok(walk.normalized(&data, normalization, id))
}
