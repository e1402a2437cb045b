//! The loss on a plane through theta.

use super::watched::in_parallel;
use crate::curvature::{Problem, Space, Stopped, Watch};
use crate::linalg::{Matrix, Scalar};

/// Why a loss surface could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
}

/// The mean loss L(theta + a v_1 + b v_2) for `n` equally spaced values of each of a and b in -1..1, the ends included.
///
/// # Shapes
/// `directions` v_1 and v_2, `[P]` each, of any length and angle; [n, n] with b by rows and a by columns, both ascending:
/// entry (i, j) is at a = -1 + 2 j / (n - 1), b = -1 + 2 i / (n - 1).
///
/// # Cost
/// n^2 forward passes over the samples, parallel over points; the same bytes for any number of threads. `watch` is told
/// the finished points.
///
/// # Errors
/// [`SurfaceError`] for a direction of another length or fewer than 2 points.
///
/// # References
/// Li, Xu, Taylor, Studer, Goldstein, arXiv:1712.09913, section 2.1; arXiv:2306.07104, Figure 1 (n = 100).
pub fn loss_surface<T: Scalar>(
    problem: &Problem<'_, T>,
    directions: [&[T]; 2],
    n: usize,
    watch: &mut dyn Watch,
) -> Result<Matrix<f64>, SurfaceError> {
    let wanted = problem.n_params();
    for (i, v) in directions.iter().enumerate() {
        if v.len() != wanted {
            return Err(SurfaceError::Direction { direction: i + 1, got: v.len(), wanted });
        }
    }
    if n < 2 {
        return Err(SurfaceError::Points(n));
    }
    let at = |i: usize| T::from_f64(-1.0 + 2.0 * i as f64 / (n - 1) as f64);
    let loss = |k: usize| {
        let (a, b) = (at(k / n), at(k % n));
        let steps = directions[0].iter().zip(directions[1]);
        let moved = problem.theta().iter().zip(steps).map(|(&w, (&v1, &v2))| w + a * v1 + b * v2);
        problem.loss_of(&moved.collect::<Vec<T>>())
    };
    let threads = problem.space().threads();
    let data = in_parallel(n * n, n, &threads, ("loss surface", "points"), watch, loss)?;
    Ok(Matrix { data, rows: n, columns: n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Network;
    use crate::vocabulary::{Activation, LossKind};

    #[test]
    fn a_linear_model_with_squared_loss_has_a_known_paraboloid() {
        // f = w x + c with x = 2: L = (w x + c - 1)^2 for label 0 of one class.
        let network = Network::fully_connected(&[1, 1], Activation::Relu).unwrap();
        let x = Matrix { data: vec![2.0], rows: 1, columns: 1 };
        let problem = Problem::at(&network, vec![0.5, 0.25], x, vec![0], LossKind::Mse).unwrap();
        let surface = loss_surface(&problem, [&[1.0, 0.0], &[0.0, 3.0]], 5, &mut ()).unwrap();
        for i in 0..5 {
            for j in 0..5 {
                let (a, b) = (-1.0 + 0.5 * f64::from(j), -1.0 + 0.5 * f64::from(i));
                let wanted = ((0.5 + a) * 2.0 + 0.25 + 3.0 * b - 1.0).powi(2);
                assert!((surface.data[i as usize + 5 * j as usize] - wanted).abs() < 1e-14, "{i} {j}");
            }
        }
        assert_eq!(surface.data[2 + 5 * 2], problem.loss());
        assert_eq!(
            loss_surface(&problem, [&[1.0, 0.0], &[0.0]], 5, &mut ()).unwrap_err().to_string(),
            "the network has 2 parameters, direction 2 of the loss surface has 1"
        );
        assert_eq!(loss_surface(&problem, [&[1.0, 0.0], &[0.0, 1.0]], 1, &mut ()), Err(SurfaceError::Points(1)));
    }
}
