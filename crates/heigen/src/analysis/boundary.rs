//! The decision boundary in a plane, traced as polylines.

use super::Plane;
use crate::linalg::{Matrix, Scalar};
use crate::model::argmax;
use std::collections::HashMap;

/// The lines on which the predicted class changes: polylines in data coordinates, from outputs [C, nx * ny] on the
/// plane's [`Plane::nodes`].
///
/// Every grid square is cut into two triangles on which the outputs are taken as linear; there the boundary between
/// classes a and b is the part of the line `o_a = o_b` where no other output is larger. Exact for a network that is
/// linear on the triangle; three classes meet in one point without gaps. A boundary that misses every node by less
/// than a cell can be missed.
pub fn decision_boundary<T: Scalar>(plane: &Plane, outputs: &Matrix<T>, nx: usize, ny: usize) -> Vec<Vec<[f64; 2]>> {
    let nodes: Matrix<f64> = plane.nodes(nx, ny);
    let predicted: Vec<usize> = outputs.iter_columns().map(argmax).collect();
    let mut segments = Vec::new();
    for j in 0..ny.saturating_sub(1) {
        for i in 0..nx.saturating_sub(1) {
            let corner = i + j * nx;
            // The diagonal runs the same way in every square, so neighbouring squares share whole edges.
            for triangle in [[corner, corner + 1, corner + nx + 1], [corner, corner + nx, corner + nx + 1]] {
                triangle_segments(&nodes, outputs, &predicted, triangle, &mut segments);
            }
        }
    }
    let size = (plane.x[1] - plane.x[0]).abs().max((plane.y[1] - plane.y[0]).abs());
    chain(&segments, size)
}

type Point = [f64; 2];

/// The boundary segments inside one triangle.
fn triangle_segments<T: Scalar>(
    nodes: &Matrix<f64>,
    outputs: &Matrix<T>,
    predicted: &[usize],
    triangle: [usize; 3],
    segments: &mut Vec<[Point; 2]>,
) {
    let corners = triangle.map(|n| predicted[n]);
    if corners[0] == corners[1] && corners[1] == corners[2] {
        return;
    }
    let points: [Point; 3] = triangle.map(|n| [nodes.column(n)[0], nodes.column(n)[1]]);
    let output = |n: usize, class: usize| outputs.column(triangle[n])[class].to_f64();
    let classes = outputs.rows;
    for a in 0..classes {
        for b in a + 1..classes {
            // The ends of the line o_a = o_b in the triangle, in barycentric coordinates.
            let difference = [0, 1, 2].map(|n| output(n, a) - output(n, b));
            let mut ends = Vec::with_capacity(2);
            for (p, q) in [(0, 1), (1, 2), (0, 2)] {
                if (difference[p] >= 0.0) != (difference[q] >= 0.0) {
                    let t = difference[p] / (difference[p] - difference[q]);
                    let mut weights = [0.0; 3];
                    weights[p] = 1.0 - t;
                    weights[q] = t;
                    ends.push(weights);
                }
            }
            let [start, end] = ends[..] else { continue };
            // The segment is cut off where another class c wins: o_c - o_a is linear along the segment.
            let (mut from, mut to) = (0.0f64, 1.0f64);
            for c in (0..classes).filter(|&c| c != a && c != b) {
                let excess = |w: [f64; 3]| (0..3).map(|n| w[n] * (output(n, c) - output(n, a))).sum::<f64>();
                let (e0, e1) = (excess(start), excess(end));
                match (e0 > 0.0, e1 > 0.0) {
                    (true, true) => to = -1.0,
                    (true, false) => from = from.max(e0 / (e0 - e1)),
                    (false, true) => to = to.min(e0 / (e0 - e1)),
                    (false, false) => {}
                }
            }
            if from < to {
                let at = |s: f64| {
                    let w = [0, 1, 2].map(|n| start[n] + s * (end[n] - start[n]));
                    [0, 1].map(|d| (0..3).map(|n| w[n] * points[n][d]).sum::<f64>())
                };
                segments.push([at(from), at(to)]);
            }
        }
    }
}

/// Joins segments that share an end into polylines. Where more than two segments meet, the polylines end.
fn chain(segments: &[[Point; 2]], size: f64) -> Vec<Vec<Point>> {
    /// Ends that are closer than this fraction of the plane count as one point.
    const SAME: f64 = 1e-9;
    let key = |p: Point| p.map(|x| (x / (size * SAME)).round() as i64);
    let mut at: HashMap<[i64; 2], Vec<usize>> = HashMap::new();
    for (i, segment) in segments.iter().enumerate() {
        if key(segment[0]) != key(segment[1]) {
            segment.iter().for_each(|&p| at.entry(key(p)).or_default().push(i));
        }
    }
    let mut used: Vec<bool> = segments.iter().map(|s| key(s[0]) == key(s[1])).collect();
    let walk = |first: usize, start: usize, used: &mut Vec<bool>| {
        let mut line = vec![segments[first][start], segments[first][1 - start]];
        used[first] = true;
        loop {
            let here = key(line[line.len() - 1]);
            let meeting = &at[&here];
            let next = if meeting.len() == 2 { meeting.iter().find(|&&i| !used[i]) } else { None };
            let Some(&next) = next else { return line };
            used[next] = true;
            let segment = segments[next];
            line.push(if key(segment[0]) == here { segment[1] } else { segment[0] });
        }
    };
    let mut lines = Vec::new();
    // Open lines come first, traced from their ends; the segments that remain form closed lines.
    for i in 0..segments.len() {
        for end in 0..2 {
            if !used[i] && at[&key(segments[i][end])].len() != 2 {
                lines.push(walk(i, end, &mut used));
            }
        }
    }
    for i in 0..segments.len() {
        if !used[i] {
            lines.push(walk(i, 0, &mut used));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boundary(f: impl Fn(f64, f64) -> Vec<f64>, n: usize) -> Vec<Vec<Point>> {
        let plane = Plane::square(-1.0, 1.0);
        let nodes: Matrix<f64> = plane.nodes(n, n);
        let columns: Vec<Vec<f64>> = nodes.iter_columns().map(|p| f(p[0], p[1])).collect();
        let outputs = Matrix { rows: columns[0].len(), columns: columns.len(), data: columns.concat() };
        decision_boundary(&plane, &outputs, n, n)
    }

    #[test]
    fn a_linear_boundary_is_one_straight_line() {
        let lines = boundary(|x, y| vec![x + 0.3 * y, 0.123], 12);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].iter().all(|p| (p[0] + 0.3 * p[1] - 0.123).abs() < 1e-12));
        let (first, last) = (lines[0][0], lines[0][lines[0].len() - 1]);
        assert!((first[1] - last[1]).abs() > 2.0 - 1e-12, "from edge to edge: {first:?} {last:?}");
    }

    #[test]
    fn three_sectors_meet_in_one_point() {
        let direction = |turn: f64| (turn.cos(), turn.sin());
        let lines = boundary(
            |x, y| (0..3).map(|i| direction(f64::from(i) * 2.0944 + 0.3)).map(|(c, s)| c * x + s * y + 0.01).collect(),
            21,
        );
        assert_eq!(lines.len(), 3);
        let ends: Vec<Point> = lines.iter().flat_map(|l| [l[0], l[l.len() - 1]]).collect();
        let inner = ends.iter().filter(|p| p[0].abs() < 1e-3 && p[1].abs() < 1e-3).count();
        assert_eq!(inner, 3, "{ends:?}");
    }

    #[test]
    fn a_circle_is_one_closed_line() {
        let lines = boundary(|x, y| vec![x * x + y * y, 0.25], 60);
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line[0].map(|x| (x * 1e9).round()), line[line.len() - 1].map(|x| (x * 1e9).round()));
        assert!(line.iter().all(|p| ((p[0] * p[0] + p[1] * p[1]).sqrt() - 0.5).abs() < 2e-3));
    }

    #[test]
    fn one_class_has_no_boundary() {
        assert!(boundary(|x, _| vec![x, 5.0], 9).is_empty());
    }
}
