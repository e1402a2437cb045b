//! Cutting polylines at the sides of a box, so that far-away points do not end up in the file.

use crate::geometry::{Point, Rect};

/// The parts of the polyline inside of `rect`, in its order and direction. Lines that leave and come back give several.
pub fn clip_polyline(points: &[Point], rect: Rect) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = Vec::new();
    let mut open = false;
    for pair in points.windows(2) {
        let Some((from, to)) = clip_segment(pair[0], pair[1], rect) else {
            open = false;
            continue;
        };
        match parts.last_mut() {
            Some(part) if open => part.push(to),
            _ => parts.push(vec![from, to]),
        }
        open = to == pair[1];
    }
    parts
}

/// The part of a segment inside of `rect` (Liang and Barsky 1984).
fn clip_segment(a: Point, b: Point, rect: Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let sides = [(-dx, a.x - rect.x), (dx, rect.right() - a.x), (-dy, a.y - rect.y), (dy, rect.bottom() - a.y)];
    let (mut enter, mut leave) = (0.0_f64, 1.0_f64);
    for (slope, room) in sides {
        if slope == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if slope < 0.0 {
            enter = enter.max(room / slope);
        } else {
            leave = leave.min(room / slope);
        }
    }
    let at = |t: f64| Point::new(a.x + t * dx, a.y + t * dy);
    let start = if enter == 0.0 { a } else { at(enter) };
    let end = if leave == 1.0 { b } else { at(leave) };
    (enter <= leave).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Rect = Rect::new(0.0, 0.0, 10.0, 10.0);

    fn clip(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let points: Vec<Point> = points.iter().map(|&(x, y)| Point::new(x, y)).collect();
        clip_polyline(&points, BOX).iter().map(|part| part.iter().map(|p| (p.x, p.y)).collect()).collect()
    }

    #[test]
    fn lines_are_cut_at_the_sides_in_order() {
        for (line, parts) in [
            (vec![(1.0, 1.0), (5.0, 5.0), (9.0, 1.0)], vec![vec![(1.0, 1.0), (5.0, 5.0), (9.0, 1.0)]]),
            (vec![(-5.0, 5.0), (15.0, 5.0)], vec![vec![(0.0, 5.0), (10.0, 5.0)]]),
            (vec![(15.0, 5.0), (-5.0, 5.0)], vec![vec![(10.0, 5.0), (0.0, 5.0)]]),
            (
                vec![(5.0, 5.0), (15.0, 5.0), (15.0, 8.0), (5.0, 8.0)],
                vec![vec![(5.0, 5.0), (10.0, 5.0)], vec![(10.0, 8.0), (5.0, 8.0)]],
            ),
            (vec![(-5.0, 20.0), (20.0, 20.0)], vec![]),
            (vec![(-5.0, 5.0), (5.0, -15.0)], vec![]),
            (vec![(3.0, 3.0)], vec![]),
            (vec![], vec![]),
        ] {
            assert_eq!(clip(&line), parts, "{line:?}");
        }
    }
}
