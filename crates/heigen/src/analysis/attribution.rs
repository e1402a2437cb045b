//! Which eigenvector carries which piece of the decision boundary in the plane, and what becomes of the boundary when the
//! weights move along it.

use super::complexity::to_segment;
use super::solve::distance;
use super::{Plane, decision_boundary};
use crate::curvature::{ExampleLabels, Problem, Space};
use crate::linalg::{Matrix, Scalar};

/// A polyline of the plane.
type Line = Vec<[f64; 2]>;

/// A piece of the decision boundary with the eigenvectors that carry it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BoundaryPiece {
    /// The two classes that it separates, the lower number first.
    pub classes: [usize; 2],
    /// Its length, in units of the plane.
    pub length: f64,
    /// For every eigenvector the share of the length on which it has the largest absolute alignment of all of them.
    pub carried: Vec<f64>,
    /// For every eigenvector the mean of the absolute alignment along the piece, 0 to 1.
    pub alignment: Vec<f64>,
}

/// The decision boundary, taken apart by pieces and eigenvectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CarriedBoundary {
    /// Its polylines, longest first.
    pub lines: Vec<Line>,
    /// One piece for every polyline.
    pub pieces: Vec<BoundaryPiece>,
    /// For every segment of every polyline the number of the eigenvector with the largest absolute alignment in its middle.
    pub carriers: Vec<Vec<usize>>,
}

/// What became of a piece of the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Along more than half of its length there is no boundary between its classes within [`REACH`] any more.
    Removed,
    /// It is at another place: the median of its distances to the new boundary between its classes is more than [`STILL`].
    Shifted,
    /// It is where it was.
    Unmoved,
}

/// The fate of one piece.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PieceFate {
    /// The verdict.
    pub fate: Fate,
    /// The share of the length without a boundary between the same classes within reach, 0 to 1.
    pub lost: f64,
    /// The median distance to the new boundary between the same classes, in units of the plane, of the part that is within
    /// reach; 0 where none is.
    pub shift: f64,
}

/// The boundary after the weights have moved along a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct MovedBoundary {
    /// The factor t of the vector that was added to theta.
    pub step: f64,
    /// The loss there.
    pub loss: f64,
    /// The boundary there.
    pub lines: Vec<Line>,
    /// The fates of the pieces of the boundary at theta.
    pub fates: Vec<PieceFate>,
}

/// A boundary farther away than this fraction of the plane's shorter side is another one.
pub const REACH: f64 = 0.1;
/// A piece that moves by less than this fraction of the plane's shorter side has not moved.
pub const STILL: f64 = 0.01;
/// Steps are looked for up to this length, in lengths of theta.
const FARTHEST: f64 = 16.0;

/// The pieces of the boundary of `problem`'s network in `plane`, traced on `nodes` nodes along each axis, each with the columns of
/// `vectors` [P, k] that carry it. The alignment of x is that of the gradient of its loss against the predicted class (arXiv:2306.07104,
/// section 3); next to the boundary the gradients for its two classes are antiparallel, so that their absolute alignments agree.
///
/// # Panics
/// If the network does not have two inputs, or the vectors do not have P rows.
pub fn carried_boundary<T: Scalar>(
    problem: &Problem<'_, T>,
    plane: &Plane,
    nodes: usize,
    vectors: &Matrix<T>,
) -> CarriedBoundary {
    let traced = traced(problem, problem.theta(), plane, nodes);
    let mut all = CarriedBoundary::default();
    let k = vectors.columns;
    for (line, classes) in traced {
        let segments: Vec<[[f64; 2]; 2]> = line.windows(2).map(|w| [w[0], w[1]]).collect();
        let middles: Vec<[f64; 2]> = segments.iter().map(|[a, b]| [0, 1].map(|d| f64::midpoint(a[d], b[d]))).collect();
        let alignments = problem.alignments_at(&matrix(&middles), &ExampleLabels::Predicted, vectors);
        let (mut carried, mut alignment, mut length) = (vec![0.0; k], vec![0.0; k], 0.0);
        let mut carriers = Vec::with_capacity(segments.len());
        for ([a, b], own) in segments.iter().zip(alignments.iter_columns()) {
            let part = distance(a, b);
            let strongest = (0..k).fold(0, |best, i| if magnitude(own[i]) > magnitude(own[best]) { i } else { best });
            length += part;
            alignment.iter_mut().zip(own).for_each(|(sum, &a)| *sum += part * magnitude(a));
            if let Some(carried) = carried.get_mut(strongest) {
                *carried += part;
            }
            carriers.push(strongest);
        }
        let share = |sums: Vec<f64>| sums.iter().map(|sum| if length > 0.0 { sum / length } else { 0.0 }).collect();
        all.pieces.push(BoundaryPiece { classes, length, carried: share(carried), alignment: share(alignment) });
        all.lines.push(line);
        all.carriers.push(carriers);
    }
    all
}

/// The boundary at theta + t v for the smallest t > 0 at which the loss has risen by `rise`, with the fates of the pieces of
/// `before`; `direction` is v or -v. `None` where the loss does not rise so far within 16 lengths of theta.
///
/// # Panics
/// If the network does not have two inputs, or the direction does not have P numbers.
pub fn moved_boundary<T: Scalar>(
    problem: &Problem<'_, T>,
    plane: &Plane,
    nodes: usize,
    before: &CarriedBoundary,
    direction: &[T],
    rise: f64,
) -> Option<MovedBoundary> {
    assert_eq!(direction.len(), problem.n_params(), "a direction of another network");
    let at =
        |t: f64| -> Vec<T> { problem.theta().iter().zip(direction).map(|(&w, &v)| w + T::from_f64(t) * v).collect() };
    let wanted = problem.loss() + rise;
    let step = first_rise(|t| problem.loss_of(&at(t)), wanted, farthest(problem.theta(), direction))?;
    let theta = at(step);
    let after = traced(problem, &theta, plane, nodes);
    let side = (plane.x[1] - plane.x[0]).abs().min((plane.y[1] - plane.y[0]).abs());
    let fates = before.lines.iter().zip(&before.pieces).map(|(line, piece)| {
        let same: Vec<&Line> = after.iter().filter(|(_, classes)| *classes == piece.classes).map(|(l, _)| l).collect();
        fate(line, &same, side)
    });
    let fates = fates.collect();
    Some(MovedBoundary {
        step,
        loss: problem.loss_of(&theta),
        lines: after.into_iter().map(|(l, _)| l).collect(),
        fates,
    })
}

/// The longest step that is looked at.
fn farthest<T: Scalar>(theta: &[T], direction: &[T]) -> f64 {
    let norm = |v: &[T]| v.iter().map(|v| v.to_f64().powi(2)).sum::<f64>().sqrt();
    FARTHEST * norm(theta).max(1.0) / norm(direction).max(f64::MIN_POSITIVE)
}

/// The smallest t > 0, up to the accuracy of a search from small steps to larger ones, at which `loss` reaches `wanted`.
fn first_rise(loss: impl Fn(f64) -> f64, wanted: f64, farthest: f64) -> Option<f64> {
    /// The first step that is looked at is the farthest one halved so often; each is longer by a quarter than the one before.
    const HALVED: i32 = 24;
    const GROWTH: f64 = 1.25;
    const BISECTIONS: usize = 40;
    let (mut low, mut high) = (0.0, farthest * 0.5f64.powi(HALVED));
    // A loss that is no number any more has risen, too.
    let risen = |t: f64| {
        let l = loss(t);
        l.is_nan() || l >= wanted
    };
    while !risen(high) {
        if high >= farthest {
            return None;
        }
        (low, high) = (high, (high * GROWTH).min(farthest));
    }
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if risen(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The boundary of the network at `theta`: its lines, longest first, each with the two classes that it separates.
fn traced<T: Scalar>(problem: &Problem<'_, T>, theta: &[T], plane: &Plane, nodes: usize) -> Vec<(Line, [usize; 2])> {
    assert_eq!(problem.network().n_inputs(), 2, "a boundary in the plane has two inputs");
    let outputs = |inputs: &Matrix<T>| problem.space().threads().run(|| problem.classifier().outputs(theta, inputs));
    let lines = decision_boundary(plane, &outputs(&plane.nodes(nodes, nodes)), nodes, nodes);
    let mut all: Vec<(Line, [usize; 2])> = Vec::new();
    for line in lines.into_iter().filter(|line| line.len() > 1) {
        let found = outputs(&matrix(&line));
        let mut votes: Vec<([usize; 2], usize)> = Vec::new();
        for o in found.iter_columns() {
            let classes = two_largest(o);
            match votes.iter_mut().find(|(voted, _)| *voted == classes) {
                Some((_, count)) => *count += 1,
                None => votes.push((classes, 1)),
            }
        }
        let classes = votes.iter().max_by_key(|(_, count)| *count).map_or([0, 0], |(classes, _)| *classes);
        all.push((line, classes));
    }
    let length = |line: &Line| line.windows(2).map(|w| distance(&w[0], &w[1])).sum::<f64>();
    all.sort_by(|a, b| length(&b.0).total_cmp(&length(&a.0)));
    all
}

/// The classes of the two largest outputs, the lower number first.
fn two_largest<T: Scalar>(o: &[T]) -> [usize; 2] {
    let mut order: Vec<usize> = (0..o.len()).collect();
    order.sort_by(|&a, &b| o[b].to_f64().total_cmp(&o[a].to_f64()));
    let [a, b] = [order.first(), order.get(1)].map(|class| class.copied().unwrap_or(0));
    [a.min(b), a.max(b)]
}

/// The fate of `line` where `after` are the lines between the same classes later.
fn fate(line: &Line, after: &[&Line], side: f64) -> PieceFate {
    let (mut length, mut lost) = (0.0, 0.0);
    let mut near: Vec<(f64, f64)> = Vec::new();
    for w in line.windows(2) {
        let (part, middle) = (distance(&w[0], &w[1]), [0, 1].map(|d| f64::midpoint(w[0][d], w[1][d])));
        let to = after.iter().flat_map(|l| l.windows(2)).map(|w| to_segment(middle, w[0], w[1]));
        let nearest = to.fold(f64::INFINITY, f64::min);
        length += part;
        if nearest > REACH * side { lost += part } else { near.push((nearest, part)) }
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut half = near.iter().map(|(_, part)| part).sum::<f64>() / 2.0;
    let median = near.iter().find(|(_, part)| {
        half -= part;
        half <= 0.0
    });
    let (shift, lost) = (median.map_or(0.0, |m| m.0), if length > 0.0 { lost / length } else { 0.0 });
    let fate = match (lost > 0.5, shift > STILL * side) {
        (true, _) => Fate::Removed,
        (false, true) => Fate::Shifted,
        (false, false) => Fate::Unmoved,
    };
    PieceFate { fate, lost, shift }
}

/// Points as columns [2, M].
fn matrix<T: Scalar>(points: &[[f64; 2]]) -> Matrix<T> {
    Matrix::from_fn(2, points.len(), |d, m| T::from_f64(points[m][d]))
}

fn magnitude<T: Scalar>(a: T) -> f64 {
    a.to_f64().abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Activation, LossKind};
    use crate::model::Network;
    use crate::vocabulary::{Objective, Targets};

    /// The vectors of a linear network of two inputs and two outputs: its boundary is x = 0 at `theta`.
    const THETA: [f64; 6] = [3.0, 0.0, -3.0, 0.0, 0.0, 0.0];

    fn with_line<R>(f: impl FnOnce(&Problem<'_, f64>, &Plane) -> R) -> R {
        let network = Network::fully_connected(&[2, 2], Activation::Relu).unwrap();
        let x = Matrix { rows: 2, columns: 4, data: vec![-1.0, 0.5, -0.5, -1.0, 0.7, 1.0, 1.2, -0.3] };
        let targets = Targets::Classes(vec![1, 1, 0, 0]);
        let loss = Objective::from(LossKind::CrossEntropy);
        let problem = Problem::at(&network, THETA.to_vec(), x, targets, loss).unwrap();
        f(&problem, &Plane::square(-1.0, 1.0))
    }

    /// Columns of unit vectors of theta.
    fn units(numbers: &[&[(usize, f64)]]) -> Matrix<f64> {
        let column = |of: &&[(usize, f64)]| {
            let mut column = vec![0.0; 6];
            of.iter().for_each(|&(i, x)| column[i] = x);
            column
        };
        Matrix { rows: 6, columns: numbers.len(), data: numbers.iter().flat_map(column).collect() }
    }

    #[test]
    fn a_straight_boundary_is_carried_by_the_gradient_there() {
        with_line(|problem, plane| {
            // On x = 0 the gradient against a class is (p - e) (x, y, 1): nothing for the weights of x, y for those of y, and
            // 1 for the biases, which are therefore the stronger ones wherever |y| < 1.
            let s = 0.5f64.sqrt();
            let vectors = units(&[&[(0, s), (2, -s)], &[(1, s), (3, -s)], &[(4, s), (5, -s)]]);
            let found = carried_boundary(problem, plane, 41, &vectors);
            assert_eq!(found.pieces.len(), 1);
            let piece = &found.pieces[0];
            assert_eq!(piece.classes, [0, 1]);
            assert!((piece.length - 2.0).abs() < 1e-12);
            assert!(piece.carried[2] == 1.0 && piece.alignment[0] < 1e-12, "{piece:?}");
            // The means of 1 / sqrt(1 + y^2) and of |y| / sqrt(1 + y^2) over y from -1 to 1.
            let (bias, weight) = (1f64.asinh(), 2f64.sqrt() - 1.0);
            assert!((piece.alignment[2] - bias).abs() < 1e-3, "{piece:?}");
            assert!((piece.alignment[1] - weight).abs() < 1e-3, "{piece:?}");
            assert!(found.carriers[0].iter().all(|&carrier| carrier == 2));
        });
    }

    #[test]
    fn biases_shift_the_boundary_until_it_leaves_the_reach() {
        with_line(|problem, plane| {
            let s = 0.5f64.sqrt();
            let v = units(&[&[(4, s), (5, -s)]]);
            let before = carried_boundary(problem, plane, 41, &v);
            for (rise, wanted) in [(1e-4, Fate::Unmoved), (0.02, Fate::Shifted), (1.0, Fate::Removed)] {
                let moved = moved_boundary(problem, plane, 41, &before, v.column(0), rise).unwrap();
                // The logits are 3 x + s t and -3 x - s t: the boundary lies at x = -s t / 3.
                let shift = s * moved.step / 3.0;
                let fate = moved.fates[0];
                assert_eq!(fate.fate, wanted, "{moved:?}");
                assert!((moved.loss - problem.loss() - rise).abs() < 1e-9, "{moved:?}");
                if wanted != Fate::Removed {
                    assert!((fate.shift - shift).abs() < 1e-9 && fate.lost == 0.0, "{fate:?} {shift}");
                }
                if let Some(line) = moved.lines.first() {
                    assert!(line.iter().all(|p| (p[0] + shift).abs() < 1e-9));
                }
            }
        });
    }

    #[test]
    fn a_direction_that_changes_nothing_has_no_step() {
        with_line(|problem, plane| {
            let v = units(&[&[(4, 1.0), (5, 1.0)]]);
            let before = carried_boundary(problem, plane, 11, &v);
            assert_eq!(moved_boundary(problem, plane, 11, &before, v.column(0), 0.1), None);
        });
    }
}
