//! Estimated densities of spectra.

use super::{LEGEND_SIZE, MOST, color, entry, stroke};
use crate::axes::{Side, axis};
use crate::chart::{self, MARGIN, TITLE_ROOM, axis_style, frame};
use crate::check;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::legend::{Entry, Key, beside};
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Element, Fill, Scene, Style};
use crate::ticks::ticks;

/// The density of a spectrum as a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct DensityCurve {
    /// Its name in the legend, set as it stands.
    pub name: String,
    /// Eigenvalues `[n]` at which the density is given, ascending; at least two.
    pub eigenvalues: Vec<f64>,
    /// The density `[n]` there; 0 or more, apart from rounding.
    pub density: Vec<f64>,
    /// Its standard errors `[n]`; empty where they are not known.
    pub errors: Vec<f64>,
}

// All lengths in points.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 52.0;
const BELOW: f64 = 34.0;
/// Densities below this fraction of the largest are not shown.
const LOWEST: f64 = 1e-8;

/// The densities of one or several spectra on a logarithmic axis, with a band of one standard error around each; what lies
/// below 1e-8 of the largest density is not shown. Several curves have a legend.
///
/// # Errors
/// Where there are no curves or more than 12, lengths do not fit together, eigenvalues do not ascend, a number is not finite,
/// no density is positive, or a name has a character the fonts lack.
pub fn density_curves(title: &str, curves: &[DensityCurve]) -> Result<Scene, FigureError> {
    checked(curves)?;
    let highest = chart::ends(curves.iter().flat_map(|c| &c.density))[1];
    if highest <= 0.0 {
        return Err(FigureError::value("the largest density", highest, "a positive number"));
    }
    let shown = curves.iter().flat_map(|c| &c.density).filter(|&&d| d >= LOWEST * highest);
    let lowest = chart::ends(shown)[0];
    let rect = Rect::new(LEFT, MARGIN + TITLE_ROOM, WIDTH, HEIGHT);
    let x = chart::around(curves.iter().flat_map(|c| &c.eigenvalues), 0.02)?;
    let y = Scale::log(0.6 * lowest.min(0.1 * highest), 2.0 * highest)?;
    let panel = Panel { rect, x, y };
    let mut elements: Vec<Element> = curves.iter().enumerate().filter_map(|(i, c)| band(c, i, &panel)).collect();
    for (i, curve) in curves.iter().enumerate() {
        elements.push(panel.lines(&[line(curve, &curve.density, &panel)], stroke(i, 1.3)));
    }
    elements.push(frame(&panel));
    elements.push(chart::name(title, rect, WIDTH)?);
    let style = axis_style();
    elements.extend(axis(rect, Side::Bottom, &x, &ticks(&x, 5), Some(r"eigenvalue $\lambda$"), &style)?.elements);
    elements.extend(axis(rect, Side::Left, &y, &ticks(&y, 5), Some(r"density $\phi(\lambda)$"), &style)?.elements);
    let mut entries: Vec<Entry> =
        curves.iter().enumerate().map(|(i, c)| entry(i, &c.name)).collect::<Result<_, _>>()?;
    if curves.iter().any(|c| !c.errors.is_empty()) {
        let key = Key::Area(Style { fill: Some(Fill { color: chart::FAINT, opacity: 0.4 }), stroke: None });
        entries.push(Entry { key, label: r"$\pm$ 1 standard error".to_owned() });
    }
    let mut right = rect.right();
    if entries.len() > 1 {
        let (drawn, width) = beside(Rect { x: right + 4.0, ..rect }, &entries, LEGEND_SIZE)?;
        elements.extend(drawn);
        right += 4.0 + width;
    }
    let mut scene = Scene::new(right + 2.0 * MARGIN, rect.bottom() + BELOW + MARGIN / 2.0, title);
    scene.extend(elements);
    Ok(scene)
}

fn checked(curves: &[DensityCurve]) -> Result<(), FigureError> {
    check::not_empty(|| "the densities".to_owned(), curves.len(), "curve")?;
    if curves.len() > MOST {
        return Err(FigureError::value("the number of densities in one picture", curves.len(), "at most 12"));
    }
    for c in curves {
        let n = c.eigenvalues.len();
        if n < 2 {
            let what = format!("the number of points of the density of `{}`", c.name);
            return Err(FigureError::value(what, n, "at least 2"));
        }
        let because = "one for each eigenvalue";
        check::length(|| format!("the density of `{}`", c.name), c.density.len(), Some(n), because)?;
        if !c.errors.is_empty() {
            check::length(|| format!("the errors of the density of `{}`", c.name), c.errors.len(), Some(n), because)?;
        }
        for (what, values) in [("an eigenvalue", &c.eigenvalues), ("a value", &c.density), ("an error", &c.errors)] {
            check::finite(|| format!("{what} of the density of `{}`", c.name), values)?;
        }
        if let Some(pair) = c.eigenvalues.windows(2).find(|pair| pair[0] >= pair[1]) {
            let what = format!("what follows {} in the eigenvalues of the density of `{}`", pair[0], c.name);
            return Err(FigureError::value(what, pair[1], "a larger number"));
        }
    }
    Ok(())
}

/// The points of a curve; values too small for the logarithmic axis lie below its lower end.
fn line(curve: &DensityCurve, values: &[f64], panel: &Panel) -> Vec<[f64; 2]> {
    let floor = 0.1 * panel.y.low();
    curve.eigenvalues.iter().zip(values).map(|(&x, &v)| [x, v.max(floor)]).collect()
}

/// The area within one standard error of the curve.
fn band(curve: &DensityCurve, i: usize, panel: &Panel) -> Option<Element> {
    let around =
        |sign: f64| -> Vec<f64> { curve.density.iter().zip(&curve.errors).map(|(d, e)| d + sign * e).collect() };
    if curve.errors.is_empty() {
        return None;
    }
    let edge = |sign: f64| line(curve, &around(sign), panel).into_iter().map(|p| panel.place(p));
    let outline: Vec<Point> = edge(1.0).chain(edge(-1.0).rev()).collect();
    let fill = Some(Fill { color: color(i), opacity: 0.2 });
    Some(panel.clipped(vec![Element::shape(Path::polygon(&outline), Style { fill, stroke: None })]))
}
