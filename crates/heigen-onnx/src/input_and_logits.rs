//! The two ends of the graph: the input that takes the samples, and the output that is the logits.

use crate::SINGLE_OUTPUT;
use crate::error::{OnnxError, quote};
use crate::graph::{Graph, Node, ValueId};
use crate::operators::is_binary_sigmoid;
use crate::proto::{ValueInfoProto, data_type};
use crate::step::{Form, Kind, StepId};
use crate::tensor::{Element, MOST_AXES};
use crate::value::{Axes, Data, Value};
use crate::walk::{MOST_NUMBERS, Walk};
use heigen::vocabulary::LayerSpec;

/// The graph's input, which takes the samples.
pub(crate) struct Input {
    pub(crate) value: ValueId,
    pub(crate) form: Form,
    pub(crate) axes: Axes,
    /// The shape of a sample.
    pub(crate) sample: Vec<usize>,
    pub(crate) element: Element,
    /// Their number, if the file fixes it.
    pub(crate) batch: Option<usize>,
}

/// The graph's only input: [N, d], or images [N, channels, rows, columns].
pub(crate) fn input(graph: &Graph) -> Result<Input, OnnxError> {
    let [(value, info)] = &graph.inputs[..] else {
        let names = names(graph.inputs.iter().map(|(_, info)| info.name.as_str()));
        return Err(OnnxError::Input(format!(
            "the graph has {} inputs{names}; expected one, the samples",
            graph.inputs.len()
        )));
    };
    let name = quote(&info.name);
    let error = |problem: String| OnnxError::Input(format!("input {name}: {problem}"));
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.filter(|t| t.elem_type != data_type::STRING);
    let tensor = tensor.ok_or_else(|| error("it is no tensor of numbers".into()))?;
    let dims = &tensor.shape.as_ref().ok_or_else(|| error("its shape is not given".into()))?.dim;
    if dims.len() < 2 || dims.len() > MOST_AXES {
        let wanted = "[N, features] or [N, channels, rows, columns]";
        return Err(error(format!("it is a tensor of {} sizes; expected {wanted}", dims.len())));
    }
    let size = |i: usize| dims[i].dim_value.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
    let sample: Option<Vec<usize>> = (1..dims.len()).map(size).collect();
    let sample = sample.ok_or_else(|| error("only its first size, the number of samples, may be open".into()))?;
    let features = sample.iter().try_fold(1_usize, |p, &n| p.checked_mul(n)).filter(|&n| n <= MOST_NUMBERS);
    let features = features.ok_or_else(|| {
        error(format!("its samples have the shape {sample:?}; expected at most {MOST_NUMBERS} numbers"))
    })?;
    let form = <[usize; 3]>::try_from(sample.as_slice()).map_or(Form::Features(features), Form::Image);
    let element = Element::of(tensor.elem_type).unwrap_or(Element::Float);
    Ok(Input { value: *value, form, axes: Axes::of_samples(&sample), sample, element, batch: size(0) })
}

/// The outputs that are no labels: labels are integers or texts.
pub(crate) fn candidates(graph: &Graph) -> Result<Vec<ValueId>, OnnxError> {
    let may_be = |info: &ValueInfoProto| {
        let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        tensor.is_none_or(|t| t.elem_type == 0 || data_type::is_float(t.elem_type))
    };
    let candidates: Vec<ValueId> = graph.outputs.iter().filter(|(_, info)| may_be(info)).map(|&(id, _)| id).collect();
    if candidates.is_empty() {
        let names = names(graph.outputs.iter().map(|(_, info)| info.name.as_str()));
        let got = if names.is_empty() {
            "the graph has no output".into()
        } else {
            format!("the graph makes only labels{names}")
        };
        return Err(OnnxError::Output(format!("{got}; expected logits or probabilities")));
    }
    Ok(candidates)
}

/// The step that makes the logits, and their number.
pub(crate) fn logits(walk: &mut Walk<'_>, candidates: &[ValueId]) -> Result<(StepId, usize), OnnxError> {
    let mut found: Option<(StepId, usize)> = None;
    for &id in candidates {
        let name = quote(&walk.graph.values[id]);
        if !walk.graph.has(id) {
            return Err(OnnxError::Output(format!("output {name} is made by no node")));
        }
        let Value::Data(data) = walk.value(id)? else {
            return Err(OnnxError::Output(format!("output {name} does not depend on the samples; expected logits")));
        };
        let this = before_softmax(walk, id, &data, &name)?;
        if found.is_some_and(|other| other != this) {
            let names = names(candidates.iter().map(|&id| walk.graph.values[id].as_str()));
            let got = format!("the graph has several outputs that could be logits{names}");
            return Err(OnnxError::Output(format!("{got}; export it with the classifier's output alone")));
        }
        found = Some(this);
    }
    found.ok_or_else(|| OnnxError::Output("the graph has no output; expected logits or probabilities".into()))
}

fn before_softmax(walk: &mut Walk<'_>, id: ValueId, data: &Data, name: &str) -> Result<(StepId, usize), OnnxError> {
    if is_binary_sigmoid(walk, data) && data.is_finished() {
        walk.note("The sigmoid at the end was left off: the loss takes logits.".into());
        let logit = walk.steps.get(data.step).parent;
        return Ok((binary(walk, logit), 2));
    }
    let reader = Node::reader(walk.graph.nodes.len(), id, format!("output {name}"));
    let data = walk.features(&reader, 0)?;
    let step = walk.steps.get(data.step).clone();
    let outputs = step.form.channels();
    match step.kind {
        Kind::Softmax => {
            walk.note("The softmax at the end was left off: the loss takes logits.".into());
            return Ok((step.parent, outputs));
        }
        Kind::Layer(LayerSpec::Sigmoid) => {
            walk.note("The network ends in a sigmoid, which stays: its outputs are no logits.".into());
        }
        _ => {}
    }
    if outputs == 1 { Ok((binary(walk, data.step), 2)) } else { Ok((data.step, outputs)) }
}

/// The step that makes two logits of the single output of `step`.
fn binary(walk: &mut Walk<'_>, step: StepId) -> StepId {
    walk.note(SINGLE_OUTPUT.into());
    let node = walk.steps.get(step).node;
    walk.steps.push(step, Kind::Layer(LayerSpec::BinaryLogits), Form::Features(2), node)
}

/// ": a, b and c" of names, or nothing.
pub(crate) fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 10;
    let mut shown: Vec<String> = names.take(MOST + 1).map(quote).collect();
    if shown.len() > MOST {
        shown[MOST] = "...".into();
    }
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}
