//! Fresh weights, drawn from PyTorch's random stream.

use super::{Network, ParamEntry};
use crate::rng::{TorchGenerator, fill_default_bias, fill_default_weight, fill_kaiming_normal, fill_kaiming_uniform};
use crate::vocabulary::{Initialization, ModelSpec};

/// Fresh weights of the network built from `spec`, in the order and with the distributions of PyTorch's constructors:
/// for every layer the weight, then the bias, both uniform in +-1/sqrt(fan-in). Batch normalisation starts with weight
/// 1 and bias 0. `generator` is advanced as the constructors advance it.
///
/// FNN's `init_scales` multiply its two weight matrices afterwards. With `Kaiming`, the weights of fc1 and fc2 are
/// redrawn by `kaiming_normal_` and then by `kaiming_uniform_`. ResNet18 is drawn as torchvision does, whose convolutions
/// are normal with variance 2 / fan-out, and then gets a fresh first convolution for small images and a fresh classifier.
pub fn fresh(spec: &ModelSpec, network: &Network, generator: &mut TorchGenerator) -> Vec<f32> {
    let mut theta = vec![0.0; network.n_params()];
    let entries = network.layout().entries();
    match spec {
        ModelSpec::ResNet18 { for_cifar, .. } => torchvision(*for_cifar, entries, &mut theta, generator),
        _ => draw(network.layout().names(), &mut theta, generator),
    }
    let mut weights = entries.iter().filter(|e| e.shape.len() > 1);
    match spec {
        ModelSpec::Fnn { init_scales: Some(scales), .. } => {
            for (entry, &scale) in weights.zip(scales) {
                theta[entry.range.clone()].iter_mut().for_each(|w| *w *= scale as f32);
            }
        }
        ModelSpec::Fnn2Layer { initialization: Initialization::Kaiming, .. } => {
            let redrawn: Vec<_> = weights.by_ref().take(2).collect();
            for entry in &redrawn {
                fill_kaiming_normal(generator, entry.shape[1], &mut theta[entry.range.clone()]);
            }
            for entry in &redrawn {
                fill_kaiming_uniform(generator, entry.shape[1], &mut theta[entry.range.clone()]);
            }
        }
        _ => {}
    }
    theta
}

/// Draws weights and biases in the order of the layers. A layer whose tensor is that of an earlier one has drawn its own
/// before: its numbers are thrown away.
fn draw<'a>(
    tensors: impl Iterator<Item = (&'a str, &'a ParamEntry)>,
    theta: &mut [f32],
    generator: &mut TorchGenerator,
) {
    // The fan-in of the layer that a bias belongs to; `None` for batch normalisation.
    let mut fan_in = None;
    let mut thrown_away = Vec::new();
    for (name, entry) in tensors {
        let values = if name == entry.name {
            &mut theta[entry.range.clone()]
        } else {
            thrown_away.resize(entry.range.len(), 0.0);
            &mut thrown_away[..]
        };
        if entry.shape.len() > 1 {
            let product = entry.shape[1..].iter().product();
            fan_in = Some(product);
            fill_default_weight(generator, product, values);
        } else if entry.name.ends_with(".weight") {
            fan_in = None;
            values.fill(1.0);
        } else if let Some(fan_in) = fan_in {
            fill_default_bias(generator, fan_in, values);
        }
    }
}

/// `torchvision.models.resnet18()`, then `conv1` of kernel 3 for small images, then `fc` for the number of classes.
///
/// The constructors draw every layer by PyTorch's defaults, a block's downsampling before its convolutions, and a last
/// loop draws the convolutions again by `kaiming_normal_(mode = "fan_out")`. The numbers that are replaced still
/// advance the stream.
fn torchvision(for_cifar: bool, entries: &[ParamEntry], theta: &mut [f32], generator: &mut TorchGenerator) {
    /// The size of the original's first convolution, for three channels, and its number of classes.
    const STEM: usize = 64 * 3 * 7 * 7;
    const CLASSES: usize = 1000;
    let convolutions: Vec<_> =
        entries.iter().filter(|e| e.shape.len() == 4 && e.name != "model.conv1.weight").collect();
    let mut thrown_away = vec![0.0; STEM.max(CLASSES * 512)];
    fill_default_weight(generator, 3 * 7 * 7, &mut thrown_away[..STEM]);
    let block = |e: &ParamEntry| e.name.split('.').take(3).map(String::from).collect::<Vec<_>>();
    for block in convolutions.chunk_by(|a, b| block(a) == block(b)) {
        let (before, after): (Vec<&ParamEntry>, Vec<_>) = block.iter().partition(|e| e.name.contains("downsample"));
        for entry in before.into_iter().chain(after) {
            let fan_in: usize = entry.shape[1..].iter().product();
            fill_default_weight(generator, fan_in, &mut theta[entry.range.clone()]);
        }
    }
    fill_default_weight(generator, 512, &mut thrown_away[..CLASSES * 512]);
    fill_default_bias(generator, 512, &mut thrown_away[..CLASSES]);
    let stem = if for_cifar { &mut thrown_away[..STEM] } else { &mut theta[entries[0].range.clone()] };
    fill_kaiming_normal(generator, 64 * 7 * 7, stem);
    for entry in convolutions {
        let fan_out = entry.shape[0] * entry.shape[2] * entry.shape[3];
        fill_kaiming_normal(generator, fan_out, &mut theta[entry.range.clone()]);
    }
    let drawn = |e: &&ParamEntry| e.shape.len() != 4 && !e.name.starts_with("model.fc");
    entries
        .iter()
        .filter(drawn)
        .for_each(|e| theta[e.range.clone()].fill(if e.name.ends_with("weight") { 1.0 } else { 0.0 }));
    let replaced = |e: &&ParamEntry| e.name.starts_with("model.fc") || (for_cifar && e.name.starts_with("model.conv1"));
    let replaced: Vec<_> = entries.iter().filter(replaced).cloned().collect();
    draw(replaced.iter().map(|e| (e.name.as_str(), e)), theta, generator);
}

/// Scales all of `theta` by norm(other) / norm(theta), the l2 norms over all parameters: the large-norm start.
pub fn scale_to_norm(theta: &mut [f32], other: &[f32]) {
    let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let factor = (norm(other) / norm(theta)) as f32;
    theta.iter_mut().for_each(|w| *w *= factor);
}
