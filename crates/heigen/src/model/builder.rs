//! Builds networks layer by layer, with PyTorch's names.

use super::{BatchNorm, Layer, Linear, ModelError, ParamLayout, Reorder, Shape, Statistics, Window};
use crate::vocabulary::Activation;
use std::fmt;

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

    /// A builder for images.
    pub(super) fn images(shape: Shape) -> Self {
        let layers = vec![Layer::Reorder(Reorder { shape, flatten: false })];
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
        let weight = format!("{name}.weight");
        if self.layout.entries().iter().any(|e| e.name == weight) {
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

    pub(super) fn linear(&mut self, name: &str, outputs: usize, bias: bool) -> Result<(), ModelError> {
        self.room(name, outputs.checked_mul(self.form.shape.channels))?;
        let weight = self.layout.push(format!("{name}.weight"), &[outputs, self.form.shape.channels]);
        let bias = bias.then(|| self.layout.push(format!("{name}.bias"), &[outputs]));
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: None }));
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
    ) -> Result<(), ModelError> {
        let window = self.window(&format!("{name} (conv2d)"), places)?;
        let kernel = window.kernel;
        let inputs = self.form.shape.channels.checked_mul(window.taps());
        self.room(name, inputs.and_then(|inputs| inputs.checked_mul(outputs)))?;
        let weight = self.layout.push(format!("{name}.weight"), &[outputs, self.form.shape.channels, kernel, kernel]);
        let bias = bias.then(|| self.layout.push(format!("{name}.bias"), &[outputs]));
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: Some(window) }));
        self.form.shape = window.output(outputs);
        self.room(name, self.form.shape.checked_features())
    }

    pub(super) fn batch_norm(&mut self, name: &str, epsilon: f64) {
        let channels = self.form.shape.channels;
        let weight = self.layout.push(format!("{name}.weight"), &[channels]);
        let bias = self.layout.push(format!("{name}.bias"), &[channels]);
        for buffer in ["running_mean", "running_var"] {
            self.layout.push_buffer(format!("{name}.{buffer}"), &[channels]);
        }
        self.layout.push_buffer(format!("{name}.num_batches_tracked"), &[]);
        let (name, statistics) = (name.to_owned(), Statistics::Batch);
        self.layers.push(Layer::BatchNorm(BatchNorm { name, weight, bias, epsilon, statistics }));
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

    pub(super) fn flatten(&mut self) {
        let shape = self.form.shape;
        if shape.pixels() > 1 {
            let undone = |last: &mut Layer| matches!(last, Layer::Reorder(Reorder { flatten: false, .. }));
            if self.layers.pop_if(undone).is_none() {
                self.layers.push(Layer::Reorder(Reorder { shape, flatten: true }));
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
