//! Putting networks together, layer by layer, with PyTorch's names.

use super::{BatchNorm, Layer, Linear, ModelError, ParamLayout, Reorder, Shape, Statistics, Window};

/// Layers so far, and the size of what the last one makes.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) layers: Vec<Layer>,
    pub(super) layout: ParamLayout,
    shape: Shape,
}

impl Builder {
    /// For samples of `features` numbers.
    pub(super) fn features(features: usize) -> Self {
        let shape = Shape { channels: features, height: 1, width: 1 };
        Self { layers: vec![], layout: ParamLayout::default(), shape }
    }

    /// For images.
    pub(super) fn images(shape: Shape) -> Self {
        let layers = vec![Layer::Reorder(Reorder { shape, flatten: false })];
        Self { layers, layout: ParamLayout::default(), shape }
    }

    pub(super) fn linear(&mut self, name: &str, outputs: usize) {
        let weight = self.layout.push(format!("{name}.weight"), &[outputs, self.shape.channels]);
        let bias = Some(self.layout.push(format!("{name}.bias"), &[outputs]));
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: None }));
        self.shape.channels = outputs;
    }

    /// A convolution; `places` are kernel, stride and padding.
    pub(super) fn convolution(
        &mut self,
        name: &str,
        outputs: usize,
        places: [usize; 3],
        bias: bool,
    ) -> Result<(), ModelError> {
        let window = self.window(name, places)?;
        let kernel = window.kernel;
        let weight = self.layout.push(format!("{name}.weight"), &[outputs, self.shape.channels, kernel, kernel]);
        let bias = bias.then(|| self.layout.push(format!("{name}.bias"), &[outputs]));
        self.layers.push(Layer::Linear(Linear { weight, bias, outputs, window: Some(window) }));
        self.shape = window.output(outputs);
        Ok(())
    }

    pub(super) fn batch_norm(&mut self, name: &str) {
        let channels = self.shape.channels;
        let weight = self.layout.push(format!("{name}.weight"), &[channels]);
        let bias = self.layout.push(format!("{name}.bias"), &[channels]);
        for buffer in ["running_mean", "running_var"] {
            self.layout.push_buffer(format!("{name}.{buffer}"), &[channels]);
        }
        self.layout.push_buffer(format!("{name}.num_batches_tracked"), &[]);
        let (name, statistics) = (name.to_owned(), Statistics::Batch);
        self.layers.push(Layer::BatchNorm(BatchNorm { name, weight, bias, epsilon: 1e-5, statistics }));
    }

    pub(super) fn max_pool(&mut self, places: [usize; 3]) -> Result<(), ModelError> {
        let window = self.window("max-pool", places)?;
        self.layers.push(Layer::MaxPool(window));
        self.shape = window.output(self.shape.channels);
        Ok(())
    }

    /// The mean over all pixels.
    pub(super) fn global_average_pool(&mut self) -> Result<(), ModelError> {
        if self.shape.height != self.shape.width {
            return Err(ModelError::Window {
                layer: "average pool".into(),
                image: self.shape,
                kernel: self.shape.height,
            });
        }
        let window = self.window("average pool", [self.shape.height, 1, 0])?;
        self.layers.push(Layer::AveragePool(window));
        self.shape = window.output(self.shape.channels);
        Ok(())
    }

    pub(super) fn flatten(&mut self) {
        if self.shape.pixels() > 1 {
            self.layers.push(Layer::Reorder(Reorder { shape: self.shape, flatten: true }));
        }
        self.shape = Shape { channels: self.shape.features(), height: 1, width: 1 };
    }

    /// Builds layers apart from the others, from the same input: a way of a residual block.
    pub(super) fn aside(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<(), ModelError>,
    ) -> Result<(Vec<Layer>, Shape), ModelError> {
        let (before, shape) = (std::mem::take(&mut self.layers), self.shape);
        let built = build(self);
        let layers = std::mem::replace(&mut self.layers, before);
        let after = std::mem::replace(&mut self.shape, shape);
        built.map(|()| (layers, after))
    }

    /// What the last layer makes has this size.
    pub(super) fn set_shape(&mut self, shape: Shape) {
        self.shape = shape;
    }

    fn window(&self, layer: &str, [kernel, stride, padding]: [usize; 3]) -> Result<Window, ModelError> {
        let error = || ModelError::Window { layer: layer.to_owned(), image: self.shape, kernel };
        Window::new(self.shape, kernel, stride, padding).ok_or_else(error)
    }
}
