//! Grids on the plane of two features.

use crate::linalg::{Matrix, Scalar};

/// A rectangle of the plane.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Plane {
    /// Smallest and largest first feature.
    pub x: [f64; 2],
    /// Smallest and largest second feature.
    pub y: [f64; 2],
}

impl Plane {
    /// A square with both features from `low` to `high`.
    pub fn square(low: f64, high: f64) -> Self {
        Self { x: [low, high], y: [low, high] }
    }

    /// `nx` by `ny` points from edge to edge, the edges included (`numpy.linspace`), x fastest, from the smallest y up:
    /// [2, nx * ny].
    pub fn nodes<T: Scalar>(&self, nx: usize, ny: usize) -> Matrix<T> {
        self.points(nx, ny, |[low, high], i, n| low + (high - low) * i as f64 / (n.max(2) - 1) as f64)
    }

    /// The centres of `nx` by `ny` equal cells, in the order of [`Plane::nodes`]: [2, nx * ny].
    pub fn cell_centres<T: Scalar>(&self, nx: usize, ny: usize) -> Matrix<T> {
        self.points(nx, ny, |[low, high], i, n| low + (high - low) * (i as f64 + 0.5) / n as f64)
    }

    fn points<T: Scalar>(&self, nx: usize, ny: usize, at: impl Fn([f64; 2], usize, usize) -> f64) -> Matrix<T> {
        let coordinate = |i: usize, j: usize| if i == 0 { at(self.x, j % nx, nx) } else { at(self.y, j / nx, ny) };
        Matrix::from_fn(2, nx * ny, |i, j| T::from_f64(coordinate(i, j)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_x_fastest_from_the_lowest_y() {
        let plane = Plane { x: [0.0, 2.0], y: [-1.0, 1.0] };
        let nodes: Matrix<f64> = plane.nodes(3, 2);
        assert_eq!(nodes.data, [0.0, -1.0, 1.0, -1.0, 2.0, -1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0]);
        let cells: Matrix<f64> = plane.cell_centres(2, 1);
        assert_eq!(cells.data, [0.5, 0.0, 1.5, 0.0]);
    }
}
