//! A colour bar for each map, from minus to plus its largest magnitude.

use super::{FRAME, Row};
use crate::axes::{Axis, AxisStyle};
use crate::color::ColorMap;
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::geometry::Rect;
use crate::label::significant;
use crate::scale::Scale;
use crate::ticks::Tick;

pub(super) const OWN_BAR_GAP: f64 = 4.0;
pub(super) const OWN_BAR_WIDTH: f64 = 5.0;

/// From minus to plus `extent`; maps of zeros only are white.
pub(super) fn symmetric(extent: f64) -> Result<Scale, FigureError> {
    if extent > 0.0 { Scale::linear(-extent, extent) } else { Scale::linear(-1.0, 1.0) }
}

/// A narrow bar that is marked at its ends and in the middle.
pub(super) fn own_bar(extent: f64, rect: Rect) -> Result<Axis, FigureError> {
    let scale = symmetric(extent)?;
    let mark = |value: f64| Tick { value, label: format!("${}$", significant(value, 2)) };
    let marks = [scale.low(), 0.0, scale.high()].map(mark);
    let style = AxisStyle { number_size: 10.0, mark: 2.0, gap: 2.0, line: FRAME, ..AxisStyle::default() };
    color_bar(rect, &ColorMap::ALIGNMENT, &scale, &marks, None, &style)
}

pub(super) fn own_bar_room<R: Row>(rows: &[R]) -> Result<f64, FigureError> {
    let mut depth: f64 = 0.0;
    for row in rows {
        for extent in (0..row.captions().len()).filter_map(|i| row.extent(i)) {
            depth = depth.max(own_bar(extent, Rect::default())?.depth);
        }
    }
    Ok(OWN_BAR_GAP + OWN_BAR_WIDTH + depth)
}
