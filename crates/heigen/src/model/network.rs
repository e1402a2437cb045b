//! A network: a sequence of layers with the layout of its parameters.

use super::builder::Builder;
use super::{Algebra, Layer, ModelError, ParamLayout, Plain, Pool, Sink, Statistics, Tape, architectures, layer};
use crate::linalg::{Matrix, Scalar, par};
use crate::vocabulary::{Activation, ModelSpec, Tie};
use rayon::prelude::*;

/// Numbers of a tile of samples that stay in the cache or nearly so.
const CACHED: usize = 1 << 20;
/// The most numbers that a tile has where its weights do not stay in the cache: 128 MiB in float32.
const LARGEST: usize = 1 << 25;

/// A classifier from samples of d features to C outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    layout: ParamLayout,
    n_inputs: usize,
    n_outputs: usize,
}

impl Network {
    /// The network of `spec` for samples of `n_inputs` features and `n_outputs` classes, with PyTorch's parameter names.
    ///
    /// # Errors
    /// [`ModelError`] if a size is 0, or the samples are not the images that the network takes.
    pub fn build(spec: &ModelSpec, n_inputs: usize, n_outputs: usize) -> Result<Self, ModelError> {
        Self::build_for(spec, &[n_inputs], n_outputs)
    }

    /// [`Network::build`] for samples of `shape`: images have the shape channels, rows, columns.
    ///
    /// # Errors
    /// The errors of [`Network::build`]; also if a layer of [`ModelSpec::Sequential`] cannot take the output of the one
    /// before.
    pub fn build_for(spec: &ModelSpec, shape: &[usize], n_outputs: usize) -> Result<Self, ModelError> {
        let n_inputs = shape.iter().product();
        if n_inputs == 0 || n_outputs == 0 {
            return Err(ModelError::Empty { inputs: n_inputs, outputs: n_outputs });
        }
        let Builder { layers, layout, .. } = architectures::build(spec, shape, n_outputs)?;
        Ok(Self { layers, layout, n_inputs, n_outputs })
    }

    /// Fully connected layers of the given widths with an activation between them, named `fc1`, `fc2`, ...
    ///
    /// # Errors
    /// [`ModelError::Empty`] if there are fewer than two widths or one is 0.
    pub fn fully_connected(widths: &[usize], activation: Activation) -> Result<Self, ModelError> {
        let (Some(&n_inputs), Some(&n_outputs)) = (widths.first(), widths.last()) else {
            return Err(ModelError::Empty { inputs: 0, outputs: 0 });
        };
        if widths.len() < 2 || widths.contains(&0) {
            return Err(ModelError::Empty { inputs: n_inputs, outputs: n_outputs });
        }
        let mut builder = Builder::features(n_inputs);
        for (i, &outputs) in widths[1..].iter().enumerate() {
            if i > 0 {
                builder.layers.push(Layer::Activation(activation));
            }
            builder.linear(&format!("fc{}", i + 1), outputs, true, &Tie::default())?;
        }
        let Builder { layers, layout, .. } = builder;
        Ok(Self { layers, layout, n_inputs, n_outputs })
    }

    /// This network with fixed statistics in its batch normalisation (evaluation mode): `buffer` gives the running
    /// means and variances by PyTorch's names, e.g. `model.bn1.running_mean`.
    ///
    /// # Errors
    /// [`ModelError::Statistics`] if a mean or variance is missing or has another length.
    pub fn with_fixed_statistics(&self, buffer: impl Fn(&str) -> Option<Vec<f64>>) -> Result<Self, ModelError> {
        let mut network = self.clone();
        fix_statistics(&mut network.layers, &buffer)?;
        Ok(network)
    }

    /// Whether there are graphs that take numbers from the weights file which are no parameters.
    pub fn has_graph_buffers(&self) -> bool {
        !Layer::all(&self.layers, |layer| !matches!(layer, Layer::Graph(graph) if graph.has_buffers()))
    }

    /// This network with the numbers that its graphs take from the weights file besides parameters: masks, tables, and the
    /// running statistics of their normalisations in evaluation mode. `buffer` gives them by their names.
    ///
    /// # Errors
    /// [`ModelError::Buffer`] if one is missing or has another length, [`ModelError::NotANumber`] if one holds NaN. Infinite
    /// numbers are welcome: masks have them.
    pub fn with_graph_buffers(&self, buffer: impl Fn(&str) -> Option<Vec<f64>>) -> Result<Self, ModelError> {
        let mut network = self.clone();
        Layer::try_change(&mut network.layers, &mut |layer| match layer {
            Layer::Graph(graph) => graph.fill(&buffer),
            _ => Ok(()),
        })?;
        Ok(network)
    }

    /// Checks that the network has all numbers besides theta which its outputs depend on.
    ///
    /// # Errors
    /// [`ModelError::Buffer`] with the name of a tensor that [`Network::with_graph_buffers`] has not given.
    pub fn check_complete(&self) -> Result<(), ModelError> {
        let mut missing = None;
        Layer::visit(&self.layers, &mut |layer| {
            if let (None, Layer::Graph(graph)) = (&missing, layer) {
                missing = graph.lacks();
            }
        });
        missing.map_or(Ok(()), |name| Err(ModelError::Buffer { name }))
    }

    /// This network with the two logits [0, z] of a binary classifier in place of its single output z; `None` if it has
    /// another number of outputs. Parameters stay.
    pub fn with_binary_logits(&self) -> Option<Self> {
        (self.n_outputs == 1).then(|| {
            let mut network = self.clone();
            network.layers.push(Layer::BinaryLogits);
            network.n_outputs = 2;
            network
        })
    }

    /// Whether the outputs are the two logits [0, z] of a single number z.
    pub fn has_binary_logits(&self) -> bool {
        matches!(self.layers.last(), Some(Layer::BinaryLogits))
    }

    /// This network with its layers changed, those inside of residual blocks, too, in the order of [`Layer::visit`].
    pub(super) fn with_layers_changed(&self, mut change: impl FnMut(&mut Layer)) -> Self {
        let mut network = self.clone();
        let mut infallible = |layer: &mut Layer| {
            change(layer);
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = Layer::try_change(&mut network.layers, &mut infallible);
        network
    }

    /// Whether the outputs are linear in the parameters of every single layer while all others are held fixed, wherever
    /// no unit sits on a kink. A log-softmax at the end does not count. Layers that have a tensor in common cannot be held
    /// fixed apart from each other, so that networks with tied weights are not multilinear.
    pub fn is_multilinear(&self) -> bool {
        let linear = |layer: &Layer| match layer {
            Layer::Linear(_)
            | Layer::Reorder(_)
            | Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::Scale(_)
            | Layer::BinaryLogits => true,
            Layer::Activation(f) => *f == Activation::Relu,
            Layer::Residual(_) | Layer::LogSoftmax | Layer::BatchNorm(_) | Layer::Graph(_) => false,
        };
        if self.layout.has_ties() {
            return false;
        }
        let end = self.layers.len() - usize::from(matches!(self.layers.last(), Some(Layer::LogSoftmax)));
        Layer::all(&self.layers[..end], linear)
    }

    /// Whether the output of a sample depends on the other samples of its batch, because batch normalisation uses the
    /// batch's statistics.
    pub fn couples_samples(&self) -> bool {
        let couples = |layer: &Layer| matches!(layer, Layer::BatchNorm(norm) if norm.statistics == Statistics::Batch);
        !Layer::all(&self.layers, |layer| !couples(layer))
    }

    /// Whether the outputs are log-probabilities, because a log-softmax over all of them is the last operation.
    pub fn ends_in_log_softmax(&self) -> bool {
        match self.layers.last() {
            Some(Layer::LogSoftmax) => true,
            Some(Layer::Graph(graph)) => graph.ends_in_log_softmax(),
            _ => false,
        }
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &ParamLayout {
        &self.layout
    }

    /// P, the number of parameters.
    pub fn n_params(&self) -> usize {
        self.layout.n_params()
    }

    /// d, the number of features of a sample.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// C, the number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// The outputs [C, N] for inputs [d, N].
    pub fn forward<A: Algebra>(&self, algebra: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        layer::forward(&self.layers, algebra, x, tape)
    }

    /// Runs the layers backwards from the derivative of the loss with respect to the outputs. The carrier's sink
    /// receives the gradients of the parameters. A recording [`Network::forward`] must come before it.
    pub fn reverse<A: Algebra>(&self, algebra: &mut A, delta: A::Tensor, tape: &mut Tape<A::Tensor>) {
        let first = self.layers.iter().position(Layer::has_parameters);
        let delta = self.reverse_to(first, algebra, delta, tape);
        // A layer before the first parameters has left something on the tape only if it is a nonlinearity.
        tape.clear(algebra);
        if let Some(delta) = delta {
            algebra.recycle(delta);
        }
    }

    /// The reverse pass down to the inputs: the derivative of the loss with respect to the inputs, [d, N]. `None` never
    /// happens after a forward pass of the same network.
    pub fn reverse_to_input<A: Algebra>(
        &self,
        algebra: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
    ) -> Option<A::Tensor> {
        self.reverse_to(None, algebra, delta, tape)
    }

    /// Runs the layers backwards to the input, or only to the parameters of layer `last`.
    fn reverse_to<A: Algebra>(
        &self,
        last: Option<usize>,
        algebra: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
    ) -> Option<A::Tensor> {
        if self.layout.has_ties() {
            algebra.expect_ties();
        }
        let delta = layer::reverse(&self.layers, algebra, delta, tape, last);
        algebra.end_reverse();
        delta
    }

    /// Number of values that a forward pass computes for one sample, in all layers together.
    pub fn activation_size(&self) -> usize {
        fn size(layers: &[Layer], own: &mut usize) -> usize {
            let mut total = 0;
            for layer in layers {
                let shape = |window: &super::Window, channels| window.output(channels).features();
                match layer {
                    Layer::Linear(l) => *own = l.window.map_or(l.outputs, |w| shape(&w, l.outputs)),
                    Layer::MaxPool(w) | Layer::AveragePool(w) => *own = shape(w, w.input.channels),
                    Layer::Residual(block) => {
                        let mut shortcut = *own;
                        total += size(&block.main, own) + size(&block.shortcut, &mut shortcut);
                    }
                    Layer::BinaryLogits => *own = 2,
                    Layer::Graph(graph) => {
                        total += graph.activation_size();
                        *own = graph.n_outputs();
                        continue;
                    }
                    Layer::Activation(_)
                    | Layer::LogSoftmax
                    | Layer::Reorder(_)
                    | Layer::BatchNorm(_)
                    | Layer::Scale(_) => {}
                }
                total += *own;
            }
            total
        }
        let mut own = self.n_inputs;
        self.n_inputs + size(&self.layers, &mut own)
    }

    /// Number of multiplications with weights in a forward pass of one sample.
    pub fn multiplications(&self) -> usize {
        let of = |layer: &Layer| match layer {
            Layer::Linear(l) => l.weight.len() * l.columns_per_sample().1,
            Layer::Graph(graph) => graph.multiplications(),
            _ => 0,
        };
        let mut sum = 0;
        Layer::visit(&self.layers, &mut |layer| sum += of(layer));
        sum
    }

    /// The outputs [C, N] for inputs `x` [d, N] at `theta` `[P]`. They are NaN where they depend on numbers that the network
    /// has not been given ([`Network::check_complete`]).
    pub fn outputs<T: Scalar>(&self, theta: &[T], x: &Matrix<T>) -> Matrix<T> {
        self.outputs_by_tiles(theta, x, self.tile(x.columns, 1))
    }

    /// [`Network::outputs`] where `tile` samples go through the network together.
    pub(crate) fn outputs_by_tiles<T: Scalar>(&self, theta: &[T], x: &Matrix<T>, tile: usize) -> Matrix<T> {
        let mut outputs = Matrix::zeros(self.n_outputs, x.columns);
        outputs.data.par_chunks_mut((tile * self.n_outputs).max(1)).enumerate().for_each_init(
            Pool::new,
            |pool, (i, out)| {
                let tile = x.columns(i * tile..(i * tile + tile).min(x.columns));
                let mut plain = Plain::new(theta, Sink::None, pool, par());
                let input = plain.input(&tile);
                let y = self.forward(&mut plain, input, &mut Tape::forgetting());
                out.copy_from_slice(&y.data);
                plain.recycle(y);
            },
        );
        outputs
    }

    /// How many of `samples` samples go through the network together, with `copies` numbers for each activation: all of
    /// them where they depend on each other, else as many as fit into the cache or nearly so, or, where weights do not fit
    /// into it, as many as make their products pay. It does not depend on the machine.
    pub(crate) fn tile(&self, samples: usize, copies: usize) -> usize {
        if self.couples_samples() {
            return samples.max(1);
        }
        let mut paying = 1;
        Layer::visit(&self.layers, &mut |layer| {
            if let Layer::Linear(linear) = layer {
                paying = paying.max(linear.paying_samples());
            }
        });
        let numbers = paying.saturating_mul(self.activation_size()).saturating_mul(copies).clamp(CACHED, LARGEST);
        self.tile_within(numbers, samples, copies)
    }

    /// The number of samples in a tile, out of `samples`, so that their activations have about `numbers` numbers and
    /// all tiles are of nearly equal size.
    pub(crate) fn tile_within(&self, numbers: usize, samples: usize, copies: usize) -> usize {
        let tile = (numbers / (self.activation_size() * copies).max(1)).clamp(1, samples.max(1));
        samples.div_ceil(samples.div_ceil(tile).max(1)).max(1)
    }
}

fn fix_statistics(layers: &mut [Layer], buffer: &impl Fn(&str) -> Option<Vec<f64>>) -> Result<(), ModelError> {
    for layer in layers {
        match layer {
            Layer::BatchNorm(norm) => {
                let get = |which: &str| {
                    let name = format!("{}.{which}", norm.name);
                    let found = buffer(&name).filter(|values| values.len() == norm.channels);
                    found.ok_or(ModelError::Statistics { name })
                };
                norm.statistics = Statistics::Fixed { mean: get("running_mean")?, variance: get("running_var")? };
            }
            Layer::Residual(block) => {
                fix_statistics(&mut block.main, buffer)?;
                fix_statistics(&mut block.shortcut, buffer)?;
            }
            Layer::Graph(graph) => graph.fill(buffer)?,
            _ => {}
        }
    }
    Ok(())
}

/// The class of every column: the index of its largest output, the first one of several, as `argmax` in PyTorch.
pub fn predict<T: Scalar>(outputs: &Matrix<T>) -> Vec<usize> {
    outputs.iter_columns().map(argmax).collect()
}

/// The index of the largest entry, the first one of several.
pub fn argmax<T: Scalar>(values: &[T]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}
