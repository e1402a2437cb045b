//! Builds networks layer by layer, with PyTorch's names.

use super::{BatchNorm, Layer, Linear, ModelError, ParamLayout, Reorder, Scale, Shape, Statistics, Window, graph};
use crate::vocabulary::{Activation, GraphSpec, Tie};
use std::fmt;
use std::ops::Range;

/// The largest number of parameters, and of numbers made of one sample, that is accepted.
const MOST: usize = 1 << 33;

/// The layers so far, and the form of the last one's output.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) layers: Vec<Layer>,
    pub(super) layout: ParamLayout,
    form: Form,
}

/// The size of one sample after a layer, and whether it is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The shape of the sample; features count as channels of a single pixel.
    pub(super) shape: Shape,
    /// Whether it is an image; otherwise it has features.
    pub(super) image: bool,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.image { write!(f, "an image of {}", self.shape) } else { write!(f, "{} features", self.shape.channels) }
    }
}

impl Builder {
    /// A builder for samples of `features` numbers.
    pub(super) fn features(features: usize) -> Self {
        let form = Form { shape: Shape { channels: features, height: 1, width: 1 }, image: false };
        Self { layers: vec![], layout: ParamLayout::default(), form }
    }

    /// A builder for images, channel after channel or pixel after pixel.
    pub(super) fn images(shape: Shape, channels_last: bool) -> Self {
        let layers = vec![Layer::Reorder(Reorder { shape, flatten: false, channels_last })];
        Self { layers, layout: ParamLayout::default(), form: Form { shape, image: true } }
    }

    /// The form of the last layer's output.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Fails if the last layer's output is an image.
    pub(super) fn needs_features(&self, name: &str, kind: &str) -> Result<(), ModelError> {
        self.needs(!self.form.image, name, kind, "features; put a flatten before it")
    }

    /// Fails if the last layer's output has features and is no image.
    pub(super) fn needs_image(&self, name: &str, kind: &str) -> Result<(), ModelError> {
        let wanted = "an image of channels x rows x columns; `input_shape` makes features into one";
        self.needs(self.form.image, name, kind, wanted)
    }

    fn needs(&self, met: bool, name: &str, kind: &str, wanted: &str) -> Result<(), ModelError> {
        if met {
            return Ok(());
        }
        let (layer, got) = (format!("layer {name} ({kind})"), self.form.to_string());
        Err(ModelError::Layer { layer, got, wanted: wanted.to_owned() })
    }

    /// Fails if another layer has this name already.
    pub(super) fn claim(&self, name: &str) -> Result<(), ModelError> {
        if self.layout.named(&format!("{name}.weight")).is_some() {
            return Err(ModelError::Name { name: name.to_owned() });
        }
        Ok(())
    }

    /// Fails if no memory holds `numbers`, the size of a tensor or of a layer's output for one sample.
    fn room(&self, name: &str, numbers: Option<usize>) -> Result<(), ModelError> {
        let total = numbers.and_then(|n| n.checked_add(self.layout.n_params()));
        if total.is_none_or(|n| n > MOST) {
            return Err(ModelError::TooLarge { layer: name.to_owned() });
        }
        Ok(())
    }

    /// Appends a tensor of layer `layer`: one of its own, or the one that an earlier layer has under the name `tie`.
    fn parameter(
        &mut self,
        layer: &str,
        part: &str,
        shape: &[usize],
        tie: Option<&str>,
    ) -> Result<Range<usize>, ModelError> {
        let name = format!("{layer}.{part}");
        let Some(other) = tie else { return Ok(self.layout.push(name, shape)) };
        let found = self.layout.named(other).map(|entry| entry.shape.clone());
        match self.layout.push_tied(name, other) {
            Some(range) if found.as_deref() == Some(shape) => Ok(range),
            _ => Err(ModelError::Tie {
                tensor: format!("{layer}.{part}"),
                shape: shape.to_vec(),
                other: other.to_owned(),
                found,
            }),
        }
    }

    pub(super) fn linear(&mut self, name: &str, outputs: usize, bias: bool, tie: &Tie) -> Result<(), ModelError> {
        self.room(name, outputs.checked_mul(self.form.shape.channels))?;
        let weight = self.parameter(name, "weight", &[outputs, self.form.shape.channels], tie.weight.as_deref())?;
        let bias = bias.then(|| self.parameter(name, "bias", &[outputs], tie.bias.as_deref())).transpose()?;
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: None, ordered: false }));
        self.form.shape.channels = outputs;
        Ok(())
    }

    /// Appends a convolution; `places` are kernel, stride and padding.
    pub(super) fn convolution(
        &mut self,
        name: &str,
        outputs: usize,
        places: [usize; 3],
        bias: bool,
        tie: &Tie,
    ) -> Result<(), ModelError> {
        let window = self.window(&format!("{name} (conv2d)"), places)?;
        let kernel = window.kernel;
        let inputs = self.form.shape.channels.checked_mul(window.taps());
        self.room(name, inputs.and_then(|inputs| inputs.checked_mul(outputs)))?;
        let shape = [outputs, self.form.shape.channels, kernel, kernel];
        let weight = self.parameter(name, "weight", &shape, tie.weight.as_deref())?;
        let bias = bias.then(|| self.parameter(name, "bias", &[outputs], tie.bias.as_deref())).transpose()?;
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: Some(window), ordered: false }));
        self.form.shape = window.output(outputs);
        self.room(name, self.form.shape.checked_features())
    }

    pub(super) fn batch_norm(&mut self, name: &str, epsilon: f64, affine: bool) {
        let channels = self.form.shape.channels;
        let mut parameter = |part: &str| self.layout.push(format!("{name}.{part}"), &[channels]);
        let affine = affine.then(|| [parameter("weight"), parameter("bias")]);
        for buffer in ["running_mean", "running_var"] {
            self.layout.push_buffer(format!("{name}.{buffer}"), &[channels]);
        }
        self.layout.push_buffer(format!("{name}.num_batches_tracked"), &[]);
        let (name, statistics) = (name.to_owned(), Statistics::Batch);
        self.layers.push(Layer::BatchNorm(BatchNorm { name, channels, affine, epsilon, statistics }));
    }

    /// Appends the function scale * x + shift; each list has one number, or one for every feature or channel.
    pub(super) fn scaling(&mut self, name: &str, scale: &[f64], shift: &[f64]) -> Result<(), ModelError> {
        let channels = self.form.shape.channels;
        let spread = |values: &[f64]| match *values {
            [one] => Some(vec![one; channels]),
            _ => (values.len() == channels).then(|| values.to_vec()),
        };
        let (Some(scale), Some(shift)) = (spread(scale), spread(shift)) else {
            let wanted = format!("as many numbers as `scale` and `shift` have, {} and {}", scale.len(), shift.len());
            return Err(ModelError::Layer {
                layer: format!("layer {name} (scale)"),
                got: self.form.to_string(),
                wanted,
            });
        };
        self.layers.push(Layer::Scale(Scale { scale, shift }));
        Ok(())
    }

    /// Appends a graph of operations; its output counts as features.
    pub(super) fn graph(&mut self, name: &str, spec: &GraphSpec) -> Result<(), ModelError> {
        let layer = graph::build(spec, self.form, &mut self.layout)?;
        let outputs = match &layer {
            Layer::Graph(graph) => graph.n_outputs(),
            _ => 0,
        };
        self.layers.push(layer);
        self.form = Form { shape: Shape { channels: outputs, height: 1, width: 1 }, image: false };
        self.room(name, Some(outputs))
    }

    /// Appends the logits [0, z] of a single output z.
    pub(super) fn binary_logits(&mut self, name: &str) -> Result<(), ModelError> {
        if self.form.image || self.form.shape.channels != 1 {
            return Err(ModelError::Layer {
                layer: format!("layer {name} (binary_logits)"),
                got: self.form.to_string(),
                wanted: "a single feature, the logit of the second of two classes".into(),
            });
        }
        self.layers.push(Layer::BinaryLogits);
        self.form.shape.channels = 2;
        Ok(())
    }

    /// Appends a max-pool. If it follows a ReLU it is put before it, which is cheaper: a function that grows does not
    /// change which entry is the largest, and the derivative is the same.
    pub(super) fn max_pool(&mut self, name: &str, places: [usize; 3]) -> Result<(), ModelError> {
        let window = self.window(&format!("{name} (maxpool)"), places)?;
        let relu = self.layers.pop_if(|last| matches!(last, Layer::Activation(Activation::Relu)));
        self.layers.push(Layer::MaxPool(window));
        self.layers.extend(relu);
        self.form.shape = window.output(self.form.shape.channels);
        Ok(())
    }

    /// Appends a layer that takes the mean over every window.
    pub(super) fn average_pool(&mut self, name: &str, places: [usize; 3]) -> Result<(), ModelError> {
        let window = self.window(&format!("{name} (avgpool)"), places)?;
        self.layers.push(Layer::AveragePool(window));
        self.form.shape = window.output(self.form.shape.channels);
        Ok(())
    }

    /// Appends a layer that takes the mean over all pixels.
    pub(super) fn global_average_pool(&mut self, name: &str) -> Result<(), ModelError> {
        let Shape { height, width, .. } = self.form.shape;
        if height != width {
            return Err(ModelError::Layer {
                layer: format!("layer {name} (global_avgpool)"),
                got: self.form.to_string(),
                wanted: "a square image".into(),
            });
        }
        self.average_pool(name, [height, 1, 0])
    }

    /// Turns the image into features, channel after channel or pixel after pixel.
    pub(super) fn flatten(&mut self, channels_last: bool) {
        let shape = self.form.shape;
        if shape.pixels() > 1 {
            let to_image = Layer::Reorder(Reorder { shape, flatten: false, channels_last });
            let undone = |last: &mut Layer| *last == to_image;
            if self.layers.pop_if(undone).is_none() {
                self.layers.push(Layer::Reorder(Reorder { shape, flatten: true, channels_last }));
            }
        }
        self.form = Form { shape: Shape { channels: shape.features(), height: 1, width: 1 }, image: false };
    }

    /// Builds layers apart from the others, with the same input: one branch of a residual block.
    pub(super) fn aside(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<(), ModelError>,
    ) -> Result<(Vec<Layer>, Form), ModelError> {
        let (before, form) = (std::mem::take(&mut self.layers), self.form);
        let built = build(self);
        let layers = std::mem::replace(&mut self.layers, before);
        let after = std::mem::replace(&mut self.form, form);
        built.map(|()| (layers, after))
    }

    /// Declares the form of the last layer's output.
    pub(super) fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    fn window(&self, layer: &str, [kernel, stride, padding]: [usize; 3]) -> Result<Window, ModelError> {
        let error = || ModelError::Window { layer: layer.to_owned(), image: self.form.shape, kernel };
        Window::new(self.form.shape, kernel, stride, padding).ok_or_else(error)
    }
}
