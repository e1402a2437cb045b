//! Scalings by constants that are no parameters: normalised inputs, temperatures.

use super::Algebra;

/// The function y = scale * x + shift of every feature, or of every channel of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The factors, `[channels]`.
    pub scale: Vec<f64>,
    /// The numbers that are added, `[channels]`.
    pub shift: Vec<f64>,
}

impl Scale {
    fn scaled<A: Algebra>(&self, a: &mut A, x: A::Tensor) -> A::Tensor {
        if self.scale.iter().all(|&s| s == 1.0) {
            return x;
        }
        let scale = a.constant(&self.scale);
        let y = a.multiply(x, &scale);
        a.recycle(scale);
        y
    }

    pub(super) fn forward<A: Algebra>(&self, a: &mut A, x: A::Tensor) -> A::Tensor {
        let y = self.scaled(a, x);
        if self.shift.iter().all(|&s| s == 0.0) {
            return y;
        }
        let shift = a.constant(&self.shift);
        let y = a.add(y, &shift);
        a.recycle(shift);
        y
    }

    pub(super) fn reverse<A: Algebra>(&self, a: &mut A, delta: A::Tensor) -> A::Tensor {
        self.scaled(a, delta)
    }
}
