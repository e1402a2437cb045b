//! Marker shapes, one for each class.

use crate::geometry::{Path, Point};
use std::f64::consts::PI;

/// A filled shape that stands for one data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the names say it
pub enum Marker {
    Circle,
    Square,
    Diamond,
    TriangleUp,
    Cross,
    Star,
    TriangleDown,
    Plus,
    Pentagon,
    TriangleLeft,
    HalfDisk,
    TriangleRight,
}

impl Marker {
    /// All shapes, in the order in which classes take them.
    pub const ALL: [Self; 12] = [
        Self::Circle,
        Self::Square,
        Self::Diamond,
        Self::TriangleUp,
        Self::Cross,
        Self::Star,
        Self::TriangleDown,
        Self::Plus,
        Self::Pentagon,
        Self::TriangleLeft,
        Self::HalfDisk,
        Self::TriangleRight,
    ];

    /// The shape of class `class`, or none beyond the last one: shapes are never used twice.
    pub fn for_class(class: usize) -> Option<Self> {
        Self::ALL.get(class).copied()
    }

    /// The outline around `center`; all shapes weigh about as much as a circle of diameter `size`.
    pub fn path(self, center: Point, size: f64) -> Path {
        let r = size / 2.0;
        let polygon = |corners: &[(f64, f64)]| {
            let at = |&(x, y): &(f64, f64)| Point::new(center.x + r * x, center.y + r * y);
            Path::polygon(&corners.iter().map(at).collect::<Vec<_>>())
        };
        match self {
            Self::Circle => Path::circle(center, r),
            Self::Square => polygon(&[(-0.89, -0.89), (0.89, -0.89), (0.89, 0.89), (-0.89, 0.89)]),
            Self::Diamond => polygon(&[(0.0, -1.4), (0.92, 0.0), (0.0, 1.4), (-0.92, 0.0)]),
            Self::TriangleUp => polygon(&ring(3, 1.4, 1.4, -PI / 2.0)),
            Self::TriangleDown => polygon(&ring(3, 1.4, 1.4, PI / 2.0)),
            Self::TriangleLeft => polygon(&ring(3, 1.4, 1.4, PI)),
            Self::TriangleRight => polygon(&ring(3, 1.4, 1.4, 0.0)),
            Self::Pentagon => polygon(&ring(5, 1.15, 1.15, -PI / 2.0)),
            Self::Star => polygon(&ring(10, 1.45, 0.62, -PI / 2.0)),
            Self::Plus => polygon(&plus(0.0)),
            Self::Cross => polygon(&plus(PI / 4.0)),
            Self::HalfDisk => {
                let arc = (0..=16).map(|i| PI * f64::from(i) / 16.0);
                polygon(&arc.map(|a| (1.3 * a.cos(), 0.55 - 1.3 * a.sin())).collect::<Vec<_>>())
            }
        }
    }
}

/// `n` corners around the origin, at radius `even` and `odd` in turn.
fn ring(n: u32, even: f64, odd: f64, start: f64) -> Vec<(f64, f64)> {
    let corner = |i: u32| {
        let (angle, radius) =
            (start + 2.0 * PI * f64::from(i) / f64::from(n), if i.is_multiple_of(2) { even } else { odd });
        (radius * angle.cos(), radius * angle.sin())
    };
    (0..n).map(corner).collect()
}

/// The twelve corners of a plus, turned by `angle`.
fn plus(angle: f64) -> Vec<(f64, f64)> {
    const ARM: f64 = 1.25;
    const HALF: f64 = 0.42;
    let quarter = [(HALF, -HALF), (ARM, -HALF), (ARM, HALF)];
    let turned = |turn: f64| quarter.map(|(x, y)| (x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos()));
    (0..4).flat_map(|i| turned(angle + PI / 2.0 * f64::from(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_distinct_and_never_used_twice() {
        let paths: Vec<Path> = Marker::ALL.iter().map(|m| m.path(Point::default(), 2.0)).collect();
        for (i, a) in paths.iter().enumerate() {
            assert!(paths[i + 1..].iter().all(|b| a != b), "{:?}", Marker::ALL[i]);
        }
        assert_eq!(Marker::for_class(0), Some(Marker::Circle));
        assert_eq!(Marker::for_class(12), None);
    }
}
