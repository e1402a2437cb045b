//! A classifier in ONNX to an architecture and its weights.
//!
//! [`import`] reads the bytes of a model and finds out, node by node from the input to the output, which layers its graph
//! computes. Nothing is run: what an operator does to its input is known from its attributes and constants. A graph that
//! computes what no list of layers expresses is refused by the name of the node.
//!
//! Files are not trusted. Memory is proportional to the length of the bytes, whatever sizes they claim; a graph may have
//! any form.
//!
//! # References
//! ONNX operators: <https://onnx.ai/onnx/operators/>; messages: onnx.proto of <https://github.com/onnx/onnx>.

#![allow(clippy::cast_possible_wrap, reason = "sizes of what is in memory are below 2^63")]

mod affine;
mod attributes;
mod classes;
mod dag;
mod emit;
mod error;
mod expression;
mod external;
mod fold;
mod graph;
mod hints;
mod inline;
mod input_and_logits;
mod operators;
mod proto;
mod provenance;
mod shapes;
mod step;
mod strided;
mod tensor;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use error::OnnxError;
pub use external::OtherFiles;
pub use tensor::Precision;

use heigen::vocabulary::Sequential;
use heigen_formats::NamedTensor;

/// The remark among the notes of an importer that has taken a single output z for two logits.
pub const SINGLE_OUTPUT: &str = "The single output z of the network is taken as the logits [0, z] of two classes: their \
                                 cross-entropy is the binary cross-entropy of z.";

/// A classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The layers of the classifier; `input_shape` is that of the graph's input if it takes images, and batch normalisation uses the running
    /// statistics.
    pub architecture: Sequential,
    /// Weights and statistics in the order of the layers, by PyTorch's names and in its layout: the layer's name, then
    /// `weight`, `bias`, `running_mean` or `running_var`, e.g. `conv1.weight`.
    pub tensors: Vec<NamedTensor<f64>>,
    /// How exactly the file holds the numbers of each of the tensors.
    pub precisions: Vec<Precision>,
    /// The shape of a sample in the graph's input, e.g. `[3, 32, 32]`; its product is `n_features`.
    pub sample_shape: Vec<usize>,
    /// d, the number of features of a sample.
    pub n_features: usize,
    /// C, the number of outputs.
    pub n_outputs: usize,
    /// The labels of the classes in the order of the outputs, where the file gives them other labels than 0, 1, ...
    pub classes: Option<Vec<String>>,
    /// Names of tensors that are one with those of earlier layers (tied weights), each with the earlier name; `tensors` has
    /// the earlier ones.
    pub tied: Vec<[String; 2]>,
    /// Remarks on parts of the graph that were left off or changed, in whole sentences.
    pub notes: Vec<String>,
    /// Reasons to think that the parameters are not those that the model was trained with, each with a way out.
    pub warnings: Vec<String>,
}

/// Reads a classifier out of the bytes of an ONNX model that holds all of its weights.
///
/// The output is that of the graph, a softmax at its end left off; labels beside it are ignored. A single output z becomes
/// the logits [0, z] of two classes.
///
/// # Errors
/// [`OnnxError`] names what is wrong with the bytes, or the first node that no layer expresses.
///
/// ```
/// use heigen_onnx::{OnnxError, import};
///
/// let refused = import(b"").unwrap_err();
/// assert_eq!(refused, OnnxError::NoGraph);
/// ```
pub fn import(bytes: &[u8]) -> Result<Imported, OnnxError> {
    import_with(bytes, &mut |_| Err("other files cannot be read here".to_owned()))
}

/// Reads a classifier as [`import`] does; weights may lie in the other files that `files` gives.
///
/// # Errors
/// As [`import`]; also [`OnnxError::External`] for a file that cannot be read or is too short.
pub fn import_with(bytes: &[u8], files: &mut OtherFiles<'_>) -> Result<Imported, OnnxError> {
    let mut external = external::External::new(files);
    let graph = graph::Graph::decode(bytes, &mut external)?;
    let input = input_and_logits::input(&graph)?;
    let candidates = input_and_logits::candidates(&graph)?;
    let nodes = graph.order(candidates.iter().copied())?;
    let length = bytes.len().saturating_add(external.len());
    if let Ok(layers) = layers(&graph, &input, &candidates, &nodes, length) {
        return Ok(layers);
    }
    dag::read(&graph, &input, &candidates, &nodes, tensor::Budget::of_graph(length))
}

/// The classifier as a list of layers, if it is one.
fn layers(
    graph: &graph::Graph,
    input: &input_and_logits::Input,
    candidates: &[graph::ValueId],
    nodes: &[graph::NodeId],
    length: usize,
) -> Result<Imported, OnnxError> {
    let mut walk = walk::Walk::new(graph, input, tensor::Budget::of_file(length));
    walk.run(nodes)?;
    let (logits, n_outputs) = input_and_logits::logits(&mut walk, candidates)?;
    emit::emit(walk, logits, n_outputs, input.sample.clone())
}
