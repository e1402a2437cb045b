//! Measures of how complex a decision boundary in the plane is.

use super::solve::distance;
use std::collections::HashMap;

/// Numbers that tell how complex a boundary in the plane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BoundaryComplexity {
    /// Number of connected pieces; lines that end in a point where three classes meet are one piece.
    pub n_pieces: usize,
    /// Number of maximal straight segments.
    pub n_linear: usize,
    /// Total length of all lines.
    pub length: f64,
    /// Total absolute curvature: the sum of all turning angles, in radians. 0 for straight lines, 2 pi for a convex
    /// closed curve, more for all others.
    pub turning: f64,
}

/// Ends that are closer than this fraction of the boundary's extent are the same point.
const SAME: f64 = 1e-7;
/// Two straight segments are one if their directions differ by less than this angle, 1 degree.
pub const STRAIGHT: f64 = std::f64::consts::PI / 180.0;
/// Between nodes the interpolated boundary wiggles where the true one has a kink. Wiggles of up to this many diagonals
/// of a cell are taken as straight.
const WIGGLE: f64 = 0.5;
/// Only segments of at least this many diagonals of a cell count as straight pieces; shorter ones may be cut corners.
const RESOLVED: f64 = 2.0;

/// Measures of a boundary given as polylines, as [`super::decision_boundary`] traces it on a grid with cells of
/// diagonal `cell`.
///
/// Every polyline is first reduced to the fewest of its vertices from which it keeps within half a cell
/// (Douglas-Peucker), since the tracing is good to that only. The turning is that of the reduced line; its maximal
/// straight segments are counted with an angle tolerance of 1 degree ([`STRAIGHT`]). For ReLU networks, whose boundary
/// is piecewise linear, that is the number of linear pieces that the grid resolves; for smooth ones it grows like
/// 1 / sqrt(cell). Compare boundaries on the same grid. Length is that of the full polylines.
///
/// # Units
/// Length in units of the plane, turning in radians.
///
/// # References
/// Douglas, Peucker, Cartographica 10 (1973), 112, doi:10.3138/FM57-6770-U75U-7727; Milnor, Ann. Math. 52 (1950), 248,
/// doi:10.2307/1969467 (total curvature of a curve as the supremum over inscribed polygons).
pub fn boundary_complexity(lines: &[Vec<[f64; 2]>], cell: f64) -> BoundaryComplexity {
    let fold = |d: usize, f: fn(f64, f64) -> f64, start| lines.iter().flatten().map(|p| p[d]).fold(start, f);
    let extent = |d: usize| fold(d, f64::max, f64::NEG_INFINITY) - fold(d, f64::min, f64::INFINITY);
    let same = SAME * extent(0).max(extent(1));
    let mut out = BoundaryComplexity::default();
    for line in lines.iter().filter(|l| l.len() > 1) {
        out.length += line.windows(2).map(|w| distance(&w[0], &w[1])).sum::<f64>();
        let closed = line.len() > 2 && distance(&line[0], &line[line.len() - 1]) <= same;
        let points = simplified(line, closed, WIGGLE * cell);
        let mut headings: Vec<f64> = points.windows(2).map(|w| (w[1][1] - w[0][1]).atan2(w[1][0] - w[0][0])).collect();
        if closed {
            headings.push(headings[0]);
        }
        let turns: Vec<f64> = headings.windows(2).map(|w| angle(w[0], w[1])).collect();
        out.turning += turns.iter().sum::<f64>();
        // The segments that the grid resolves. Shorter ones are places where the grid cuts the corner between two of
        // them.
        let long: Vec<f64> = points
            .windows(2)
            .zip(&headings)
            .filter(|(w, _)| distance(&w[0], &w[1]) >= RESOLVED * cell)
            .map(|(_, &heading)| heading)
            .collect();
        let bends = long.windows(2).filter(|w| angle(w[0], w[1]) >= STRAIGHT).count();
        out.n_linear += match (long.first(), long.last()) {
            (Some(&first), Some(&last)) if closed && bends > 0 => bends + usize::from(angle(last, first) >= STRAIGHT),
            _ => bends + 1,
        };
    }
    out.n_pieces = connected(lines, same);
    out
}

/// The fewest vertices from which the line keeps within `tolerance`. Both ends are among them, and of a closed line
/// also the vertex that is farthest from the ends.
fn simplified(line: &[[f64; 2]], closed: bool, tolerance: f64) -> Vec<[f64; 2]> {
    let last = line.len() - 1;
    let mut keep = vec![false; line.len()];
    (keep[0], keep[last]) = (true, true);
    let mut open = vec![(0, last)];
    if closed {
        let far =
            (0..last).fold(0, |b, i| if distance(&line[i], &line[0]) > distance(&line[b], &line[0]) { i } else { b });
        keep[far] = true;
        open = vec![(0, far), (far, last)];
    }
    while let Some((from, to)) = open.pop() {
        let off = |i: usize| to_segment(line[i], line[from], line[to]);
        let worst = (from + 1..to).map(|i| (i, off(i))).fold((from, 0.0), |w, c| if c.1 > w.1 { c } else { w });
        if worst.1 > tolerance {
            keep[worst.0] = true;
            open.extend([(from, worst.0), (worst.0, to)]);
        }
    }
    line.iter().zip(keep).filter(|(_, keep)| *keep).map(|(p, _)| *p).collect()
}

/// Distance of `p` to the segment from `a` to `b`.
pub(super) fn to_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (d, r) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length2 = d[0] * d[0] + d[1] * d[1];
    let t = if length2 > 0.0 { ((r[0] * d[0] + r[1] * d[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (r[0] - t * d[0]).hypot(r[1] - t * d[1])
}

/// The absolute angle between two headings, 0 to pi.
fn angle(a: f64, b: f64) -> f64 {
    let turn = (b - a).rem_euclid(std::f64::consts::TAU);
    turn.min(std::f64::consts::TAU - turn)
}

/// The representative of the piece that line `i` belongs to.
fn root(piece: &[usize], mut i: usize) -> usize {
    while piece[i] != i {
        i = piece[i];
    }
    i
}

/// Number of connected pieces of lines that share ends.
fn connected(lines: &[Vec<[f64; 2]>], same: f64) -> usize {
    let mut piece: Vec<usize> = (0..lines.len()).collect();
    let mut at: HashMap<[i64; 2], usize> = HashMap::new();
    for (i, line) in lines.iter().enumerate() {
        for p in [line.first(), line.last()].into_iter().flatten() {
            let key = p.map(|x| (x / same.max(f64::MIN_POSITIVE)).round() as i64);
            let meets = *at.entry(key).or_insert(i);
            let (a, b) = (root(&piece, i), root(&piece, meets));
            piece[a.max(b)] = a.min(b);
        }
    }
    (0..lines.len()).filter(|&i| piece[i] == i && !lines[i].is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Plane, decision_boundary};
    use crate::linalg::Matrix;
    use std::f64::consts::{PI, TAU};

    fn traced(f: impl Fn(f64, f64) -> Vec<f64>, n: usize) -> BoundaryComplexity {
        let plane = Plane::square(-1.0, 1.0);
        let nodes: Matrix<f64> = plane.nodes(n, n);
        let columns: Vec<Vec<f64>> = nodes.iter_columns().map(|p| f(p[0], p[1])).collect();
        let outputs = Matrix { rows: columns[0].len(), columns: columns.len(), data: columns.concat() };
        let cell = 2.0 * 2f64.sqrt() / (n - 1) as f64;
        boundary_complexity(&decision_boundary(&plane, &outputs, n, n), cell)
    }

    #[test]
    fn a_straight_line_is_one_piece_without_turning() {
        let got = traced(|x, y| vec![x + 0.3 * y, 0.123], 47);
        assert_eq!((got.n_pieces, got.n_linear), (1, 1));
        assert!((got.length - 2.0 * 1.09f64.sqrt()).abs() < 1e-9, "{got:?}");
        assert!(got.turning < 1e-6, "{got:?}");
    }

    #[test]
    fn a_circle_turns_once() {
        let got = traced(|x, y| vec![x * x + y * y, 0.25], 201);
        assert_eq!(got.n_pieces, 1);
        assert!((got.turning - TAU).abs() < 1e-3, "{got:?}");
        assert!((got.length - PI).abs() < 1e-3, "{got:?}");
        // Two circles, far enough apart.
        let circle = |x: f64, y: f64, cx: f64| (x - cx) * (x - cx) + y * y;
        let got = traced(|x, y| vec![circle(x, y, -0.5).min(circle(x, y, 0.5)), 0.1], 201);
        assert_eq!(got.n_pieces, 2);
        assert!((got.turning - 2.0 * TAU).abs() < 1e-3, "{got:?}");
    }

    #[test]
    fn a_piecewise_linear_boundary_has_its_corners() {
        // Two kinks, of 45 and of 90 degrees, off the nodes.
        let f = |x: f64, y: f64| vec![y - (x + 0.303).max(0.0) + 2.0 * (x - 0.217).max(0.0), 0.0317];
        let got = traced(f, 301);
        assert_eq!((got.n_pieces, got.n_linear), (1, 3), "{got:?}");
        assert!((got.turning - 0.75 * PI).abs() < 0.02, "{got:?}");
        // A square, closed.
        let got = traced(|x, y| vec![(x + 0.013).abs().max((y - 0.021).abs()), 0.5], 301);
        assert_eq!((got.n_pieces, got.n_linear), (1, 4), "{got:?}");
        assert!((got.turning - TAU).abs() < 0.02 && (got.length - 4.0).abs() < 0.02, "{got:?}");
    }

    #[test]
    fn lines_that_meet_are_one_piece() {
        let direction = |turn: f64| (turn.cos(), turn.sin());
        let sectors = |x: f64, y: f64| -> Vec<f64> {
            (0..3).map(|i| direction(f64::from(i) * 2.0944 + 0.3)).map(|(c, s)| c * x + s * y + 0.01).collect()
        };
        let got = traced(sectors, 41);
        assert_eq!((got.n_pieces, got.n_linear), (1, 3), "{got:?}");
        assert_eq!(boundary_complexity(&[], 0.1), BoundaryComplexity::default());
    }
}
