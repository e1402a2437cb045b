//! A panel: a box on the page with a scale in each direction, and what data look like in it.

use crate::clip::clip_polyline;
use crate::geometry::{Path, Point, Rect};
use crate::marker::Marker;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Stroke, Style};

/// A box in which data are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Panel {
    /// Where it is on the page.
    pub rect: Rect,
    /// From left to right.
    pub x: Scale,
    /// From the lower to the upper side.
    pub y: Scale,
}

impl Panel {
    /// The place of a data point on the page.
    pub fn place(&self, [x, y]: [f64; 2]) -> Point {
        Point::new(
            self.rect.x + self.rect.width * self.x.fraction(x),
            self.rect.bottom() - self.rect.height * self.y.fraction(y),
        )
    }

    /// Lines through data points, cut at the panel's sides.
    pub fn lines<L: AsRef<[[f64; 2]]>>(&self, lines: &[L], stroke: Stroke) -> Element {
        // Cut a little outside, so that the cut ends of thick lines stay hidden.
        let room = self.rect.expanded(2.0 * stroke.width);
        let cut = |line: &L| {
            let points: Vec<Point> = line.as_ref().iter().map(|&p| self.place(p)).collect();
            clip_polyline(&points, room)
        };
        let paths = lines.iter().flat_map(cut).map(|part| Path::polyline(&part)).collect();
        self.clipped(vec![Element::Shapes { paths, style: Style::stroked(stroke) }])
    }

    /// Markers at those of the data points that lie in the panel.
    pub fn markers(
        &self,
        points: impl IntoIterator<Item = [f64; 2]>,
        marker: Marker,
        size: f64,
        style: Style,
    ) -> Element {
        let places = points.into_iter().map(|p| self.place(p)).filter(|&p| self.rect.contains(p));
        let paths = places.map(|p| marker.path(p, size)).collect();
        self.clipped(vec![Element::Shapes { paths, style }])
    }

    /// A cell image over the whole panel.
    pub fn image(&self, raster: Raster) -> Element {
        Element::Image { raster, rect: self.rect }
    }

    /// The panel's border.
    pub fn frame(&self, stroke: Stroke) -> Element {
        Element::shape(Path::rect(self.rect), Style::stroked(stroke))
    }

    /// Elements of which only the part inside of the panel is seen.
    pub fn clipped(&self, elements: Vec<Element>) -> Element {
        Element::Clip { rect: self.rect, elements }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FigureError, Rgb};

    fn panel() -> Result<Panel, FigureError> {
        let rect = Rect::new(10.0, 20.0, 100.0, 50.0);
        Ok(Panel { rect, x: Scale::linear(-4.0, 4.0)?, y: Scale::linear(0.0, 1.0)? })
    }

    #[test]
    fn y_grows_upwards() -> Result<(), FigureError> {
        assert_eq!(panel()?.place([-4.0, 0.0]), Point::new(10.0, 70.0));
        assert_eq!(panel()?.place([0.0, 1.0]), Point::new(60.0, 20.0));
        Ok(())
    }

    #[test]
    fn points_outside_are_left_out() -> Result<(), FigureError> {
        let element = panel()?.markers([[0.0, 0.5], [9.0, 0.5]], Marker::Circle, 3.0, Style::filled(Rgb::BLACK));
        let Element::Clip { elements, .. } = element else { panic!("a clip expected") };
        let [Element::Shapes { paths, .. }] = elements.as_slice() else { panic!("shapes expected") };
        assert_eq!(paths.len(), 1);
        Ok(())
    }
}
