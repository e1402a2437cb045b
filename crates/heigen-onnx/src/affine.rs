//! Linear layers and convolutions, and scalings of features.

use crate::graph::ValueId;
use crate::tensor::Tensor;
use heigen::vocabulary::{LayerSpec, WindowSpec};

/// A linear layer, x W^T + b, or a convolution, which is that layer applied to every window of an image.
#[derive(Clone, Debug)]
pub(crate) struct Affine {
    /// The weight W: [out, in] of a linear layer, [out, in, k, k] of a convolution.
    pub(crate) weight: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) window: Option<WindowSpec>,
    /// The value of the graph that the weight is, usually an initializer.
    pub(crate) origin: Option<ValueId>,
    /// The initializer that the bias is.
    pub(crate) bias_origin: Option<ValueId>,
}

impl Affine {
    pub(crate) fn outputs(&self) -> usize {
        self.weight.shape[0]
    }
}

/// The function scale * x + shift of features, or of the channels of an image. Each list has one number for all of them or
/// one for every one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scaling {
    pub(crate) scale: Vec<f64>,
    pub(crate) shift: Vec<f64>,
}

/// The function `f` of two lists, entry by entry; a list of one number is repeated to the length of the other.
fn each(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let at = |values: &[f64], i: usize| if values.len() == 1 { values[0] } else { values[i] };
    (0..a.len().max(b.len())).map(|i| f(at(a, i), at(b, i))).collect()
}

impl Scaling {
    pub(crate) fn by(scale: f64) -> Self {
        Self { scale: vec![scale], shift: vec![0.0] }
    }

    pub(crate) fn is_identity(&self) -> bool {
        self.scales_nothing() && self.shift.iter().all(|&s| s == 0.0)
    }

    pub(crate) fn scales_nothing(&self) -> bool {
        self.scale.iter().all(|&s| s == 1.0)
    }

    /// Number of numbers.
    pub(crate) fn len(&self) -> usize {
        self.scale.len() + self.shift.len()
    }

    /// The scaling that applies this one first and `next` to its result.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let scaled = each(&self.shift, &next.scale, |t, s| t * s);
        Self { scale: each(&self.scale, &next.scale, |a, b| a * b), shift: each(&scaled, &next.shift, |a, b| a + b) }
    }

    /// The scaling that a layer is, if it is one.
    pub(crate) fn of(layer: &LayerSpec) -> Option<Self> {
        let LayerSpec::Scale { scale, shift } = layer else { return None };
        Some(Self { scale: scale.clone(), shift: shift.clone() })
    }
}
