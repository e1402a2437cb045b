//! Graphs of operations: a network, or a part of one, whose tensors may be used any number of times.
//!
//! [`build`] turns the graph of a file ([`GraphSpec`](crate::vocabulary::GraphSpec)) into the few steps that carriers know.
//! A tensor of the file has a shape and an order of axes; a step has numbers. Views, copies and sums are linear maps of a
//! sample ([`linear_map`]), products of two tensors are sums over indices ([`contraction`]).

mod build;
mod contraction;
mod linear_map;
mod regions;
mod softmax;
mod step;

pub use build::GraphError;
pub(super) use build::build;
pub use contraction::Contraction;
pub use linear_map::Join;
pub use regions::Regions;

use super::{Algebra, Layer, ModelError, Statistics, Tape};
use std::sync::Arc;
use step::{Node, Step};

/// A function of one sample as a graph of steps; it is applied to every sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Every node stands after those that it takes; the last one is the output.
    nodes: Vec<Node>,
    /// Whether the derivative by the node's tensor is needed in a reverse pass to the input.
    wanted: Vec<bool>,
    /// Whether the node's value is needed in the reverse pass.
    kept: Vec<bool>,
    /// Number of times that the node's value is taken.
    uses: Vec<usize>,
}

impl Graph {
    /// The graph whose last node is the output.
    fn new(nodes: Vec<Node>) -> Self {
        let n = nodes.len();
        let (mut wanted, mut kept, mut uses) = (vec![false; n], vec![false; n], vec![0; n]);
        wanted[n - 1] = true;
        for i in (0..n).rev() {
            let node = &nodes[i];
            node.inputs.iter().for_each(|&j| uses[j] += 1);
            if !wanted[i] {
                continue;
            }
            for (of, &j) in node.inputs.iter().enumerate() {
                if node.step.ignores(of) || !(nodes[j].learns || nodes[j].sees) {
                    continue;
                }
                wanted[j] = true;
                kept[i] |= node.step.keeps(of, None);
                for (slot, &needed) in node.inputs.iter().enumerate() {
                    kept[needed] |= node.step.keeps(of, Some(slot));
                }
            }
        }
        Self { nodes, wanted, kept, uses }
    }

    /// Hands every layer inside of the graph to `visit`.
    pub(super) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Layer)) {
        for node in &self.nodes {
            if let Step::Layer(layer) = &node.step {
                Layer::visit(std::slice::from_ref(layer), visit);
            }
        }
    }

    /// Hands every layer inside of the graph to `change`, until one fails.
    pub(super) fn try_change<E>(&mut self, change: &mut impl FnMut(&mut Layer) -> Result<(), E>) -> Result<(), E> {
        for node in &mut self.nodes {
            if let Step::Layer(layer) = &mut node.step {
                Layer::try_change(std::slice::from_mut(layer), change)?;
            }
        }
        Ok(())
    }

    /// Takes the numbers of its buffers, by their names.
    pub(super) fn fill(&mut self, buffer: &impl Fn(&str) -> Option<Vec<f64>>) -> Result<(), ModelError> {
        for node in &mut self.nodes {
            let size = node.size;
            let get = |name: &str, size: usize| {
                let found = buffer(name).filter(|found| found.len() == size);
                let found = found.ok_or_else(|| ModelError::Buffer { name: name.to_owned() })?;
                if found.iter().any(|v| v.is_nan()) {
                    return Err(ModelError::NotANumber { name: name.to_owned() });
                }
                Ok(found)
            };
            match &mut node.step {
                Step::Buffer { name, values } => *values = Some(Arc::new(get(name, size)?)),
                Step::Layer(layer) => {
                    if let Layer::BatchNorm(norm) = &mut **layer
                        && let Statistics::Fixed { mean, variance } = &mut norm.statistics
                    {
                        *mean = get(&format!("{}.running_mean", norm.name), norm.channels)?;
                        *variance = get(&format!("{}.running_var", norm.name), norm.channels)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether there are numbers that [`Self::fill`] has to give.
    pub(super) fn has_buffers(&self) -> bool {
        let fixed = |layer: &Layer| matches!(layer, Layer::BatchNorm(norm) if matches!(norm.statistics, Statistics::Fixed { .. }));
        self.nodes.iter().any(|node| match &node.step {
            Step::Buffer { .. } => true,
            Step::Layer(layer) => fixed(layer),
            _ => false,
        })
    }

    /// The name of a tensor whose numbers [`Self::fill`] has not given yet.
    pub(super) fn lacks(&self) -> Option<String> {
        self.nodes.iter().find_map(|node| match &node.step {
            Step::Buffer { name, values: None } => Some(name.clone()),
            Step::Layer(layer) => match &**layer {
                Layer::BatchNorm(norm) if norm.lacks_statistics() => Some(format!("{}.running_mean", norm.name)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether anything depends on theta.
    pub(super) fn has_parameters(&self) -> bool {
        self.nodes.iter().any(|node| node.learns)
    }

    /// Number of values that a forward pass computes for one sample.
    pub(super) fn activation_size(&self) -> usize {
        let own = |node: &&Node| !node.shared && !matches!(node.step, Step::Input);
        self.nodes.iter().filter(own).map(|node| node.size).sum()
    }

    /// Number of numbers of the output.
    pub(super) fn n_outputs(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.size)
    }

    /// Whether the last operation is the logarithm of a softmax over all outputs.
    pub(super) fn ends_in_log_softmax(&self) -> bool {
        let is_layer = |node: &Node| matches!(&node.step, Step::Layer(layer) if **layer == Layer::LogSoftmax);
        self.nodes.last().is_some_and(is_layer)
    }

    /// Number of multiplications in its sums of products, for one sample; layers have their own.
    pub(super) fn multiplications(&self) -> usize {
        let of = |node: &Node| match &node.step {
            Step::Contract(map) if node.learns && !node.shared => map.multiplications(),
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    /// The output for the input x. Leaves on the tape what the layers inside leave, then the values that are kept.
    pub(super) fn forward<A: Algebra>(&self, a: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        self.forward_by(a, x, tape, &mut |layer, a, x, tape| layer.forward(a, x, tape))
    }

    /// [`Self::forward`] with the forward pass of a layer in the caller's hands.
    pub(super) fn forward_by<A: Algebra>(
        &self,
        a: &mut A,
        x: A::Tensor,
        tape: &mut Tape<A::Tensor>,
        of_layer: &mut impl FnMut(&Layer, &mut A, A::Tensor, &mut Tape<A::Tensor>) -> A::Tensor,
    ) -> A::Tensor {
        let mut values: Vec<Option<A::Tensor>> = Vec::new();
        values.resize_with(self.nodes.len(), || None);
        let mut left = self.uses.clone();
        let mut input = Some(x);
        for (i, node) in self.nodes.iter().enumerate() {
            let value = match &node.step {
                Step::Input => input.take(),
                Step::Layer(layer) => {
                    let from = node.inputs[0];
                    let last = left[from] == 1 && !self.kept[from];
                    let x = if last { values[from].take() } else { values[from].as_ref().map(|x| a.copy(x)) };
                    x.map(|x| {
                        if self.wanted[i] {
                            tape.mark();
                            of_layer(layer, a, x, tape)
                        } else {
                            of_layer(layer, a, x, &mut Tape::forgetting())
                        }
                    })
                }
                step => {
                    let own = match node.inputs[..] {
                        [first, ref rest @ ..] if step.consumes() => {
                            if left[first] == 1 && !self.kept[first] && !rest.contains(&first) {
                                values[first].take()
                            } else {
                                values[first].as_ref().map(|x| a.copy(x))
                            }
                        }
                        _ => None,
                    };
                    let x: Vec<Option<&A::Tensor>> = node.inputs.iter().map(|&j| values[j].as_ref()).collect();
                    step::forward(node, a, own, &x)
                }
            };
            values[i] = value;
            for &j in &node.inputs {
                left[j] -= 1;
                if left[j] == 0
                    && !self.kept[j]
                    && let Some(done) = values[j].take()
                {
                    a.recycle(done);
                }
            }
        }
        if let Some(unused) = input {
            a.recycle(unused);
        }
        let last = self.nodes.len() - 1;
        let output = if self.kept[last] { values[last].as_ref().map(|y| a.copy(y)) } else { values[last].take() };
        for (i, value) in values.into_iter().enumerate() {
            match value {
                Some(value) if self.kept[i] => tape.push(a, value),
                Some(value) => a.recycle(value),
                None => {}
            }
        }
        // Every node makes a tensor: the builder has checked that inputs stand before what takes them.
        output.unwrap_or_else(|| a.constant(&[]))
    }

    /// The derivative by the input, from the one by the output; `None` where `needs_input` is false. Gradients of parameters
    /// go to the sink.
    pub(super) fn reverse<A: Algebra>(
        &self,
        a: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
        needs_input: bool,
    ) -> Option<A::Tensor> {
        let n = self.nodes.len();
        let mut values: Vec<Option<A::Tensor>> = Vec::new();
        values.resize_with(n, || None);
        for i in (0..n).rev().filter(|&i| self.kept[i]) {
            values[i] = Some(tape.pop()?);
        }
        let mut deltas: Vec<Option<A::Tensor>> = Vec::new();
        deltas.resize_with(n, || None);
        deltas[n - 1] = Some(delta);
        let mut input = None;
        for i in (0..n).rev() {
            let node = &self.nodes[i];
            let delta = deltas[i].take();
            let needed = |j: usize| {
                let from = &self.nodes[j];
                self.wanted[j] && (from.learns || (needs_input && from.sees))
            };
            match (&node.step, delta) {
                (Step::Layer(layer), delta) => {
                    if let Some(delta) = delta {
                        let from = node.inputs[0];
                        let out = layer.reverse(a, delta, tape, needed(from));
                        if let Some(out) = out {
                            if needed(from) { gather(&mut deltas[from], a, out) } else { a.recycle(out) }
                        }
                    }
                    if self.wanted[i] {
                        tape.back_to_mark(a);
                    }
                }
                (_, None) => {}
                (Step::Input, Some(delta)) => input = Some(delta),
                (Step::Parameter(range), Some(delta)) => {
                    let delta = a.regroup(delta, range.len());
                    a.parameter_gradient(range, &delta);
                    a.recycle(delta);
                }
                (step, Some(delta)) => {
                    let wanted = |&(of, &j): &(usize, &usize)| !step.ignores(of) && needed(j);
                    let mut left = node.inputs.iter().enumerate().filter(wanted).count();
                    let mut delta = Some(delta);
                    for (of, &j) in node.inputs.iter().enumerate().filter(wanted) {
                        left -= 1;
                        let own = if left == 0 { delta.take() } else { delta.as_ref().map(|delta| a.copy(delta)) };
                        let x: Vec<Option<&A::Tensor>> = node.inputs.iter().map(|&j| values[j].as_ref()).collect();
                        let out =
                            own.and_then(|own| step::reverse(node, &self.nodes[j], of, a, own, &x, values[i].as_ref()));
                        if let Some(out) = out {
                            gather(&mut deltas[j], a, out);
                        }
                    }
                    if let Some(delta) = delta {
                        a.recycle(delta);
                    }
                }
            }
        }
        values.into_iter().flatten().for_each(|value| a.recycle(value));
        if needs_input {
            return input;
        }
        if let Some(input) = input {
            a.recycle(input);
        }
        None
    }
}

/// Adds a derivative to those that other uses of the same tensor have given.
fn gather<A: Algebra>(sum: &mut Option<A::Tensor>, a: &mut A, delta: A::Tensor) {
    *sum = Some(match sum.take() {
        None => delta,
        Some(sum) => {
            let sum = a.add(sum, &delta);
            a.recycle(delta);
            sum
        }
    });
}
