//! Normal numbers of PyTorch's CPU generator.
//!
//! PyTorch has two ways to fill a tensor. Below 16 entries it draws one after another with Box-Muller in float64.
//! From 16 entries on it first fills the tensor with uniform numbers and then turns block after block of 16 into normal
//! numbers: entry j of a block gives the radius, entry j + 8 the angle. If the length is no multiple of 16, the last 16
//! entries are drawn afresh. For float32 the blocks use the single-precision functions of [`super::cephes`]
//! (PyTorch's kernel for processors with AVX2).

use std::f64::consts::PI;

use super::{
    cephes::{ln, sin_cos},
    torch::TorchGenerator,
};

/// Number of entries in a block.
const BLOCK: usize = 16;
/// Number of entries of a block that give a radius; as many give an angle.
const HALF: usize = BLOCK / 2;

impl TorchGenerator {
    /// `torch.randn(n)`: N(0, 1) in float32.
    pub fn randn_f32(&mut self, n: usize) -> Vec<f32> {
        let mut values = vec![0.0; n];
        self.fill_normal_f32(&mut values, 0.0, 1.0);
        values
    }

    /// `torch.randn(n, dtype=torch.float64)`: N(0, 1).
    pub fn randn_f64(&mut self, n: usize) -> Vec<f64> {
        let mut values = vec![0.0; n];
        self.fill_normal_f64(&mut values, 0.0, 1.0);
        values
    }

    /// `tensor.normal_(mean, sd)` for float32, entries in row-major order.
    pub fn fill_normal_f32(&mut self, values: &mut [f32], mean: f64, sd: f64) {
        if values.len() < BLOCK {
            for value in values {
                *value = self.serial_normal().mul_add(sd, mean) as f32;
            }
        } else {
            let (mean, sd) = (mean as f32, sd as f32);
            fill_blocks(values, || self.rand_f32(), |block| normal_block_f32(block, mean, sd));
        }
    }

    /// `tensor.normal_(mean, sd)` for float64, entries in row-major order.
    pub fn fill_normal_f64(&mut self, values: &mut [f64], mean: f64, sd: f64) {
        if values.len() < BLOCK {
            for value in values {
                *value = self.serial_normal().mul_add(sd, mean);
            }
        } else {
            fill_blocks(values, || self.rand_f64(), |block| normal_block_f64(block, mean, sd));
        }
    }

    /// Box-Muller: with u, v uniform on [0, 1), r = sqrt(-2 ln(1 - v)); the numbers are r cos(2 pi u), then r sin(2 pi
    /// u).
    fn serial_normal(&mut self) -> f64 {
        if let Some(second) = self.cached_normal.take() {
            return second;
        }
        let u = self.rand_f64();
        let v = self.rand_f64();
        let radius = (-2.0 * (-v).ln_1p()).sqrt();
        let angle = 2.0 * PI * u;
        self.cached_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }
}

/// Fills `values` with uniform numbers, then turns the blocks into normal numbers. Where the length is no multiple of
/// 16, the last 16 entries are drawn afresh.
fn fill_blocks<T>(values: &mut [T], mut uniform: impl FnMut() -> T, to_normal: impl Fn(&mut [T])) {
    for value in values.iter_mut() {
        *value = uniform();
    }
    values.chunks_exact_mut(BLOCK).for_each(&to_normal);
    let n = values.len();
    if !n.is_multiple_of(BLOCK) {
        let last = &mut values[n - BLOCK..];
        for value in last.iter_mut() {
            *value = uniform();
        }
        to_normal(last);
    }
}

fn normal_block_f32(block: &mut [f32], mean: f32, sd: f32) {
    const TWO_PI: f32 = (2.0 * PI) as f32;
    let (radii, angles) = block.split_at_mut(HALF);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * ln(1.0 - *first)).sqrt();
        let (sin, cos) = sin_cos(TWO_PI * *second);
        *first = (radius * cos).mul_add(sd, mean);
        *second = (radius * sin).mul_add(sd, mean);
    }
}

fn normal_block_f64(block: &mut [f64], mean: f64, sd: f64) {
    let (radii, angles) = block.split_at_mut(HALF);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * (1.0 - *first).ln()).sqrt();
        let angle = 2.0 * PI * *second;
        *first = (radius * angle.cos()).mul_add(sd, mean);
        *second = (radius * angle.sin()).mul_add(sd, mean);
    }
}
