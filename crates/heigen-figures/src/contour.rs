//! Lines of equal value on a grid.

use crate::geometry::{Path, Point};

/// The pieces of the lines on which values at the nodes of a grid, row 0 the lowest, are `level`: in each cell one, or two where
/// it is a saddle. Values between nodes are linear along the edges; `place` sends columns and rows to the page.
pub(crate) fn contour(
    [nx, ny]: [usize; 2],
    values: &[f64],
    level: f64,
    place: impl Fn([f64; 2]) -> Point,
) -> Vec<Path> {
    let mut pieces = Vec::new();
    for j in 0..ny.saturating_sub(1) {
        for i in 0..nx.saturating_sub(1) {
            // The corners in a round, so that edge e goes from corner e to corner e + 1.
            let corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
            let v = corners.map(|[i, j]| values[j * nx + i] - level);
            let above = v.map(|v| v >= 0.0);
            let crossing = |e: usize| {
                let (a, b) = (e, (e + 1) % 4);
                let t = v[a] / (v[a] - v[b]);
                let along = |d: usize| corners[a][d] as f64 + t * (corners[b][d] as f64 - corners[a][d] as f64);
                place([along(0), along(1)])
            };
            let crossed: Vec<usize> = (0..4).filter(|&e| above[e] != above[(e + 1) % 4]).collect();
            let mut piece = |a: usize, b: usize| pieces.push(Path::polyline(&[crossing(a), crossing(b)]));
            match crossed[..] {
                [a, b] => piece(a, b),
                // A saddle: the middle says which two of the corners are connected.
                [_, _, _, _] if (v.iter().sum::<f64>() >= 0.0) == above[0] => {
                    piece(0, 1);
                    piece(2, 3);
                }
                [_, _, _, _] => {
                    piece(3, 0);
                    piece(1, 2);
                }
                _ => {}
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Segment;

    /// The ends of the pieces.
    fn ends(paths: &[Path]) -> Vec<[Point; 2]> {
        let points = |path: &Path| -> Vec<Point> {
            let of = |s: &Segment| match s {
                Segment::Move(p) | Segment::Line(p) => Some(*p),
                _ => None,
            };
            path.segments.iter().filter_map(of).collect()
        };
        paths.iter().map(points).map(|p| [p[0], p[1]]).collect()
    }

    #[test]
    fn a_circle_has_its_radius() {
        let n = 41;
        let values: Vec<f64> =
            (0..n * n).map(|k| ((k % n) as f64 - 20.0).powi(2) + ((k / n) as f64 - 20.0).powi(2)).collect();
        let found = ends(&contour([n, n], &values, 150.0, |[x, y]| Point::new(x - 20.0, y - 20.0)));
        assert!(found.len() > 60);
        for p in found.iter().flatten() {
            assert!((p.x.hypot(p.y) - 150.0f64.sqrt()).abs() < 0.02, "{p:?}");
        }
        // A closed line: every end is the end of two pieces.
        for [a, b] in &found {
            for p in [a, b] {
                let met = found.iter().flatten().filter(|q| (q.x - p.x).hypot(q.y - p.y) < 1e-9).count();
                assert_eq!(met, 2, "{p:?}");
            }
        }
    }

    #[test]
    fn a_saddle_has_two_pieces_that_do_not_cross_and_a_plain_no_line() {
        let place = |[x, y]: [f64; 2]| Point::new(x, y);
        // The corners at (0, 0) and (1, 1) are high and so is the middle: the low corners are cut off.
        let found = ends(&contour([2, 2], &[3.0, -1.0, -1.0, 3.0], 0.0, place));
        assert_eq!(
            found,
            [[Point::new(0.75, 0.0), Point::new(1.0, 0.25)], [Point::new(0.25, 1.0), Point::new(0.0, 0.75)]]
        );
        assert_eq!(contour([2, 2], &[1.0, -3.0, -3.0, 1.0], 0.0, place).len(), 2);
        assert!(contour([3, 2], &[1.0; 6], 1.0, place).is_empty());
        assert!(contour([1, 5], &[1.0; 5], 1.0, place).is_empty());
    }
}
