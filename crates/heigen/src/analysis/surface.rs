//! The loss on a plane through theta.

use crate::curvature::{Failure, Problem, Stopped, Watch};
use crate::linalg::{Matrix, Scalar};

/// Why a loss surface could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum SurfaceError {
    /// A direction belongs to another network.
    #[error("the network has {wanted} parameters, direction {direction} of the loss surface has {got}")]
    Direction {
        /// The number of the direction, 1 or 2.
        direction: usize,
        /// The length of the direction.
        got: usize,
        /// P.
        wanted: usize,
    },
    /// The grid has too few points.
    #[error("the loss surface has {0} points a side; expected 2 or more")]
    Points(usize),
    /// The watch asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The other pieces of the computation cannot be reached.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The points a v_1 + b v_2 of a plane through theta at which a loss surface is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceGrid {
    /// The first and the last a.
    pub a: [f64; 2],
    /// The first and the last b.
    pub b: [f64; 2],
    /// Numbers of equally spaced values of a and of b, the ends included; 2 or more.
    pub n: [usize; 2],
}

impl SurfaceGrid {
    /// `n` values of each of a and b, from -`span` to `span`.
    pub fn square(span: f64, n: usize) -> Self {
        Self { a: [-span, span], b: [-span, span], n: [n, n] }
    }

    /// The a of column `j`.
    pub fn a_at(&self, j: usize) -> f64 {
        at(self.a, j, self.n[0])
    }

    /// The b of row `i`.
    pub fn b_at(&self, i: usize) -> f64 {
        at(self.b, i, self.n[1])
    }
}

/// The `i`-th of `n` equally spaced numbers.
fn at([first, last]: [f64; 2], i: usize, n: usize) -> f64 {
    first + (last - first) * i as f64 / (n - 1) as f64
}

/// Losses and accuracies over a plane; entry (i, j) is at a = `a_at(j)`, b = `b_at(i)` of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct LossSurface {
    /// The objective, [`n[1]`, `n[0]`].
    pub losses: Matrix<f64>,
    /// The accuracy, [`n[1]`, `n[0]`]; none where samples have no classes.
    pub accuracies: Option<Matrix<f64>>,
}

/// The loss L(theta + a v_1 + b v_2) and the accuracy there, for all a and b of a grid.
///
/// # Shapes
/// `directions` v_1 and v_2, `[P]` each, of any length and angle; results have b by rows and a by columns.
///
/// # Cost
/// A forward pass over the samples for each point, parallel over points; the same bytes for any number of threads, and of pieces, which
/// share the samples. `watch` is told the finished points.
///
/// # Errors
/// [`SurfaceError`] for a direction of another length or fewer than 2 points a side, or if the other pieces of a computation cannot be
/// reached.
///
/// # References
/// Li, Xu, Taylor, Studer, Goldstein, arXiv:1712.09913, section 2.1; arXiv:2306.07104, Figure 1 (n = 100).
pub fn loss_surface<T: Scalar>(
    problem: &Problem<'_, T>,
    directions: [&[T]; 2],
    grid: &SurfaceGrid,
    watch: &mut dyn Watch,
) -> Result<LossSurface, SurfaceError> {
    let wanted = problem.n_params();
    for (i, v) in directions.iter().enumerate() {
        if v.len() != wanted {
            return Err(SurfaceError::Direction { direction: i + 1, got: v.len(), wanted });
        }
    }
    let [columns, rows] = grid.n;
    if columns.min(rows) < 2 {
        return Err(SurfaceError::Points(columns.min(rows)));
    }
    let at = |k: usize| {
        let (a, b) = (T::from_f64(grid.a_at(k / rows)), T::from_f64(grid.b_at(k % rows)));
        let steps = directions[0].iter().zip(directions[1]);
        problem.theta().iter().zip(steps).map(|(&w, (&v1, &v2))| w + a * v1 + b * v2).collect()
    };
    let (all, mut found) = (columns * rows, vec![]);
    while found.len() < all {
        let next = found.len()..(found.len() + rows).min(all);
        found.extend(problem.losses_and_accuracies_at(next, at)?);
        watch.tell("loss surface", found.len() as u64, Some(all as u64), "points")?;
    }
    let matrix = |data: Vec<f64>| Matrix { data, rows, columns };
    let accuracies: Option<Vec<f64>> = found.iter().map(|(_, accuracy)| *accuracy).collect();
    Ok(LossSurface {
        losses: matrix(found.into_iter().map(|(loss, _)| loss).collect()),
        accuracies: accuracies.map(matrix),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Network;
    use crate::vocabulary::{Activation, Decay, LossKind, Objective};

    #[test]
    fn a_linear_model_with_squared_loss_has_a_known_paraboloid() {
        // f = w x + c with x = 2: L = (w x + c - 1)^2 for label 0 of one class.
        let network = Network::fully_connected(&[1, 1], Activation::Relu).unwrap();
        let x = Matrix { data: vec![2.0], rows: 1, columns: 1 };
        let problem = Problem::at(&network, vec![0.5, 0.25], x, vec![0], LossKind::Mse).unwrap();
        let grid = SurfaceGrid { a: [-1.0, 1.0], b: [-0.5, 1.5], n: [5, 3] };
        let surface = loss_surface(&problem, [&[1.0, 0.0], &[0.0, 3.0]], &grid, &mut ()).unwrap();
        for i in 0..3 {
            for j in 0..5 {
                let (a, b) = (-1.0 + 0.5 * f64::from(j), -0.5 + f64::from(i));
                let wanted = ((0.5 + a) * 2.0 + 0.25 + 3.0 * b - 1.0).powi(2);
                assert!((surface.losses.column(j as usize)[i as usize] - wanted).abs() < 1e-13, "{i} {j}");
            }
        }
        let grid = SurfaceGrid::square(1.0, 5);
        let surface = loss_surface(&problem, [&[1.0, 0.0], &[0.0, 3.0]], &grid, &mut ()).unwrap();
        assert_eq!(surface.losses.column(2)[2], problem.loss());
        // Weight decay adds mu/2 (w^2 + c^2).
        let penalised = Objective { decay: Some(Decay::of_all(0.4)), ..LossKind::Mse.into() };
        let penalised = problem.with_objective(penalised).unwrap();
        let above = loss_surface(&penalised, [&[1.0, 0.0], &[0.0, 3.0]], &grid, &mut ()).unwrap();
        for (k, (with, without)) in above.losses.data.iter().zip(&surface.losses.data).enumerate() {
            let (w, c) = (0.5 + grid.a_at(k / 5), 0.25 + 3.0 * grid.b_at(k % 5));
            assert!((with - without - 0.2 * (w * w + c * c)).abs() < 1e-13, "{k}");
        }
        assert_eq!(
            loss_surface(&problem, [&[1.0, 0.0], &[0.0]], &grid, &mut ()).unwrap_err().to_string(),
            "the network has 2 parameters, direction 2 of the loss surface has 1"
        );
        let thin = SurfaceGrid { n: [3, 1], ..grid };
        let refused = loss_surface(&problem, [&[1.0, 0.0], &[0.0, 1.0]], &thin, &mut ());
        assert!(matches!(refused, Err(SurfaceError::Points(1))), "{refused:?}");
    }
}
