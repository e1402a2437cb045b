//! A drawing as a report shows it.

use heigen_figures::{FigureError, Scene, svg};

use crate::layout::assert_clear;

/// CSS pixels of a drawing in the main column of a report, in a window of 1,280 pixels with a scroll bar.
const COLUMN: f64 = 887.0;

/// Nothing overlaps, and the smallest text has nine CSS pixels in a report (where text is never larger than its own
/// size); returns the drawing.
pub(crate) fn assert_readable(scene: &Scene) -> Result<String, FigureError> {
    assert_clear(scene);
    let drawn = svg(scene)?;
    let number = |before: &str| -> f64 {
        let rest = drawn.split_once(before).expect(before).1;
        rest.split(['"', ' ']).next().expect("a number").parse().expect(before)
    };
    let (units, smallest) = (number(r#"viewBox="0 0 "#), number(r#"data-smallest-text=""#));
    let pixels = smallest * (COLUMN / units).min(4.0 / 3.0);
    assert!(pixels >= 9.0, "{}: {smallest} points of {units}, {pixels:.2} pixels", scene.title);
    Ok(drawn)
}
