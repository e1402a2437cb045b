//! The networks of the paper, as lists of layers.

use super::builder::Builder;
use super::{ModelError, Shape, sequential};
use crate::vocabulary::{LayerSpec, ModelSpec, Sequential, Tie, WindowSpec};

/// The layers of `spec` for samples of the given shape and `n_outputs` classes.
pub(super) fn build(spec: &ModelSpec, shape: &[usize], n_outputs: usize) -> Result<Builder, ModelError> {
    let n_inputs: usize = shape.iter().product();
    let mut b = match spec {
        ModelSpec::Sequential(own) => input(own, shape)?,
        _ => match preset_image(spec, n_inputs) {
            Some((model, image)) => Builder::images(fitting(model, n_inputs, image)?, false),
            None => Builder::features(n_inputs),
        },
    };
    sequential::append(&mut b, &spec.layers(n_outputs), "")?;
    let form = b.form();
    if form.image || form.shape.channels != n_outputs {
        return Err(ModelError::Outputs { got: form.to_string(), wanted: n_outputs });
    }
    Ok(b)
}

/// A builder for the input of the architecture: an image where the architecture says so or the samples are images, else
/// a plain vector.
fn input(own: &Sequential, shape: &[usize]) -> Result<Builder, ModelError> {
    let n_inputs = shape.iter().product();
    // A graph says itself which shape its input has.
    if own.input_shape.is_none() && matches!(own.layers.first(), Some(LayerSpec::Graph(_))) {
        return Ok(Builder::features(n_inputs));
    }
    let image = own.input_shape.or(match *shape {
        [height, width, channels] if own.channels_last => Some([channels, height, width]),
        [channels, height, width] => Some([channels, height, width]),
        [height, width] => Some([1, height, width]),
        _ => None,
    });
    let Some([channels, height, width]) = image else { return Ok(Builder::features(n_inputs)) };
    Ok(Builder::images(fitting("Sequential", n_inputs, Shape { channels, height, width })?, own.channels_last))
}

/// The image that a network of the paper takes, with its name.
fn preset_image(spec: &ModelSpec, n_inputs: usize) -> Option<(&'static str, Shape)> {
    match spec {
        ModelSpec::Cnn {} => Some(("CNN", Shape { channels: 1, height: 28, width: 28 })),
        ModelSpec::LeNet5 {} => Some(("LeNet5", Shape { channels: 3, height: 32, width: 32 })),
        ModelSpec::ResNet18 { .. } => {
            let side = (n_inputs / 3).isqrt();
            Some(("ResNet18", Shape { channels: 3, height: side, width: side }))
        }
        ModelSpec::Fnn { .. } | ModelSpec::Fnn2Layer { .. } | ModelSpec::Sequential(_) => None,
    }
}

fn fitting(model: &'static str, n_inputs: usize, shape: Shape) -> Result<Shape, ModelError> {
    if shape.checked_features() == Some(n_inputs) {
        return Ok(shape);
    }
    let Shape { channels, height, width } = shape;
    Err(ModelError::Image { model, got: n_inputs, channels, height, width })
}

impl ModelSpec {
    /// The layers of the network for `n_outputs` classes: the networks of the paper are presets of the form that
    /// [`ModelSpec::Sequential`] has in files, under the names of the reference's modules.
    pub fn layers(&self, n_outputs: usize) -> Vec<LayerSpec> {
        match self {
            Self::Fnn { num_neurons, .. } => vec![
                linear("linear_relu_stack.0", *num_neurons),
                LayerSpec::Relu,
                linear("linear_relu_stack.2", n_outputs),
            ],
            Self::Fnn2Layer { num_neurons_layer1, num_neurons_layer2, activation_func, lsoftmax, .. } => {
                let mut layers = vec![
                    linear("fc1", *num_neurons_layer1),
                    (*activation_func).into(),
                    linear("fc2", *num_neurons_layer2),
                    (*activation_func).into(),
                    linear("fc3", n_outputs),
                ];
                layers.extend(lsoftmax.then_some(LayerSpec::LogSoftmax));
                layers
            }
            Self::Cnn {} => {
                let mut layers = pooled("conv1.0", 16, 3);
                layers.extend(pooled("conv2.0", 32, 3));
                layers.extend([LayerSpec::Flatten, linear("out", n_outputs)]);
                layers
            }
            Self::LeNet5 {} => {
                let mut layers = pooled("conv1", 6, 5);
                layers.extend(pooled("conv2", 16, 5));
                layers.extend([LayerSpec::Flatten, linear("fc1", 120), LayerSpec::Relu]);
                layers.extend([linear("fc2", 84), LayerSpec::Relu, linear("fc3", n_outputs)]);
                layers
            }
            Self::ResNet18 { for_cifar, .. } => resnet18(n_outputs, *for_cifar),
            Self::Sequential(own) => own.layers.clone(),
        }
    }
}

fn linear(name: &str, out_features: usize) -> LayerSpec {
    LayerSpec::Linear { name: Some(name.to_owned()), out_features, bias: true, tie: Tie::default() }
}

fn window(kernel_size: usize, stride: usize, padding: usize) -> WindowSpec {
    WindowSpec { kernel_size, stride, padding }
}

fn convolution(name: &str, out_channels: usize, window: WindowSpec, bias: bool) -> LayerSpec {
    LayerSpec::Conv2d { name: Some(name.to_owned()), out_channels, window, bias, tie: Tie::default() }
}

/// A convolution, ReLU and a 2 x 2 max-pool.
fn pooled(name: &str, out_channels: usize, kernel_size: usize) -> Vec<LayerSpec> {
    let convolution = convolution(name, out_channels, window(kernel_size, 1, 0), true);
    vec![convolution, LayerSpec::Relu, LayerSpec::MaxPool(window(2, 2, 0))]
}

/// The layers of torchvision's ResNet-18, under the prefix `model.` (arXiv:1512.03385, table 1).
fn resnet18(n_outputs: usize, for_cifar: bool) -> Vec<LayerSpec> {
    let stem = if for_cifar { window(3, 1, 1) } else { window(7, 2, 3) };
    let mut layers = normalised("model.conv1", "model.bn1", 64, stem);
    layers.extend([LayerSpec::Relu, LayerSpec::MaxPool(window(3, 2, 1))]);
    for (stage, channels) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            layers.push(basic_block(&format!("model.layer{}.{block}", stage + 1), channels, stride));
            layers.push(LayerSpec::Relu);
        }
    }
    layers.extend([LayerSpec::GlobalAvgPool, LayerSpec::Flatten, linear("model.fc", n_outputs)]);
    layers
}

/// A convolution without bias and its batch normalisation.
fn normalised(name: &str, norm: &str, channels: usize, window: WindowSpec) -> Vec<LayerSpec> {
    vec![
        convolution(name, channels, window, false),
        LayerSpec::BatchNorm { name: Some(norm.to_owned()), eps: 1e-5, affine: true },
    ]
}

fn basic_block(name: &str, channels: usize, stride: usize) -> LayerSpec {
    let of = |conv: &str, norm: &str, window| {
        normalised(&format!("{name}.{conv}"), &format!("{name}.{norm}"), channels, window)
    };
    let mut main = of("conv1", "bn1", window(3, stride, 1));
    main.push(LayerSpec::Relu);
    main.extend(of("conv2", "bn2", window(3, 1, 1)));
    let shortcut = if stride > 1 { of("downsample.0", "downsample.1", window(1, stride, 0)) } else { vec![] };
    LayerSpec::Residual { main, shortcut }
}
