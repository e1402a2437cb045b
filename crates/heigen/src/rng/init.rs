//! Fresh weights as PyTorch draws them.

use super::torch::TorchGenerator;

/// The weight of a fresh `nn.Linear` or `nn.Conv2d`: `kaiming_uniform_(a = sqrt 5)`, uniform on +-1/sqrt(`fan_in`).
///
/// # Shapes
/// `len` entries in PyTorch's row-major order, [out, in] or [out, in, k, k]; `fan_in` is in or in k^2.
///
/// # References
/// `reset_parameters` of `torch.nn.Linear` and `torch.nn.modules.conv._ConvNd`.
pub fn default_weight(generator: &mut TorchGenerator, fan_in: usize, len: usize) -> Vec<f32> {
    let mut weight = vec![0.0; len];
    fill_default_weight(generator, fan_in, &mut weight);
    weight
}

/// The bias of a fresh `nn.Linear` or `nn.Conv2d`, drawn after its weight: uniform on +-1/sqrt(`fan_in`), with the
/// `fan_in` of the weight.
///
/// # Shapes
/// `len` entries, one for each output.
pub fn default_bias(generator: &mut TorchGenerator, fan_in: usize, len: usize) -> Vec<f32> {
    let mut bias = vec![0.0; len];
    fill_default_bias(generator, fan_in, &mut bias);
    bias
}

/// Fills a slice with a [`default_weight`].
pub fn fill_default_weight(generator: &mut TorchGenerator, fan_in: usize, weight: &mut [f32]) {
    // The gain of the leaky ReLU with slope a is sqrt(2 / (1 + a^2)).
    let slope = 5.0_f64.sqrt();
    fill_uniform(generator, (2.0 / (1.0 + slope * slope)).sqrt(), fan_in, weight);
}

/// Fills a slice with a [`default_bias`].
pub fn fill_default_bias(generator: &mut TorchGenerator, fan_in: usize, bias: &mut [f32]) {
    let bound = 1.0 / (fan_in as f64).sqrt();
    generator.fill_uniform_f32(bias, -bound as f32, bound as f32);
}

/// `torch.nn.init.kaiming_uniform_` with its defaults (gain sqrt 2, fan-in): uniform on +-sqrt(6 / `fan_in`).
pub fn fill_kaiming_uniform(generator: &mut TorchGenerator, fan_in: usize, weight: &mut [f32]) {
    fill_uniform(generator, 2.0_f64.sqrt(), fan_in, weight);
}

/// `torch.nn.init.kaiming_normal_` with its defaults (gain sqrt 2, fan-in): N(0, 2 / `fan_in`).
pub fn fill_kaiming_normal(generator: &mut TorchGenerator, fan_in: usize, weight: &mut [f32]) {
    generator.fill_normal_f32(weight, 0.0, 2.0_f64.sqrt() / (fan_in as f64).sqrt());
}

/// Uniform on +-sqrt(3) gain / sqrt(`fan_in`), in PyTorch's order of the operations.
fn fill_uniform(generator: &mut TorchGenerator, gain: f64, fan_in: usize, weight: &mut [f32]) {
    let bound = 3.0_f64.sqrt() * (gain / (fan_in as f64).sqrt());
    generator.fill_uniform_f32(weight, -bound as f32, bound as f32);
}
