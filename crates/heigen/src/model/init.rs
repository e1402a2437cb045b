//! Fresh weights, from PyTorch's random stream.

use super::Network;
use crate::config::{Initialization, ModelSpec};
use crate::rng::{TorchGenerator, fill_default_bias, fill_default_weight, fill_kaiming_normal, fill_kaiming_uniform};

/// Fresh weights of the network built from `spec`, in the order and with the distributions of PyTorch's constructors:
/// for every layer the weight, then the bias, both uniform in +-1/sqrt(fan-in). Advances `generator` as they do.
///
/// FNN's `init_scales` multiply its two weight matrices afterwards. With `Kaiming`, the weights of fc1 and fc2 are
/// redrawn by `kaiming_normal_` and then by `kaiming_uniform_`.
pub fn fresh(spec: &ModelSpec, network: &Network, generator: &mut TorchGenerator) -> Vec<f32> {
    let mut theta = vec![0.0; network.n_params()];
    let mut fan_in = 1;
    for entry in network.layout().entries() {
        let values = &mut theta[entry.range.clone()];
        if entry.shape.len() > 1 {
            fan_in = entry.shape[1..].iter().product();
            fill_default_weight(generator, fan_in, values);
        } else {
            fill_default_bias(generator, fan_in, values);
        }
    }
    let mut weights = network.layout().entries().iter().filter(|e| e.shape.len() > 1);
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

/// Scales all of `theta` by norm(other) / norm(theta), the l2 norms over all parameters: the large-norm start.
pub fn scale_to_norm(theta: &mut [f32], other: &[f32]) {
    let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
    let factor = (norm(other) / norm(theta)) as f32;
    theta.iter_mut().for_each(|w| *w *= factor);
}
