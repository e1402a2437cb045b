//! Searches from a sample to the decision boundary and along it.

use super::solve::{distance, dot, solve_positive};
use crate::linalg::Matrix;
use crate::model::{Network, Pool};

/// The largest number of first-order steps towards another class, and the fraction by which each goes beyond its aim
/// (as in arXiv:1511.04599).
const FIRST_ORDER_STEPS: usize = 50;
const BEYOND: f64 = 1.02;
/// The number of nearest crossings that are followed along the boundary, and their least distance from each other, as a
/// fraction of their distance to the sample.
const FOLLOWED: usize = 6;
const APART: f64 = 0.3;
/// The largest number of steps along the boundary.
const STEPS: usize = 60;
/// The largest number of the boundary's tangent planes that are intersected.
const PLANES: usize = 8;
/// A step is halved at most this often before it is given up.
const HALVINGS: i32 = 12;
/// A step along the boundary that gains less than this, relative to the distance, is the last.
const GAIN: f64 = 1e-10;

/// The search for the boundary that starts from one sample.
pub(super) struct Search<'a> {
    pub(super) network: &'a Network,
    pub(super) theta: &'a [f64],
    /// The sample where the search starts.
    pub(super) origin: &'a [f64],
    /// The class predicted for the sample.
    pub(super) class: usize,
    pub(super) pool: &'a mut Pool<f64>,
}

/// A tangent plane {y: normal^T y = offset} of the boundary, relative to the origin.
struct Plane {
    normal: Vec<f64>,
    offset: f64,
}

impl Search<'_> {
    /// The point origin + t (point - origin).
    pub(super) fn at(&self, point: &[f64], t: f64) -> Vec<f64> {
        self.origin.iter().zip(point).map(|(o, p)| o + t * (p - o)).collect()
    }

    /// For each of some points [d, M], the excess max_(b != a) f_b - f_a and the class b that attains it.
    pub(super) fn excesses(&mut self, points: &Matrix<f64>) -> Vec<(f64, usize)> {
        let class = self.class;
        let outputs = self.network.outputs_apart(self.theta, points, self.pool);
        outputs.iter_columns().map(|o| best_other(o, class)).map(|(b, excess)| (excess, b)).collect()
    }

    pub(super) fn excess(&mut self, point: &[f64]) -> (f64, usize) {
        let points = Matrix { data: point.to_vec(), rows: point.len(), columns: 1 };
        self.excesses(&points)[0]
    }

    /// For the best other class b at a point, f_b - f_a and its derivative by x.
    fn slope(&mut self, point: &[f64]) -> (f64, Vec<f64>) {
        let class = self.class;
        let x = Matrix { data: point.to_vec(), rows: point.len(), columns: 1 };
        let (outputs, gradient) = self.network.input_gradients(self.theta, &x, self.pool, |_, o, s| {
            s.fill(0.0);
            s[best_other(o, class).0] = 1.0;
            s[class] = -1.0;
        });
        (best_other(&outputs.data, class).1, gradient.data)
    }

    /// The nearest crossing from all starts, and its distance.
    pub(super) fn nearest(
        &mut self,
        neighbours: &[&[f64]],
        rays: &[Vec<f64>],
        farthest: f64,
    ) -> Option<(Vec<f64>, f64)> {
        let mut found: Vec<(Vec<f64>, f64)> = Vec::new();
        let mut ends: Vec<Vec<f64>> = neighbours.iter().map(|n| n.to_vec()).collect();
        ends.extend(self.first_order_ends());
        self.cross(&ends, &mut found);
        let reach = found.iter().map(|f| f.1).min_by(f64::total_cmp).unwrap_or(farthest);
        let end = |ray: &Vec<f64>| self.origin.iter().zip(ray).map(|(o, r)| o + 2.0 * reach * r).collect();
        let ends: Vec<Vec<f64>> = rays.iter().map(end).collect();
        self.cross(&ends, &mut found);
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut starts: Vec<(Vec<f64>, f64)> = Vec::new();
        for crossing in found {
            if starts.len() < FOLLOWED && starts.iter().all(|s| distance(&s.0, &crossing.0) >= APART * crossing.1) {
                starts.push(crossing);
            }
        }
        let followed: Vec<_> = starts.into_iter().map(|start| self.follow(start)).collect();
        followed.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Adds the first crossing on the way to each of some ends, and its distance, to those found.
    fn cross(&mut self, ends: &[Vec<f64>], found: &mut Vec<(Vec<f64>, f64)>) {
        for (end, crossing) in ends.iter().zip(self.first_crossings(ends)) {
            if let Some(t) = crossing {
                let point = self.at(end, t);
                let distance = distance(self.origin, &point);
                found.push((point, distance));
            }
        }
    }

    /// The ends of the first-order steps towards every other class: where the class changes, or after the last step
    /// allowed.
    fn first_order_ends(&mut self) -> Vec<Vec<f64>> {
        let class = self.class;
        let mut ends = Vec::new();
        for other in (0..self.network.n_outputs()).filter(|&b| b != class) {
            let mut point = self.origin.to_vec();
            for _ in 0..FIRST_ORDER_STEPS {
                let x = Matrix { data: point.clone(), rows: point.len(), columns: 1 };
                let (outputs, slope) = self.network.input_gradients(self.theta, &x, self.pool, |_, _, s| {
                    s.fill(0.0);
                    s[other] = 1.0;
                    s[class] = -1.0;
                });
                let step = BEYOND * (outputs.data[class] - outputs.data[other]) / dot(&slope.data, &slope.data);
                if best_other(&outputs.data, class).1 > 0.0 || !step.is_finite() {
                    break;
                }
                point.iter_mut().zip(&slope.data).for_each(|(p, s)| *p += step * s);
            }
            if point.iter().all(|p| p.is_finite()) {
                ends.push(point);
            }
        }
        ends
    }

    /// Follows the boundary from a crossing to a point that is nearest to the origin among its neighbours.
    fn follow(&mut self, (mut point, mut best): (Vec<f64>, f64)) -> (Vec<f64>, f64) {
        let mut planes: Vec<Plane> = Vec::new();
        for _ in 0..STEPS {
            if best == 0.0 {
                break;
            }
            // The slope is taken just beyond the crossing, where the output of the other class is the largest.
            let (value, normal) = self.slope(&self.at(&point, 1.0 + f64::EPSILON));
            let relative: Vec<f64> = point.iter().zip(self.origin).map(|(p, o)| p - o).collect();
            let offset = dot(&normal, &relative) - value;
            // The tangent plane is no nearer: the point is stationary.
            if offset.abs() >= best * (1.0 - GAIN) * dot(&normal, &normal).sqrt() {
                break;
            }
            // A plane that is found again moves to the front of the list.
            planes.retain(|p| !parallel(&p.normal, &normal));
            planes.insert(0, Plane { normal, offset });
            planes.truncate(PLANES);
            let targets: Vec<Vec<f64>> = (1..=planes.len()).filter_map(|m| self.nearest_of(&planes[..m])).collect();
            let better = (0..HALVINGS).find_map(|halving| self.step(&point, best, &targets, 0.5f64.powi(halving)));
            let Some(step) = better else { break };
            (point, best) = step;
        }
        (point, best)
    }

    /// The nearest crossing on the rays that go a `share` of the way from a point of the boundary to each target, if it is
    /// nearer than the `best` distance so far.
    fn step(&mut self, point: &[f64], best: f64, targets: &[Vec<f64>], share: f64) -> Option<(Vec<f64>, f64)> {
        let aims = targets.iter().map(|target| point.iter().zip(target).map(|(p, t)| p + share * (t - p)).collect());
        // Only a crossing nearer than the best one is of interest.
        let end = |aim: Vec<f64>| {
            let length = distance(self.origin, &aim);
            (length > 0.0).then(|| self.at(&aim, best / length))
        };
        let ends: Vec<Vec<f64>> = aims.filter_map(end).collect();
        let mut found = Vec::new();
        self.cross(&ends, &mut found);
        let nearer = found.into_iter().filter(|f| f.1 < best * (1.0 - GAIN));
        nearer.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// The point nearest to the origin where all `planes` meet.
    fn nearest_of(&self, planes: &[Plane]) -> Option<Vec<f64>> {
        let m = planes.len();
        let gram = (0..m * m).map(|i| dot(&planes[i % m].normal, &planes[i / m].normal)).collect();
        let weights = solve_positive(gram, planes.iter().map(|p| p.offset).collect())?;
        let mut point = self.origin.to_vec();
        for (plane, w) in planes.iter().zip(weights) {
            point.iter_mut().zip(&plane.normal).for_each(|(p, n)| *p += w * n);
        }
        point.iter().all(|p| p.is_finite()).then_some(point)
    }
}

/// Whether two vectors have the same direction to rounding.
fn parallel(a: &[f64], b: &[f64]) -> bool {
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    cosine.is_nan() || cosine > 1.0 - 1e-12
}

/// The class with the largest output other than `class`, and by how much that output exceeds the one of `class`; NaN if
/// there is no other class.
fn best_other(outputs: &[f64], class: usize) -> (usize, f64) {
    let others = outputs.iter().enumerate().filter(|&(c, _)| c != class);
    let best = others.fold(None, |best: Option<(usize, f64)>, (c, &o)| match best {
        Some((_, value)) if value >= o => best,
        _ => Some((c, o)),
    });
    best.map_or((class, f64::NAN), |(c, o)| (c, o - outputs[class]))
}
