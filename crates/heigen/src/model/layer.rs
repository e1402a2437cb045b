//! Layers, each with one forward pass and one reverse pass that serve all carriers.

use super::binary_logits::BinaryLogits;
use super::softmax::{LogSoftmax, LogSoftmaxReverse};
use super::{Algebra, Average, BatchNorm, Function, Graph, Linear, Reorder, Scale, Tape, Window};
use crate::vocabulary::Activation;

/// One step of a network.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// The map W x + b of every sample, or of every patch.
    Linear(Linear),
    /// A function f(x), entry by entry.
    Activation(Activation),
    /// The map x - log(sum(exp(x))) of every sample.
    LogSoftmax,
    /// The change from PyTorch's order of an image to the one inside the network, or back (`flatten`).
    Reorder(Reorder),
    /// The largest entry in each place of a window.
    MaxPool(Window),
    /// The mean in each place of a window.
    AveragePool(Window),
    /// Batch normalisation.
    BatchNorm(BatchNorm),
    /// The function scale * x + shift of every feature or channel, without parameters.
    Scale(Scale),
    /// The logits [0, z] of a single output z.
    BinaryLogits,
    /// The sum main(x) + shortcut(x).
    Residual(Residual),
    /// A graph of operations.
    Graph(Box<Graph>),
}

/// Two branches with the same input, whose outputs are added; an empty shortcut is the identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Residual {
    /// The layers of the block.
    pub main: Vec<Layer>,
    /// The layers whose output is added to that of the block; none for the identity.
    pub shortcut: Vec<Layer>,
}

impl Layer {
    /// Hands every layer of a list to `visit`, those inside of residual blocks in the place of their block (main branch, then
    /// shortcut), those inside of a graph before the graph.
    pub fn visit<'a>(layers: &'a [Self], visit: &mut dyn FnMut(&'a Self)) {
        for layer in layers {
            match layer {
                Self::Residual(block) => {
                    Self::visit(&block.main, visit);
                    Self::visit(&block.shortcut, visit);
                }
                Self::Graph(graph) => {
                    graph.visit(visit);
                    visit(layer);
                }
                other => visit(other),
            }
        }
    }

    /// Whether every layer of a list, and of the residual blocks in it, is as `holds` says. (Allocates nothing: it is asked
    /// in every epoch.)
    pub fn all(layers: &[Self], holds: impl Fn(&Self) -> bool) -> bool {
        let mut all = true;
        Self::visit(layers, &mut |layer| all &= holds(layer));
        all
    }

    /// Hands every layer of a list to `change`, in the order of [`Layer::visit`], until one fails.
    pub(super) fn try_change<E>(
        layers: &mut [Self],
        change: &mut impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        for layer in layers {
            match layer {
                Self::Residual(block) => {
                    Self::try_change(&mut block.main, change)?;
                    Self::try_change(&mut block.shortcut, change)?;
                }
                Self::Graph(graph) => {
                    graph.try_change(change)?;
                    change(layer)?;
                }
                other => change(other)?,
            }
        }
        Ok(())
    }

    /// The output y for the input x; leaves on the tape the tensors that [`Layer::reverse`] needs.
    pub fn forward<A: Algebra>(&self, a: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        let y = match self {
            Self::Linear(l) => a.affine(l, &x),
            Self::Activation(f) => a.elementwise(Function::Activation(*f), 0, &x),
            Self::LogSoftmax => a.per_sample([&x], &LogSoftmax),
            Self::MaxPool(window) => a.max_pool(window, &x),
            Self::Reorder(map) => {
                let y = a.per_image(map, &x);
                a.recycle(x);
                return y;
            }
            Self::AveragePool(window) => {
                let y = a.per_image(&Average { window, transposed: false }, &x);
                a.recycle(x);
                return y;
            }
            Self::BatchNorm(layer) => return layer.forward(a, x, tape),
            Self::Scale(layer) => return layer.forward(a, x),
            Self::BinaryLogits => {
                let y = a.per_image(&BinaryLogits { transposed: false }, &x);
                a.recycle(x);
                return y;
            }
            Self::Graph(graph) => return graph.forward(a, x, tape),
            Self::Residual(block) => {
                let own = a.copy(&x);
                let y = forward(&block.main, a, own, tape);
                let shortcut = forward(&block.shortcut, a, x, tape);
                let y = a.add(y, &shortcut);
                a.recycle(shortcut);
                return y;
            }
        };
        tape.push(a, x);
        y
    }

    /// The derivative with respect to x, from the one with respect to y; the gradient of the parameters goes to the
    /// sink. `None` where `needs_input` is false, because no layer before this one has parameters.
    pub fn reverse<A: Algebra>(
        &self,
        a: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
        needs_input: bool,
    ) -> Option<A::Tensor> {
        match self {
            Self::Linear(l) => {
                let x = tape.pop()?;
                a.affine_gradient(l, &delta, &x);
                a.recycle(x);
                let out = needs_input.then(|| a.affine_transposed(l, &delta));
                a.recycle(delta);
                out
            }
            Self::Activation(f) => {
                let x = tape.pop()?;
                let slope = a.elementwise(Function::Activation(*f), 1, &x);
                let out = a.multiply(delta, &slope);
                a.recycle(slope);
                a.recycle(x);
                Some(out)
            }
            Self::LogSoftmax => {
                let x = tape.pop()?;
                let out = a.per_sample([&delta, &x], &LogSoftmaxReverse);
                a.recycle(delta);
                a.recycle(x);
                Some(out)
            }
            Self::MaxPool(window) => {
                let x = tape.pop()?;
                let out = a.max_pool_transposed(window, &delta, &x);
                a.recycle(delta);
                a.recycle(x);
                Some(out)
            }
            Self::Reorder(map) => {
                let out = a.per_image(&Reorder { flatten: !map.flatten, ..*map }, &delta);
                a.recycle(delta);
                Some(out)
            }
            Self::AveragePool(window) => {
                let out = a.per_image(&Average { window, transposed: true }, &delta);
                a.recycle(delta);
                Some(out)
            }
            Self::BatchNorm(layer) => layer.reverse(a, delta, tape),
            Self::Scale(layer) => Some(layer.reverse(a, delta)),
            Self::BinaryLogits => {
                let out = a.per_image(&BinaryLogits { transposed: true }, &delta);
                a.recycle(delta);
                Some(out)
            }
            Self::Graph(graph) => graph.reverse(a, delta, tape, needs_input),
            Self::Residual(block) => {
                let own = a.copy(&delta);
                // The tape is a stack, so the branch that went forward last comes back first.
                let shortcut = reverse(&block.shortcut, a, own, tape, None)?;
                let out = reverse(&block.main, a, delta, tape, None)?;
                let out = a.add(out, &shortcut);
                a.recycle(shortcut);
                Some(out)
            }
        }
    }

    /// Whether the layer has parameters.
    pub fn has_parameters(&self) -> bool {
        match self {
            Self::Linear(_) => true,
            Self::BatchNorm(layer) => layer.affine.is_some(),
            Self::Graph(graph) => graph.has_parameters(),
            Self::Residual(block) => block.main.iter().chain(&block.shortcut).any(Self::has_parameters),
            Self::Activation(_)
            | Self::LogSoftmax
            | Self::Reorder(_)
            | Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::Scale(_)
            | Self::BinaryLogits => false,
        }
    }
}

/// Runs the layers one after another.
pub(super) fn forward<A: Algebra>(layers: &[Layer], a: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
    layers.iter().fold(x, |x, layer| layer.forward(a, x, tape))
}

/// Runs the layers backwards, to the input of the first one; or only to the parameters of layer `last`, whose input
/// nobody needs.
pub(super) fn reverse<A: Algebra>(
    layers: &[Layer],
    a: &mut A,
    delta: A::Tensor,
    tape: &mut Tape<A::Tensor>,
    last: Option<usize>,
) -> Option<A::Tensor> {
    let mut delta = Some(delta);
    for (i, layer) in layers.iter().enumerate().skip(last.unwrap_or(0)).rev() {
        delta = delta.and_then(|d| layer.reverse(a, d, tape, last != Some(i)));
    }
    delta
}
