//! Builds a network from a list of layers: infers and checks shapes, and names the parameters.

use super::builder::Builder;
use super::{Layer, ModelError, Residual};
use crate::vocabulary::{LayerSpec, WindowSpec};

/// Appends `layers`. A layer without a name gets its number in the list, after `prefix`.
pub(super) fn append(b: &mut Builder, layers: &[LayerSpec], prefix: &str) -> Result<(), ModelError> {
    layers.iter().enumerate().try_for_each(|(i, layer)| add(b, layer, &format!("{prefix}{i}")))
}

fn add(b: &mut Builder, layer: &LayerSpec, place: &str) -> Result<(), ModelError> {
    let named = |name: &Option<String>| name.clone().unwrap_or_else(|| place.to_owned());
    if let Some(activation) = layer.activation() {
        b.layers.push(Layer::Activation(activation));
        return Ok(());
    }
    match layer {
        LayerSpec::Linear { name, out_features, bias, tie } => {
            let name = named(name);
            b.needs_features(&name, layer.kind())?;
            b.claim(&name)?;
            b.linear(&name, *out_features, *bias, tie)?;
        }
        LayerSpec::Conv2d { name, out_channels, window, bias, tie } => {
            let name = named(name);
            b.needs_image(&name, layer.kind())?;
            b.claim(&name)?;
            b.convolution(&name, *out_channels, places(*window), *bias, tie)?;
        }
        LayerSpec::BatchNorm { name, eps, affine } => {
            let name = named(name);
            b.claim(&name)?;
            b.batch_norm(&name, *eps, *affine);
        }
        LayerSpec::Scale { scale, shift } => b.scaling(place, scale, shift)?,
        LayerSpec::MaxPool(window) => {
            b.needs_image(place, layer.kind())?;
            b.max_pool(place, places(*window))?;
        }
        LayerSpec::AvgPool(window) => {
            b.needs_image(place, layer.kind())?;
            b.average_pool(place, places(*window))?;
        }
        LayerSpec::GlobalAvgPool => {
            b.needs_image(place, layer.kind())?;
            b.global_average_pool(place)?;
        }
        LayerSpec::Flatten => b.flatten(false),
        LayerSpec::FlattenChannelsLast => b.flatten(true),
        LayerSpec::Residual { main, shortcut } => residual(b, main, shortcut, place)?,
        LayerSpec::LogSoftmax => {
            b.needs_features(place, layer.kind())?;
            b.layers.push(Layer::LogSoftmax);
        }
        LayerSpec::BinaryLogits => b.binary_logits(place)?,
        LayerSpec::Graph(graph) => b.graph(place, graph)?,
        // Dropout does nothing, because analyses are of the network as it predicts; activations were dealt with above.
        LayerSpec::Dropout { .. }
        | LayerSpec::Relu
        | LayerSpec::Tanh
        | LayerSpec::Sigmoid
        | LayerSpec::Gelu { .. }
        | LayerSpec::Softplus => {}
    }
    Ok(())
}

fn places(window: WindowSpec) -> [usize; 3] {
    [window.kernel_size, window.stride, window.padding]
}

fn residual(b: &mut Builder, main: &[LayerSpec], shortcut: &[LayerSpec], place: &str) -> Result<(), ModelError> {
    let (main, made) = b.aside(|b| append(b, main, &format!("{place}.main.")))?;
    let (shortcut, added) = b.aside(|b| append(b, shortcut, &format!("{place}.shortcut.")))?;
    if made != added {
        return Err(ModelError::Layer {
            layer: format!("layer {place} (residual)"),
            got: format!("{made} and its shortcut {added}"),
            wanted: "the same shape of both, for they are added".into(),
        });
    }
    b.layers.push(Layer::Residual(Residual { main, shortcut }));
    b.set_form(made);
    Ok(())
}
