//! The networks of the paper.

use super::builder::Builder;
use super::{Layer, ModelError, Residual, Shape};
use crate::config::{Activation, ModelSpec};

/// The layers of `spec` for samples of `n_inputs` features and `n_outputs` classes.
pub(super) fn build(spec: &ModelSpec, n_inputs: usize, n_outputs: usize) -> Result<Builder, ModelError> {
    match *spec {
        ModelSpec::Fnn { num_neurons, .. } => {
            let mut b = Builder::features(n_inputs);
            b.linear("linear_relu_stack.0", num_neurons);
            b.layers.push(Layer::Activation(Activation::Relu));
            b.linear("linear_relu_stack.2", n_outputs);
            Ok(b)
        }
        ModelSpec::Fnn2Layer { num_neurons_layer1, num_neurons_layer2, activation_func, lsoftmax, .. } => {
            let mut b = Builder::features(n_inputs);
            b.linear("fc1", num_neurons_layer1);
            b.layers.push(Layer::Activation(activation_func));
            b.linear("fc2", num_neurons_layer2);
            b.layers.push(Layer::Activation(activation_func));
            b.linear("fc3", n_outputs);
            if lsoftmax {
                b.layers.push(Layer::LogSoftmax);
            }
            Ok(b)
        }
        ModelSpec::Cnn {} => cnn(image("CNN", n_inputs, Shape { channels: 1, height: 28, width: 28 })?, n_outputs),
        ModelSpec::LeNet5 {} => {
            lenet5(image("LeNet5", n_inputs, Shape { channels: 3, height: 32, width: 32 })?, n_outputs)
        }
        ModelSpec::ResNet18 { for_cifar, .. } => {
            let side = (n_inputs / 3).isqrt();
            let shape = Shape { channels: 3, height: side, width: side };
            resnet18(image("ResNet18", n_inputs, shape)?, n_outputs, for_cifar)
        }
    }
}

fn image(model: &'static str, n_inputs: usize, shape: Shape) -> Result<Shape, ModelError> {
    if n_inputs == shape.features() {
        return Ok(shape);
    }
    let Shape { channels, height, width } = shape;
    Err(ModelError::Image { model, got: n_inputs, channels, height, width })
}

/// ReLU and a 2 x 2 max-pool, in the cheaper order: the largest entry is the same before and after a function that grows,
/// and so is the derivative.
fn pool_and_relu(b: &mut Builder) -> Result<(), ModelError> {
    b.max_pool([2, 2, 0])?;
    b.layers.push(Layer::Activation(Activation::Relu));
    Ok(())
}

fn cnn(shape: Shape, n_outputs: usize) -> Result<Builder, ModelError> {
    let mut b = Builder::images(shape);
    b.convolution("conv1.0", 16, [3, 1, 0], true)?;
    pool_and_relu(&mut b)?;
    b.convolution("conv2.0", 32, [3, 1, 0], true)?;
    pool_and_relu(&mut b)?;
    b.flatten();
    b.linear("out", n_outputs);
    Ok(b)
}

fn lenet5(shape: Shape, n_outputs: usize) -> Result<Builder, ModelError> {
    let mut b = Builder::images(shape);
    b.convolution("conv1", 6, [5, 1, 0], true)?;
    pool_and_relu(&mut b)?;
    b.convolution("conv2", 16, [5, 1, 0], true)?;
    pool_and_relu(&mut b)?;
    b.flatten();
    for (name, outputs) in [("fc1", 120), ("fc2", 84)] {
        b.linear(name, outputs);
        b.layers.push(Layer::Activation(Activation::Relu));
    }
    b.linear("fc3", n_outputs);
    Ok(b)
}

/// torchvision's, under the prefix `model.` (arXiv:1512.03385, table 1).
fn resnet18(shape: Shape, n_outputs: usize, for_cifar: bool) -> Result<Builder, ModelError> {
    let mut b = Builder::images(shape);
    b.convolution("model.conv1", 64, if for_cifar { [3, 1, 1] } else { [7, 2, 3] }, false)?;
    b.batch_norm("model.bn1");
    b.layers.push(Layer::Activation(Activation::Relu));
    b.max_pool([3, 2, 1])?;
    for (stage, channels) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            basic_block(&mut b, &format!("model.layer{}.{block}", stage + 1), channels, stride)?;
        }
    }
    b.global_average_pool()?;
    b.flatten();
    b.linear("model.fc", n_outputs);
    Ok(b)
}

fn basic_block(b: &mut Builder, name: &str, channels: usize, stride: usize) -> Result<(), ModelError> {
    let (main, shape) = b.aside(|b| {
        b.convolution(&format!("{name}.conv1"), channels, [3, stride, 1], false)?;
        b.batch_norm(&format!("{name}.bn1"));
        b.layers.push(Layer::Activation(Activation::Relu));
        b.convolution(&format!("{name}.conv2"), channels, [3, 1, 1], false)?;
        b.batch_norm(&format!("{name}.bn2"));
        Ok(())
    })?;
    let (shortcut, _) = b.aside(|b| {
        if stride > 1 {
            b.convolution(&format!("{name}.downsample.0"), channels, [1, stride, 0], false)?;
            b.batch_norm(&format!("{name}.downsample.1"));
        }
        Ok(())
    })?;
    b.layers.push(Layer::Residual(Residual { main, shortcut }));
    b.set_shape(shape);
    b.layers.push(Layer::Activation(Activation::Relu));
    Ok(())
}
