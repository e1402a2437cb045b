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
mod emit;
mod error;
mod expression;
mod graph;
mod input_and_logits;
mod operators;
mod proto;
mod step;
mod tensor;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub use error::OnnxError;
pub use tensor::Precision;

use heigen::vocabulary::Sequential;
use heigen_formats::NamedTensor;

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
    /// d, the number of features of a sample.
    pub n_features: usize,
    /// C, the number of outputs.
    pub n_outputs: usize,
    /// Remarks on parts of the graph that were left off or changed, in whole sentences.
    pub notes: Vec<String>,
}

/// Reads a classifier out of the bytes of an ONNX model.
///
/// The output is that of the graph, a softmax at its end left off; labels beside it are ignored.
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
    let graph = graph::Graph::decode(bytes)?;
    let input_and_logits::Input { value, form, axes, batch } = input_and_logits::input(&graph)?;
    let candidates = input_and_logits::candidates(&graph)?;
    let nodes = graph.order(candidates.iter().copied())?;
    let budget = tensor::Budget::of_file(bytes.len());
    let mut walk = walk::Walk::new(&graph, value, form, axes, batch, budget);
    walk.run(&nodes)?;
    let (logits, n_outputs) = input_and_logits::logits(&mut walk, &candidates)?;
    emit::emit(walk, logits, n_outputs)
}
