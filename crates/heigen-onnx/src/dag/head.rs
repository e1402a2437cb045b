//! The end of the graph: logits, with what follows them left off.

use super::value::{Made, Place, Value};
use super::{Reader, Writer, mixes};
use crate::SINGLE_OUTPUT;
use crate::error::{OnnxError, quote};
use crate::graph::{Node, ValueId};
use crate::input_and_logits::{Input, names};
use crate::{Imported, classes};
use heigen::vocabulary::{BatchNormMode, GraphSpec, LayerSpec, Op, Sequential};

/// The logits, and the layers that follow the graph.
#[derive(Clone, Debug, PartialEq)]
struct Logits {
    name: String,
    /// The shape for one sample.
    shape: Vec<usize>,
    after: Vec<LayerSpec>,
    notes: Vec<String>,
}

/// The imported network whose logits are one of the outputs `candidates`.
pub(super) fn finish(mut reader: Reader<'_>, input: &Input, candidates: &[ValueId]) -> Result<Imported, OnnxError> {
    let mut found: Option<Logits> = None;
    for &id in candidates {
        let name = quote(&reader.graph.values[id]);
        if !reader.graph.has(id) {
            return Err(OnnxError::Output(format!("output {name} is made by no node")));
        }
        let Value::Made(made) = reader.value(id)? else {
            return Err(OnnxError::Output(format!("output {name} does not depend on the samples; expected logits")));
        };
        let this = logits(&mut reader, id, &made, &name)?;
        if found.as_ref().is_some_and(|other| other.name != this.name) {
            let names = names(candidates.iter().map(|&id| reader.graph.values[id].as_str()));
            let got = format!("the graph has several outputs that could be logits{names}");
            return Err(OnnxError::Output(format!("{got}; export it with the classifier's output alone")));
        }
        found = Some(this);
    }
    let nothing = || OnnxError::Output("the graph has no output; expected logits or probabilities".into());
    let Logits { name, shape, after, notes } = found.ok_or_else(nothing)?;
    notes.into_iter().for_each(|note| reader.note(note));
    let outputs: usize = shape.iter().product();
    let binary = after.contains(&LayerSpec::BinaryLogits);
    let n_outputs = if binary { 2 } else { outputs };
    let exporter = reader.graph.exporter();
    let mut warnings = reader.provenance.warnings(exporter);
    warnings.extend(reader.parameters.warnings(reader.graph));
    warnings.append(&mut reader.warnings);
    let mut input_shape = vec![1];
    input_shape.extend(&input.sample);
    let written = reader.writer.finish(reader.graph, input_shape, &name);
    if written.spec.nodes.is_empty() {
        return Err(OnnxError::Output("the graph's output is its input; expected layers between them".into()));
    }
    let mut layers = vec![LayerSpec::Graph(Box::new(written.spec))];
    layers.extend(after);
    let (mut tensors, mut precisions) = (vec![], vec![]);
    for stored in written.stored {
        tensors.push(stored.tensor);
        precisions.push(stored.precision);
    }
    Ok(Imported {
        architecture: Sequential { input_shape: None, channels_last: false, batchnorm: BatchNormMode::Running, layers },
        tensors,
        precisions,
        sample_shape: input.sample.clone(),
        n_features: input.sample.iter().product(),
        n_outputs,
        classes: classes::names(reader.graph, n_outputs),
        tied: vec![],
        notes: reader.notes,
        warnings,
    })
}

/// The tensor of which the output `made` is a softmax or a sigmoid, or the output itself.
fn logits(reader: &mut Reader<'_>, id: ValueId, made: &Made, name: &str) -> Result<Logits, OnnxError> {
    let node = Node::reader(reader.graph.nodes.len(), id, format!("output {name}"));
    let batch = reader.batch;
    if batch > 1 && made.place != Some(Place::axis(0)) {
        return Err(match made.place {
            None => OnnxError::Output(format!("output {name} does not depend on the samples; expected logits")),
            Some(_) => mixes(&node),
        });
    }
    if made.name == GraphSpec::INPUT {
        return Err(OnnxError::Output("the graph's output is its input; expected layers between them".into()));
    }
    let (mut after, mut notes) = (vec![], vec![]);
    let (mut logits, shape) = (made.name.clone(), reader.shape_of_one(&made.shape, made.place));
    let outputs: usize = shape.iter().product();
    // Axes of length 1 say nothing, as those that a pool leaves.
    let mut sizes: Vec<usize> = shape.iter().copied().filter(|&size| size != 1).collect();
    if sizes.is_empty() {
        sizes.push(1);
    }
    let flat = sizes.len() == 1;
    if let Some(logit) = binary(&reader.writer, &logits).filter(|_| outputs == 2) {
        notes.push("The sigmoid at the end was left off: the loss takes logits.".to_owned());
        notes.push(SINGLE_OUTPUT.to_owned());
        return Ok(Logits { name: logit, shape: vec![1, 1], after: vec![LayerSpec::BinaryLogits], notes });
    }
    let ends = reader.writer.maker(&logits).map(|node| (node.op.clone(), node.inputs.clone()));
    if let Some((op, inputs)) = ends {
        let along = |axis: usize| shape.get(axis).is_some_and(|&size| size == outputs) && outputs > 1;
        match op {
            Op::Softmax { axis } if along(axis) || (!flat && axis + 1 == shape.len()) => {
                notes.push("The softmax at the end was left off: the loss takes logits.".to_owned());
                logits.clone_from(&inputs[0]);
            }
            Op::LogSoftmax { axis } if along(axis) => {
                logits.clone_from(&inputs[0]);
                after.push(LayerSpec::LogSoftmax);
            }
            Op::Sigmoid if outputs == 1 => {
                notes.push("The sigmoid at the end was left off: the loss takes logits.".to_owned());
                logits.clone_from(&inputs[0]);
            }
            Op::Sigmoid => {
                notes.push("The network ends in a sigmoid, which stays: its outputs are no logits.".to_owned());
            }
            _ => {}
        }
    }
    if !flat {
        notes.push(format!(
            "The output has the shape {:?} for a sample: its {outputs} numbers, the last axis fastest, are the outputs.",
            &shape[1..]
        ));
    }
    let wanted = if flat { vec![1, outputs] } else { shape.clone() };
    if shape != wanted {
        logits = reader.writer.node("logits", Op::Reshape { shape: wanted.clone() }, vec![logits]);
    }
    if outputs == 1 {
        notes.push(SINGLE_OUTPUT.to_owned());
        after.push(LayerSpec::BinaryLogits);
    }
    Ok(Logits { name: logits, shape: wanted, after, notes })
}

/// The logit z of probabilities [1 - p, p], where p is the sigmoid of z: a converter from scikit-learn joins them.
fn binary(writer: &Writer, name: &str) -> Option<String> {
    let joined = writer.maker(name)?;
    let (Op::Concat { .. }, [rest, p]) = (&joined.op, &joined.inputs[..]) else { return None };
    let sigmoid = writer.maker(p).filter(|node| node.op == Op::Sigmoid)?;
    let rest = writer.maker(rest).filter(|node| node.op == Op::Sub && node.inputs[1] == *p)?;
    let one = writer.maker(&rest.inputs[0])?;
    let is_one = matches!(&one.op, Op::Constant { values, .. } if values.iter().all(|&v| v == 1.0));
    is_one.then(|| sigmoid.inputs[0].clone())
}
