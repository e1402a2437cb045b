//! Points, boxes and paths on the canvas: in points (1/72 inch), x to the right, y downwards.

/// A place on the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// The point (x, y).
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// A box with sides along the axes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    /// Left side.
    pub x: f64,
    /// Upper side.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The box with the upper left corner (x, y).
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// The right side.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The lower side.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The middle.
    pub fn center(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// The box grown by `by` on all four sides (shrunk where negative).
    #[must_use]
    pub fn expanded(&self, by: f64) -> Self {
        Self::new(self.x - by, self.y - by, self.width + 2.0 * by, self.height + 2.0 * by)
    }

    /// Whether `p` lies inside or on a side.
    pub fn contains(&self, p: Point) -> bool {
        p.x >= self.x && p.x <= self.right() && p.y >= self.y && p.y <= self.bottom()
    }

    /// The smallest box around both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        Self::new(x, y, self.right().max(other.right()) - x, self.bottom().max(other.bottom()) - y)
    }
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Segment {
    /// Lift the pen and put it down there.
    Move(Point),
    /// A straight line to there.
    Line(Point),
    /// A quadratic curve: control point, end.
    Quad(Point, Point),
    /// A cubic curve: two control points, end.
    Cubic(Point, Point, Point),
    /// A straight line back to the last `Move`.
    Close,
}

/// Lines and curves, open or closed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// The steps in order.
    pub segments: Vec<Segment>,
}

impl Path {
    /// An open line through the points.
    pub fn polyline(points: &[Point]) -> Self {
        let step = |(i, &p): (usize, &Point)| if i == 0 { Segment::Move(p) } else { Segment::Line(p) };
        Self { segments: points.iter().enumerate().map(step).collect() }
    }

    /// A closed polygon with the points as its corners.
    pub fn polygon(points: &[Point]) -> Self {
        let mut path = Self::polyline(points);
        if !path.segments.is_empty() {
            path.segments.push(Segment::Close);
        }
        path
    }

    /// The outline of a box.
    pub fn rect(r: Rect) -> Self {
        Self::polygon(&[
            Point::new(r.x, r.y),
            Point::new(r.right(), r.y),
            Point::new(r.right(), r.bottom()),
            Point::new(r.x, r.bottom()),
        ])
    }

    /// A circle, as four cubic arcs (off by at most 0.03 % of the radius).
    pub fn circle(center: Point, radius: f64) -> Self {
        const ARC: f64 = 0.552_284_749_8;
        let at = |x: f64, y: f64| Point::new(center.x + radius * x, center.y + radius * y);
        Self {
            segments: vec![
                Segment::Move(at(1.0, 0.0)),
                Segment::Cubic(at(1.0, ARC), at(ARC, 1.0), at(0.0, 1.0)),
                Segment::Cubic(at(-ARC, 1.0), at(-1.0, ARC), at(-1.0, 0.0)),
                Segment::Cubic(at(-1.0, -ARC), at(-ARC, -1.0), at(0.0, -1.0)),
                Segment::Cubic(at(ARC, -1.0), at(1.0, -ARC), at(1.0, 0.0)),
                Segment::Close,
            ],
        }
    }

    /// Appends the steps of `other`.
    pub fn extend(&mut self, other: Path) {
        self.segments.extend(other.segments);
    }

    /// A copy of the path with every point replaced by `f` of it.
    #[must_use]
    pub fn map(&self, f: impl Fn(Point) -> Point) -> Self {
        let step = |s: &Segment| match *s {
            Segment::Move(p) => Segment::Move(f(p)),
            Segment::Line(p) => Segment::Line(f(p)),
            Segment::Quad(c, p) => Segment::Quad(f(c), f(p)),
            Segment::Cubic(c, d, p) => Segment::Cubic(f(c), f(d), f(p)),
            Segment::Close => Segment::Close,
        };
        Self { segments: self.segments.iter().map(step).collect() }
    }
}
