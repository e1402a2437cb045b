//! The figures of a study: effects with their intervals, and the rows behind them.

use super::cells::Cell;
use super::file::{ClaimSpec, Compare};
use super::judge::{Found, Judged, Rows, STRONG};
use super::measures::named;
use crate::LabError;
use heigen_figures::{
    Curve, CurvePanel, FigureError, IntervalGroup, IntervalRow, Rendered, Scene, curve_panels, intervals, render_at,
};
use heigen_spectra::Threads;
use heigen_store::cell_record::CellRecord;

/// Dots in an inch of the PNG: these figures are high, and read on screens.
const DPI: f64 = 110.0;
/// The most colours of a panel.
const MOST: usize = 12;
/// The most panels of a figure, two in a row.
const PANELS: usize = 24;

/// Draws what there is to draw; each figure has the name of its files.
pub(super) fn draw(
    threads: &Threads,
    rows: Rows,
    claims: &[Judged],
) -> Result<Vec<(&'static str, Rendered)>, LabError> {
    let mut drawn = Vec::new();
    for (name, scene) in [("claims", effects(rows, claims)?), ("rows", panels(rows, claims)?)] {
        if let Some(scene) = scene {
            drawn.push((name, threads.run(|| render_at(&scene, DPI))?));
        }
    }
    Ok(drawn)
}

/// The effects of all claims with their intervals.
fn effects(rows: Rows, claims: &[Judged]) -> Result<Option<Scene>, FigureError> {
    if claims.is_empty() {
        return Ok(None);
    }
    let groups: Vec<IntervalGroup> = claims
        .iter()
        .map(|judged| {
            let row = |found: &Found, label: &str, strong: bool| IntervalRow {
                label: format!("{label} ({})", found.n),
                estimate: found.effect.map(|e| [e.value, e.low, e.high]),
                strong,
            };
            let all = row(&judged.over_all, "over all", true);
            let groups = judged.groups.iter().map(|found| row(found, &found.group, false));
            IntervalGroup {
                title: plain(&judged.claim.name),
                note: format!("{}{}", sign(&judged.claim), judged.support.words()),
                rows: std::iter::once(all).chain(groups).collect(),
            }
        })
        .collect();
    let label = "effect: rank correlation, or dominance over pairs";
    intervals(&rows.file.title, &groups, [-1.05, 1.05], &[-STRONG, 0.0, STRONG], label).map(Some)
}

/// The direction that is claimed.
fn sign(claim: &ClaimSpec) -> &'static str {
    if claim.expect.sign() > 0.0 { "> 0: " } else { "< 0: " }
}

/// Text without the characters that labels read as mathematics.
fn plain(text: &str) -> String {
    text.replace(['$', '\\', '{', '}'], "")
}

/// A panel for each claim: the two measures against each other, or a measure at the two levels.
fn panels(rows: Rows, claims: &[Judged]) -> Result<Option<Scene>, FigureError> {
    let panels: Vec<CurvePanel> = claims.iter().filter_map(|judged| panel(rows, &judged.claim)).take(PANELS).collect();
    if panels.is_empty() { Ok(None) } else { curve_panels(&rows.file.title, &panels).map(Some) }
}

fn panel(rows: Rows, claim: &ClaimSpec) -> Option<CurvePanel> {
    let counted = rows.counted(|cell| cell.is_in(&claim.only));
    let (points, axes, logarithmic, color): (Vec<(String, [f64; 2])>, _, _, _) =
        match (&claim.correlate, &claim.compare) {
            (Some([x, y]), _) => {
                let free = rows.file.factors.keys().find(|factor| !claim.within.contains(factor));
                let color = free.or_else(|| rows.file.factors.keys().next_back())?.clone();
                let point = |(cell, record): &(&Cell, &CellRecord)| {
                    let value = |name: &str| record.measures.get(name).copied();
                    Some((cell.level(&color).to_owned(), [value(x)?, value(y)?]))
                };
                let (x, y) = (named(x)?, named(y)?);
                let points = counted.iter().filter_map(point).collect();
                (points, [x.label.to_owned(), y.label.to_owned()], [x.logarithmic, y.logarithmic], color)
            }
            (None, Some(compare)) => {
                let Compare { measure, factor, levels } = compare;
                let color = rows.file.factors.keys().find(|name| *name != factor).unwrap_or(factor).clone();
                let point = |(cell, (first, second)): (&Cell, (f64, f64))| {
                    let group = if color == *factor { "all".to_owned() } else { cell.level(&color).to_owned() };
                    (group, [second, first])
                };
                let points = rows.paired(&counted, compare).into_iter().map(point).collect();
                let measure = named(measure)?;
                let axis = |level: &str| format!("{}, {}", measure.label, plain(level).replace('_', " "));
                (points, [axis(&levels[1]), axis(&levels[0])], [measure.logarithmic; 2], color)
            }
            (None, None) => return None,
        };
    let seen = |p: &[f64; 2]| (0..2).all(|d| p[d].is_finite() && (!logarithmic[d] || p[d] > 0.0));
    let points: Vec<(String, [f64; 2])> = points.into_iter().filter(|(_, p)| seen(p)).collect();
    let mut curves: Vec<Curve> = Vec::new();
    for level in rows.file.level_names(&color).into_iter().chain(["all"]) {
        let of: Vec<[f64; 2]> = points.iter().filter(|(group, _)| group == level).map(|(_, p)| *p).collect();
        if !of.is_empty() && curves.len() + 1 < MOST {
            curves.push(Curve { name: plain(level).replace('_', " "), points: of, markers: true });
        }
    }
    if curves.is_empty() {
        return None;
    }
    if claim.compare.is_some() {
        let all = points.iter().flat_map(|(_, p)| *p);
        let ends = all.fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], v| [l.min(v), h.max(v)]);
        curves.push(Curve { name: "equal".to_owned(), points: vec![[ends[0]; 2], [ends[1]; 2]], markers: false });
    }
    Some(CurvePanel { title: plain(&claim.name), axes, logarithmic, curves, levels: vec![] })
}
