//! Directions of the planes that loss surfaces are shown over.

use crate::linalg::{EigenError, Matrix, self_adjoint_eigen};
use crate::model::ParamLayout;
use heigen_spectra::{Law, random_entries};

/// Two random directions at theta, filter by filter as long as theta is.
///
/// A filter is what has one index along the first axis of a weight: all that leads to one channel of a convolution or to one unit
/// of a fully connected layer. Its part of a direction is d |w| / (|d| + 1e-10), with d Gaussian and w the filter's weights. Tensors
/// of one axis, biases and the parameters of normalisations, do not move.
///
/// # Shapes
/// `theta` and the results `[P]`; theta has the places of `layout`.
///
/// # Determinism
/// Direction i is made of column i of the random matrix of `seed` ([`random_entries`]), the same on every machine.
///
/// # References
/// Li, Xu, Taylor, Studer, Goldstein, arXiv:1712.09913, section 4, with `biasbn` ignored as in its pictures.
pub fn filter_normalised(layout: &ParamLayout, theta: &[f64], seed: u64) -> [Vec<f64>; 2] {
    [0, 1].map(|column| {
        let mut direction = random_entries(0..theta.len(), column, seed, Law::Gaussian);
        for entry in layout.entries() {
            let (d, w) = (&mut direction[entry.range.clone()], &theta[entry.range.clone()]);
            let filters = if entry.shape.len() > 1 { entry.shape[0] } else { 0 };
            if filters == 0 || w.is_empty() {
                d.fill(0.0);
                continue;
            }
            let length = w.len() / filters;
            for (d, w) in d.chunks_exact_mut(length).zip(w.chunks_exact(length)) {
                let factor = norm(w) / (norm(d) + 1e-10);
                d.iter_mut().for_each(|d| *d *= factor);
            }
        }
        direction
    })
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The plane of a trajectory's first two principal components, through its last point.
#[derive(Clone, Debug, PartialEq)]
pub struct TrajectoryPlane {
    /// The components, `[P]` each, of length 1 and at right angles; the entry of largest magnitude is positive.
    pub directions: [Vec<f64>; 2],
    /// The points of the trajectory in the plane; the last one is (0, 0).
    pub path: Vec<[f64; 2]>,
    /// The fraction of the trajectory's variance that lies along each component.
    pub explained: [f64; 2],
}

/// Why a trajectory has no plane.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum TrajectoryError {
    /// There are too few points.
    #[error("the trajectory has {0} points; its plane needs 3 or more")]
    Points(usize),
    /// A point belongs to another network.
    #[error("the network has {wanted} parameters, point {point} of the trajectory has {got}")]
    Length {
        /// The number of the point, from 0.
        point: usize,
        /// Its length.
        got: usize,
        /// P.
        wanted: usize,
    },
    /// The points stand on one line.
    #[error("the points of the trajectory stand on one line, through which there are many planes")]
    Line,
    /// A weight is infinite or NaN, or the eigenproblem has failed.
    #[error(transparent)]
    Eigen(#[from] EigenError),
}

/// The first two principal components of the points of a trajectory, theta_t - theta_T, whose mean is taken from them; and the path
/// of the points along these, seen from the last one.
///
/// # Cost
/// T^2 P operations for T points, by the eigenvectors of their T x T inner products.
///
/// # Errors
/// [`TrajectoryError`] for fewer than 3 points, points of different lengths, and points on one line.
///
/// # References
/// Li, Xu, Taylor, Studer, Goldstein, arXiv:1712.09913, section 7.
pub fn trajectory_plane(points: &[Vec<f64>]) -> Result<TrajectoryPlane, TrajectoryError> {
    let n = points.len();
    let Some((last, true)) = points.last().map(|last| (last, n > 2)) else { return Err(TrajectoryError::Points(n)) };
    let p = last.len();
    if let Some(point) = points.iter().position(|x| x.len() != p) {
        return Err(TrajectoryError::Length { point, got: points[point].len(), wanted: p });
    }
    let mean: Vec<f64> = (0..p).map(|i| points.iter().map(|x| x[i] - last[i]).sum::<f64>() / n as f64).collect();
    let centred: Vec<Vec<f64>> =
        points.iter().map(|x| x.iter().zip(last).zip(&mean).map(|((x, l), m)| x - l - m).collect()).collect();
    let gram = Matrix::from_fn(n, n, |i, j| dot(&centred[i.min(j)], &centred[i.max(j)]));
    let pairs = self_adjoint_eigen(&gram)?;
    let total: f64 = pairs.eigenvalues.iter().map(|l| l.max(0.0)).sum();
    let (first, second) = (pairs.eigenvalues[n - 1], pairs.eigenvalues[n - 2]);
    // Inner products have no more digits than that.
    if second <= n as f64 * f64::EPSILON * first || first <= 0.0 {
        return Err(TrajectoryError::Line);
    }
    let component = |u: &[f64], without: Option<&Vec<f64>>| {
        let mut v = vec![0.0; p];
        for (x, &weight) in centred.iter().zip(u) {
            v.iter_mut().zip(x).for_each(|(v, x)| *v += weight * x);
        }
        // The squares of the lengths of both may be ten decades apart: then the second one has some of the first in it.
        if let Some(other) = without {
            let along = dot(&v, other);
            v.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
        }
        let largest = v.iter().fold(0.0f64, |m, x| if x.abs() > m.abs() { *x } else { m });
        let length = norm(&v) * if largest < 0.0 { -1.0 } else { 1.0 };
        v.iter_mut().for_each(|v| *v /= length);
        v
    };
    let v1 = component(pairs.eigenvectors.column(n - 1), None);
    let v2 = component(pairs.eigenvectors.column(n - 2), Some(&v1));
    let along = |x: &[f64], v: &[f64]| x.iter().zip(last).zip(v).map(|((x, l), v)| (x - l) * v).sum::<f64>();
    let path = points.iter().map(|x| [along(x, &v1), along(x, &v2)]).collect();
    Ok(TrajectoryPlane { directions: [v1, v2], path, explained: [first / total, second / total] })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl TrajectoryPlane {
    /// The smallest rectangle around the path, grown by `room` of its sides on each side.
    pub fn around(&self, room: f64) -> [[f64; 2]; 2] {
        [0, 1].map(|axis| {
            let values = self.path.iter().map(|at| at[axis]);
            let (low, high) = values.fold((0.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
            let away = room * (high - low).max(f64::MIN_POSITIVE);
            [low - away, high + away]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_a_direction_are_as_long_as_the_weights_and_biases_stay() {
        let mut layout = ParamLayout::default();
        layout.push("conv.weight", &[3, 2, 2, 2]);
        layout.push("conv.bias", &[3]);
        layout.push("fc.weight", &[2, 5]);
        let theta: Vec<f64> = (0..37).map(|i| f64::from(i).sin() * f64::from(1 + i / 8)).collect();
        let both = filter_normalised(&layout, &theta, 7);
        assert_ne!(both[0], both[1]);
        assert_eq!(both, filter_normalised(&layout, &theta, 7));
        assert_ne!(both, filter_normalised(&layout, &theta, 8));
        for d in &both {
            for range in [0..8, 8..16, 16..24, 27..32, 32..37] {
                let (got, wanted) = (norm(&d[range.clone()]), norm(&theta[range.clone()]));
                assert!((got - wanted).abs() < 1e-9 * wanted, "{range:?}: {got} {wanted}");
            }
            assert_eq!(d[24..27], [0.0; 3]);
        }
    }

    #[test]
    fn an_ellipse_in_space_has_its_axes_as_components() {
        // Points of an ellipse with axes 3 and 1 along e_2 and -e_0, about a centre, that leaves their plane by a fifth along e_1.
        let point = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / 40.0;
            vec![1.0 - angle.sin(), 5.0 + 0.2 * (2.0 * angle).cos(), 2.0 + 3.0 * angle.cos(), 7.0]
        };
        let points: Vec<Vec<f64>> = (0..40).map(point).collect();
        let plane = trajectory_plane(&points).unwrap();
        for (got, wanted) in plane.directions.iter().zip([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]]) {
            assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 1e-12), "{got:?}");
        }
        let all = 9.0 + 1.0 + 0.04;
        assert!((plane.explained[0] - 9.0 / all).abs() < 1e-12 && (plane.explained[1] - 1.0 / all).abs() < 1e-12);
        assert_eq!(plane.path.last(), Some(&[0.0, 0.0]));
        for (at, x) in plane.path.iter().zip(&points) {
            assert!((at[0] - (x[2] - points[39][2])).abs() < 1e-12 && (at[1] - (x[0] - points[39][0])).abs() < 1e-12);
        }
        let [[low, high], _] = plane.around(0.1);
        assert!(plane.path.iter().all(|at| low < at[0] && at[0] < high));
    }

    /// The eigenvectors of the inner products have rounding in them, of which the first component is made by a million times as much as
    /// the second one.
    #[test]
    fn a_component_far_shorter_than_the_first_stands_at_right_angles_to_it() {
        let short = 1e-6;
        let point = |i: usize| {
            let angle = std::f64::consts::TAU * i as f64 / 40.0;
            vec![0.6 * angle.cos() - 0.8 * short * angle.sin(), 0.8 * angle.cos() + 0.6 * short * angle.sin()]
        };
        let points: Vec<Vec<f64>> = (0..40).map(point).collect();
        let TrajectoryPlane { directions: [first, second], explained, .. } = trajectory_plane(&points).unwrap();
        assert!(dot(&first, &second).abs() < 1e-15, "{:e}", dot(&first, &second));
        for (got, wanted) in [(&first, [0.6, 0.8]), (&second, [0.8, -0.6])] {
            assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 1e-9), "{got:?}");
        }
        assert!((explained[1] / (short * short) - 1.0).abs() < 1e-2, "{explained:?}");
    }

    #[test]
    fn points_on_one_line_and_too_few_points_are_refused() {
        let line: Vec<Vec<f64>> = (0..5).map(|i| vec![f64::from(i), 2.0 * f64::from(i), 1.0]).collect();
        assert_eq!(trajectory_plane(&line), Err(TrajectoryError::Line));
        assert_eq!(trajectory_plane(&line[..2]), Err(TrajectoryError::Points(2)));
        assert_eq!(trajectory_plane(&vec![vec![1.0]; 4]), Err(TrajectoryError::Line));
        let ragged = [vec![1.0], vec![1.0, 2.0], vec![3.0, 4.0]];
        assert_eq!(trajectory_plane(&ragged), Err(TrajectoryError::Length { point: 0, got: 1, wanted: 2 }));
    }
}
