//! The distance of samples to the decision boundary, from the outputs alone.

use super::boundary_search::Search;
use super::solve::{distance, dot};
use super::watched::in_parallel;
use crate::curvature::{Problem, Space, Stopped, Watch};
use crate::model::{Pool, argmax};
use crate::rng::NumpyRandomState;
use rayon::prelude::*;

/// The nearest point of the decision boundary that was found for one sample.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BoundaryPoint {
    /// Index of the sample.
    pub sample: usize,
    /// The class predicted for the sample.
    pub class: usize,
    /// The class predicted beyond the boundary.
    pub other: usize,
    /// The distance |x - sample| of the point x from the sample.
    pub distance: f64,
    /// The point of the boundary, `[d]`.
    pub point: Vec<f64>,
    /// Whether the predicted class changes at the point: it is `class` a little before the point on the way from the
    /// sample, and another class a little beyond.
    pub verified: bool,
}

/// The search goes towards this many samples of another predicted class, the nearest ones.
const NEIGHBOURS: usize = 8;
/// The search also goes in this many random directions (in the plane, in equally spaced ones).
const RAYS: usize = 16;
const PLANE_RAYS: usize = 64;
/// Number of samples that are searched between two questions to the watch.
const TOGETHER: usize = 8;
/// The class is checked this far before and beyond the point, as a fraction of the distance.
const BESIDE: f64 = 1e-6;

/// For every sample x_0 of `of`, the nearest point where the predicted class changes: the minimum of |x - x_0| subject
/// to f_a(x) = max_(b != a) f_b(x), where a is the class predicted for x_0.
///
/// Independent of gradients with respect to theta. Starts: towards the nearest samples of another predicted class,
/// towards the ends of first-order steps to every other class, and in 16 random directions (fixed stream; in the plane
/// 64 equally spaced ones); on each ray the first change of class. From the nearest crossings, unless close to one another,
/// projected Newton steps along the boundary: the next point is the first crossing on the ray to the point of the
/// tangent plane nearest to x_0, or of the intersection of up to eight recent tangent planes (which meets the edges of
/// piecewise-linear boundaries), with shorter steps where that is no nearer.
///
/// # Shapes
/// One result for each of the problem's N samples, whose labels and loss play no part; `None` where no other class was
/// found on any ray.
///
/// # Guarantees
/// Every result is a point of the boundary, so an upper bound on the distance, and a local minimum up to 1e-10 where
/// the boundary is smooth. That it is the global one is not proved; in the plane the tests compare it with the traced
/// boundary, and around a polytope in 6 dimensions it is exact for 28 of 30 samples, 0.3 % too far at worst. A region of
/// another class thinner than 1/32 of a ray can be missed.
///
/// # Cost
/// Some thousand forward passes a sample, parallel over samples; the same bytes for any number of threads. `watch` is told
/// the finished samples.
///
/// # Errors
/// [`Stopped`] if `watch` stops the search.
///
/// # References
/// Moosavi-Dezfooli, Fawzi, Frossard, arXiv:1511.04599 (the first-order steps).
pub fn boundary_distances(
    problem: &Problem<'_, f64>,
    of: &[usize],
    watch: &mut dyn Watch,
) -> Result<Vec<Option<BoundaryPoint>>, Stopped> {
    let (network, theta, inputs) = (problem.classifier(), problem.theta(), problem.inputs());
    let one = |n: usize| inputs.columns(n..n + 1);
    let threads = problem.space().threads();
    let classes: Vec<usize> = threads.run(|| {
        let samples = (0..inputs.columns).into_par_iter();
        samples.map_init(Pool::new, |pool, n| argmax(&network.outputs_apart(theta, &one(n), pool).data)).collect()
    });
    let rays = directions(inputs.rows);
    let nearest = |i: usize| {
        let sample = of[i];
        let (origin, class) = (inputs.column(sample), classes[sample]);
        let farthest = inputs.iter_columns().map(|x| distance(origin, x)).fold(0.0, f64::max);
        let mut pool = Pool::new();
        let mut search = Search { network, theta, origin, class, pool: &mut pool };
        let mut others: Vec<(f64, usize)> = (0..inputs.columns)
            .filter(|&n| classes[n] != class)
            .map(|n| (distance(origin, inputs.column(n)), n))
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        let neighbours: Vec<&[f64]> = others.iter().take(NEIGHBOURS).map(|&(_, n)| inputs.column(n)).collect();
        search.nearest(&neighbours, &rays, farthest).map(|(point, distance)| {
            let (before, beyond) = (search.at(&point, 1.0 - BESIDE), search.at(&point, 1.0 + BESIDE));
            let verified = search.excess(&before).0 < 0.0 && search.excess(&beyond).0 > 0.0;
            let other = search.excess(&beyond).1;
            BoundaryPoint { sample, class, other, distance, point, verified }
        })
    };
    in_parallel(of.len(), TOGETHER, &threads, ("boundary distances", "samples"), watch, nearest)
}

/// The unit vectors of the search's directions: equally spaced in the plane, random in more dimensions. They are the
/// same for all samples.
fn directions(d: usize) -> Vec<Vec<f64>> {
    if d == 2 {
        let turn = |i: usize| std::f64::consts::TAU * (i as f64 + 0.5) / PLANE_RAYS as f64;
        return (0..PLANE_RAYS).map(|i| vec![turn(i).cos(), turn(i).sin()]).collect();
    }
    let mut stream = NumpyRandomState::new(0);
    let direction = |_| {
        let v: Vec<f64> = (0..d).map(|_| stream.randn()).collect();
        let norm = dot(&v, &v).sqrt();
        v.iter().map(|x| x / norm).collect()
    };
    (0..RAYS).map(direction).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Plane as Rectangle, decision_boundary};
    use crate::linalg::Matrix;
    use crate::model::Network;
    use crate::vocabulary::{Activation, LossKind};

    fn distances(network: &Network, theta: &[f64], x: &Matrix<f64>) -> Vec<Option<BoundaryPoint>> {
        let labels = vec![0; x.columns];
        let problem = Problem::at(network, theta.to_vec(), x.clone(), labels, LossKind::CrossEntropy).unwrap();
        boundary_distances(&problem, &(0..x.columns).collect::<Vec<_>>(), &mut ()).unwrap()
    }

    #[test]
    fn a_linear_classifier_has_its_closed_form() {
        let network = Network::fully_connected(&[4, 2], Activation::Relu).unwrap();
        let theta: Vec<f64> = (0..10).map(|i| (f64::from(i) * 1.7).sin()).collect();
        let x = Matrix::from_fn(4, 12, |i, j| 2.0 * (i as f64 * 3.1 + j as f64 * 1.3).sin());
        let w: Vec<f64> = (0..4).map(|i| theta[i] - theta[4 + i]).collect();
        let bias = theta[8] - theta[9];
        let norm = dot(&w, &w).sqrt();
        for (n, found) in distances(&network, &theta, &x).into_iter().enumerate() {
            let found = found.unwrap();
            let wanted = (dot(&w, x.column(n)) + bias).abs() / norm;
            assert!((found.distance - wanted).abs() < 1e-9 * (1.0 + wanted), "{found:?} {wanted}");
            assert!(found.verified && found.class != found.other);
        }
    }

    #[test]
    fn a_network_of_one_class_has_no_boundary() {
        let network = Network::fully_connected(&[2, 2], Activation::Relu).unwrap();
        let x = Matrix::from_fn(2, 3, |i, j| (i + j) as f64);
        assert_eq!(distances(&network, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0], &x), vec![None; 3]);
        let single = Network::fully_connected(&[2, 1], Activation::Relu).unwrap();
        assert_eq!(distances(&single, &[1.0, 0.0, 0.0], &x), vec![None; 3]);
    }

    /// The classifier |x|_1 < 1 in d dimensions, made of 2 d ReLU units with the outputs |x|_1 and 1.
    fn diamond(d: usize) -> (Network, Vec<f64>) {
        let network = Network::fully_connected(&[d, 2 * d, 2], Activation::Relu).unwrap();
        let mut theta = vec![0.0; network.n_params()];
        for i in 0..d {
            theta[2 * i * d + i] = 1.0;
            theta[(2 * i + 1) * d + i] = -1.0;
        }
        let second = 2 * d * d + 2 * d;
        theta[second..second + 2 * d].fill(1.0);
        theta[second + 4 * d + 1] = 1.0;
        (network, theta)
    }

    /// The distance |x - y|_2 to the nearest y with |y|_1 = 1, for |x|_1 > 1: all entries are shrunk by one threshold.
    fn to_diamond(x: &[f64]) -> f64 {
        let (mut low, mut high) = (0.0, x.iter().fold(0.0f64, |m, x| m.max(x.abs())));
        for _ in 0..200 {
            let t = f64::midpoint(low, high);
            let norm: f64 = x.iter().map(|x| (x.abs() - t).max(0.0)).sum();
            if norm > 1.0 { low = t } else { high = t }
        }
        x.iter().map(|x| x.abs().min(low).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn a_polytope_from_inside_and_from_outside() {
        for d in [2, 3, 6] {
            let (network, theta) = diamond(d);
            let mut stream = NumpyRandomState::new(1);
            let x = Matrix { data: (0..30 * d).map(|_| 0.5 * stream.randn()).collect(), rows: d, columns: 30 };
            let found = distances(&network, &theta, &x);
            let mut exact = 0;
            for found in found {
                let found = found.unwrap();
                let p = x.column(found.sample);
                let l1: f64 = p.iter().map(|x| x.abs()).sum();
                assert!(found.verified, "{found:?}");
                // From inside, the nearest point lies on a face; from outside, it may lie on an edge or a corner.
                let wanted = if l1 < 1.0 { (1.0 - l1) / (d as f64).sqrt() } else { to_diamond(p) };
                let ratio = found.distance / wanted;
                let tolerance = if d > 3 && l1 > 1.0 { 1e-2 } else { 1e-8 };
                assert!(ratio > 1.0 - 1e-9 && ratio < 1.0 + tolerance, "{d}: {found:?} {wanted}");
                exact += usize::from(ratio < 1.0 + 1e-8);
            }
            assert!(exact >= 27, "{d}: {exact} of 30");
        }
    }

    /// The distance of a point from a segment.
    fn to_segment(p: &[f64], [a, b]: [[f64; 2]; 2]) -> f64 {
        let (d, r) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
        let t = ((r[0] * d[0] + r[1] * d[1]) / (d[0] * d[0] + d[1] * d[1])).clamp(0.0, 1.0);
        (r[0] - t * d[0]).hypot(r[1] - t * d[1])
    }

    #[test]
    fn in_the_plane_it_is_the_distance_to_the_traced_boundary() {
        for (seed, activation, classes) in
            [(1, Activation::Relu, 2), (2, Activation::Relu, 3), (3, Activation::Sigmoid, 3), (4, Activation::Relu, 4)]
        {
            let network = Network::fully_connected(&[2, 14, 9, classes], activation).unwrap();
            let mut stream = NumpyRandomState::new(seed);
            let mut theta: Vec<f64> = (0..network.n_params()).map(|_| 0.8 * stream.randn()).collect();
            let x = Matrix::from_fn(2, 40, |i, j| 1.5 * (i as f64 * 4.1 + j as f64 * 1.3).sin());
            // Every class is predicted somewhere among the samples.
            let outputs = network.outputs(&theta, &x);
            let p = theta.len();
            for c in 0..classes {
                theta[p - classes + c] -= outputs.iter_columns().map(|o| o[c]).sum::<f64>() / 40.0;
            }
            let plane = Rectangle::square(-4.0, 4.0);
            let n = 801;
            let outputs = network.outputs(&theta, &plane.nodes(n, n));
            let lines = decision_boundary(&plane, &outputs, n, n);
            assert!(!lines.is_empty(), "{seed}");
            let segments: Vec<_> = lines.iter().flat_map(|l| l.windows(2).map(|w| [w[0], w[1]])).collect();
            let mut compared = 0;
            for found in distances(&network, &theta, &x).into_iter().flatten() {
                let p = x.column(found.sample);
                let traced = segments.iter().map(|&s| to_segment(p, s)).fold(f64::INFINITY, f64::min);
                // The boundary may continue beyond the traced rectangle, so distances that reach its edge are not
                // compared.
                if traced > 2.4 {
                    continue;
                }
                compared += 1;
                assert!((found.distance - traced).abs() < 4e-3, "{activation:?} {classes}: {found:?}, traced {traced}");
                assert!(found.verified, "{found:?}");
            }
            assert!(compared >= 30, "{activation:?} {classes}: {compared}");
        }
    }
}
