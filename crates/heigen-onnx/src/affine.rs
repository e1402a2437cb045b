//! Linear layers and convolutions, and scalings of features that become part of them.

use crate::error::OnnxError;
use crate::graph::ValueId;
use crate::tensor::{Budget, Precision, Tensor};
use heigen::vocabulary::WindowSpec;
use std::rc::Rc;

/// A linear layer, x W^T + b, or a convolution, which is that layer applied to every window of an image.
#[derive(Clone, Debug)]
pub(crate) struct Affine {
    /// The weight W: [out, in] of a linear layer, [out, in, k, k] of a convolution.
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) window: Option<WindowSpec>,
    /// The value of the graph that the weight is, usually an initializer.
    pub(crate) origin: Option<ValueId>,
}

/// The function scale * x + shift of features, or of the channels of an image. Each list has one number for all of them or
/// one for every one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) scale: Rc<[f64]>,
    pub(crate) shift: Rc<[f64]>,
}

/// The number for channel `i` in a list with one number for all channels or one for every channel.
fn at(values: &[f64], i: usize) -> f64 {
    if values.len() == 1 { values[0] } else { values[i] }
}

/// The function `f` of two lists, entry by entry; a list of one number is repeated to the length of the other.
fn each(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Rc<[f64]> {
    (0..a.len().max(b.len())).map(|i| f(at(a, i), at(b, i))).collect()
}

impl Scaling {
    pub(crate) fn is_identity(&self) -> bool {
        self.scales_nothing() && self.shifts_nothing()
    }

    pub(crate) fn scales_nothing(&self) -> bool {
        self.scale.iter().all(|&s| s == 1.0)
    }

    fn shifts_nothing(&self) -> bool {
        self.shift.iter().all(|&s| s == 0.0)
    }

    /// The scaling that applies this one first and `next` to its result.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let scaled = each(&self.shift, &next.scale, |t, s| t * s);
        Self { scale: each(&self.scale, &next.scale, |a, b| a * b), shift: each(&scaled, &next.shift, |a, b| a + b) }
    }

    /// This scaling of channels as one of features, after an image of `pixels` pixels per channel was flattened.
    pub(crate) fn of_pixels(&self, pixels: usize) -> Self {
        let repeat = |values: &Rc<[f64]>| -> Rc<[f64]> {
            if values.len() == 1 {
                return values.clone();
            }
            values.iter().flat_map(|&v| std::iter::repeat_n(v, pixels)).collect()
        };
        Self { scale: repeat(&self.scale), shift: repeat(&self.shift) }
    }
}

impl Affine {
    pub(crate) fn outputs(&self) -> usize {
        self.weight.shape[0]
    }

    /// The layer followed by `next`, a scaling of its outputs.
    pub(crate) fn then(&self, next: &Scaling, budget: &mut Budget, place: &str) -> Result<Self, OnnxError> {
        let outputs = self.outputs();
        let mut layer = self.clone();
        if !next.scales_nothing() {
            budget.spend(self.weight.values.len(), || place.to_owned())?;
            let per_output = self.weight.values.len() / outputs;
            let scaled = self.weight.values.iter().enumerate().map(|(i, w)| w * at(&next.scale, i / per_output));
            layer.weight.values = scaled.collect();
            layer.weight.precision = Precision::Double;
        }
        budget.spend(outputs, || place.to_owned())?;
        let before = |o: usize| self.bias.as_ref().map_or(0.0, |b| b.values[o]);
        let bias = (0..outputs).map(|o| before(o) * at(&next.scale, o) + at(&next.shift, o)).collect();
        let precision = if self.bias.is_none() { self.weight.precision } else { Precision::Double };
        layer.bias = match &self.bias {
            None if next.shifts_nothing() => None,
            _ => Some(Tensor { shape: vec![outputs], values: bias, precision }),
        };
        Ok(layer)
    }

    /// The layer after `first`, a scaling of its inputs; nothing if zeros around the image keep it from being one.
    pub(crate) fn after(&self, first: &Scaling, budget: &mut Budget, place: &str) -> Result<Option<Self>, OnnxError> {
        if self.window.is_some_and(|w| w.padding > 0) && !first.shifts_nothing() {
            return Ok(None);
        }
        budget.spend(self.weight.values.len() + self.outputs(), || place.to_owned())?;
        let (outputs, inputs) = (self.outputs(), self.weight.shape[1]);
        let taps = self.weight.values.len() / (outputs * inputs);
        let mut bias: Vec<f64> = self.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| b.values.to_vec());
        let mut scaled = Vec::with_capacity(self.weight.values.len());
        for (row, b) in self.weight.values.chunks(inputs * taps).zip(&mut bias) {
            *b += row.iter().enumerate().map(|(i, w)| w * at(&first.shift, i / taps)).sum::<f64>();
            scaled.extend(row.iter().enumerate().map(|(i, w)| w * at(&first.scale, i / taps)));
        }
        let double =
            |shape: Vec<usize>, values: Vec<f64>| Tensor { shape, values: values.into(), precision: Precision::Double };
        let mut layer = self.clone();
        layer.weight = double(self.weight.shape.clone(), scaled);
        if self.bias.is_some() || !first.shifts_nothing() {
            layer.bias = Some(double(vec![outputs], bias));
        }
        Ok(Some(layer))
    }
}
