//! A graph of operations, the architecture of any network: nodes are operations, edges are tensors.

mod op;
mod real;
mod settings;

pub use op::Op;
pub use settings::{Comparison, PadMode, PoolWindow, Reduction, Slide};

use serde::Serialize;

/// A network, or a part of one, as a graph of operations on tensors.
///
/// Every tensor has the shape that it has for a batch of one sample: an image network starts from `[1, 3, 32, 32]`, a
/// transformer of tokens from `[1, 128]`. What exporters write for one sample can so be taken over as it is, with the axis of
/// the batch wherever they have moved it. The network is that function applied to every sample.
///
/// A tensor may be used by any number of nodes, and so may a parameter: used twice, it is tied.
///
/// # Names
/// Parameters, buffers, nodes and the input share one space of names; the input is `x` ([`GraphSpec::INPUT`]). Nodes stand in
/// an order in which every tensor is made before it is used.
///
/// ```
/// use heigen::config::{Sequential, GraphSpec, LayerSpec, Op};
/// let text = r#"{"layers": [{"type": "graph", "input_shape": [1, 4],
///     "parameters": [{"name": "fc.weight", "shape": [3, 4]}, {"name": "fc.bias", "shape": [3]}],
///     "nodes": [{"id": "h", "op": "silu", "inputs": ["x"]},
///               {"id": "y", "op": "linear", "inputs": ["h", "fc.weight", "fc.bias"]}],
///     "output": "y"}]}"#;
/// let LayerSpec::Graph(graph) = &Sequential::parse(text, "arch.json")?.layers[0] else { unreachable!() };
/// assert_eq!(graph.nodes[0].op, Op::Silu);
/// # Ok::<(), heigen::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GraphSpec {
    /// The shape of the input for a batch of one sample. Its numbers are those of the sample in row-major order; integer
    /// tokens are whole numbers.
    pub input_shape: Vec<usize>,
    /// The parameters, in the order in which they lie in theta.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<TensorSpec>,
    /// The tensors of the weights file that are not trained: running statistics, masks, tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buffers: Vec<TensorSpec>,
    /// The operations, each after those whose tensors it uses.
    pub nodes: Vec<NodeSpec>,
    /// The name of the tensor that is the network's output.
    pub output: String,
}

/// A tensor of the weights file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TensorSpec {
    /// The name of the tensor in a state dict.
    pub name: String,
    /// The shape of the tensor.
    pub shape: Vec<usize>,
}

/// One operation with the tensors that it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSpec {
    /// The name of the tensor that it makes.
    pub id: String,
    /// The operation with its settings.
    #[serde(flatten)]
    pub op: Op,
    /// The names of the tensors that it takes, in the order that the operation states; an optional one that is left out in
    /// the middle is an empty name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
}

impl GraphSpec {
    /// The name of the graph's input.
    pub const INPUT: &'static str = "x";

    /// Whether the outputs are log-probabilities.
    pub fn ends_in_log_softmax(&self) -> bool {
        self.nodes.iter().any(|node| node.id == self.output && matches!(node.op, Op::LogSoftmax { .. }))
    }

    /// Number of numbers of the input.
    pub fn n_inputs(&self) -> usize {
        self.input_shape.iter().product()
    }
}
