//! The reasons why a file cannot be imported.

use crate::dag::SUPPORTED;

/// Why a file is not an importable classifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The bytes are not those of an ONNX model, or are damaged.
    #[error("the bytes are no ONNX model: {part} cannot be decoded ({reason})")]
    Protobuf {
        /// The part of the file.
        part: String,
        /// The decoder's message.
        reason: String,
    },
    /// A model without a graph; also an empty file.
    #[error("the bytes are no ONNX model: they hold no graph")]
    NoGraph,
    /// A version of ONNX's operators in which some have another meaning, or may have.
    #[error(
        "the model is written in operator set {got}; expected {oldest} to {newest}: export it again, or convert it with \
         onnx.version_converter"
    )]
    OperatorSet {
        /// The version.
        got: i64,
        /// The oldest version that is read.
        oldest: i64,
        /// The newest version that is read.
        newest: i64,
    },
    /// A model that does not say which version of ONNX's operators it is written in.
    #[error(
        "the model does not say which of ONNX's operator sets it is written in{}; expected the domain \"\" or ai.onnx: export it \
         again",
        if others.is_empty() { String::new() } else { format!(", only the foreign {}", others.join(", ")) }
    )]
    NoOperatorSet {
        /// The domains that it names instead.
        others: Vec<String>,
    },
    /// The graph has more of something than any classifier has.
    #[error("the graph has {got} {what}; at most {most} are read")]
    TooMany {
        /// The kind of thing that there are too many of.
        what: &'static str,
        /// The number that the graph has.
        got: usize,
        /// The largest number that is read.
        most: usize,
    },
    /// The graph makes more numbers from its constants than a file of its length can need.
    #[error("{place}: with it, the graph's constants are more numbers than a file of this length can need")]
    TooLarge {
        /// The node or tensor.
        place: String,
    },
    /// An operator that is not among those that are read.
    #[error(
        "{node}: heigen does not read the operator {operator} yet; it reads {SUPPORTED}: analyse a network of these"
    )]
    Operator {
        /// The node.
        node: String,
        /// Its operator, with its domain unless it is ONNX's own.
        operator: String,
    },
    /// A use of an operator that no layer expresses.
    #[error("{node} ({operator}): {problem}")]
    Node {
        /// The node.
        node: String,
        /// Its operator.
        operator: String,
        /// A sentence that says what was got and what was expected.
        problem: String,
    },
    /// A weight or constant that cannot be read.
    #[error("tensor {name}: {problem}")]
    Tensor {
        /// Its name.
        name: String,
        /// A sentence that says why it cannot be read.
        problem: String,
    },
    /// Weights in another file that cannot be read.
    #[error(
        "tensor {name} lies in the file {file}: {problem}; put that file beside the model's under the same name, or save the model \
         in one: onnx.save(onnx.load(path), path, save_as_external_data=False), or torch.onnx.export(..., external_data=False)"
    )]
    External {
        /// The tensor.
        name: String,
        /// The file's name as the model has it.
        file: String,
        /// A sentence that says why it cannot be read.
        problem: String,
    },
    /// A node takes a value that nothing makes.
    #[error("{node}: its input {value} is made by no node, and is neither an input nor an initializer of the graph")]
    Missing {
        /// The node.
        node: String,
        /// The missing value.
        value: String,
    },
    /// Two nodes or initializers give the same value.
    #[error("{value} is made twice: by {first} and by {second}")]
    Duplicate {
        /// The value.
        value: String,
        /// The first of the two.
        first: String,
        /// The second of the two.
        second: String,
    },
    /// A node that needs its own output.
    #[error("{node}: its inputs depend on its own output; a graph must have no cycle")]
    Cycle {
        /// A node of the cycle.
        node: String,
    },
    /// An input of the graph that is no batch of samples.
    #[error("{0}")]
    Input(String),
    /// No output, or several, that could be logits.
    #[error("{0}")]
    Output(String),
}

/// A name out of a file in the form in which messages show it.
pub(crate) fn quote(name: &str) -> String {
    const LONGEST: usize = 80;
    let shown: String = name.chars().take(LONGEST).collect();
    let rest = if shown.len() < name.len() { "..." } else { "" };
    format!("\"{}{rest}\"", shown.escape_debug())
}

/// Numbers out of a file in the form in which messages show them.
pub(crate) fn list(ints: &[i64]) -> String {
    const MOST: usize = 8;
    let rest = if ints.len() > MOST { ", ..." } else { "" };
    let shown: Vec<String> = ints.iter().take(MOST).map(i64::to_string).collect();
    format!("[{}{rest}]", shown.join(", "))
}
